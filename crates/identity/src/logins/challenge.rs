//! Half a log-in: the first factor was right, and what was issued is good for giving the second and nothing else.
use ::store::{Ctx, Tx};
use kernel::{Error, Method, Proof, Result, Timestamp, UserId};
use platform::{
    audit::{self, Entry},
    single_use::{Issue, Purpose, Ticket},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{
    arrival::Arrival,
    model::{Challenge, Grant, Outcome},
    service::Logins,
};
use crate::{
    accounts::User,
    devices::Seen,
    factors::FactorKind,
    sessions::{Session, Transport},
};

/// What was proven, and for whom; sealed in the challenge.
#[derive(Deserialize, Serialize)]
pub(crate) struct Half {
    user_id: String,
    method: String,
    at: i64,
    pub transport: Transport,
    /// Whether a code that is mailed to the account's address is the second factor of an account that has none.
    #[serde(default)]
    pub by_mail: bool,
}

/// What a transaction came to: what the caller is told is made of it after the commit.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
pub(crate) enum Begun {
    Session(User, Session, Seen),
    Challenge(Challenge),
}

impl Half {
    pub(crate) fn user_id(&self) -> Option<UserId> {
        UserId::parse(&self.user_id)
    }

    pub(super) fn proof(&self) -> Option<Proof> {
        Some(Proof { method: Method::parse(&self.method)?, at: Timestamp::from_micros(self.at) })
    }

    /// Whether `kind` may be the second factor: what was the first is none, as a code from the mailbox that a link came to.
    pub(super) fn admits(&self, kind: FactorKind) -> bool {
        self.method != kind.method().as_str()
    }

    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        serde_json::from_slice(bytes).map_err(Error::internal)
    }
}

impl Logins {
    /// Goes on after a first factor: a session, or a challenge when the account has a second factor that `method` is not already
    /// and the device is not trusted, or when it is out of the ordinary and the app wants more then.
    /// The caller holds the account's lock.
    pub(crate) async fn begin(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: User,
        method: Method,
        transport: Transport,
    ) -> Result<Begun> {
        let is_whole = kernel::actor::strength(&[Proof { method, at: ctx.now() }]) == kernel::Strength::Multi;
        let suspicions = self.suspicions(tx, ctx, &user, method).await?;
        let by_mail =
            !user.has_second_factor && user.email_verified && method != Method::Email && !suspicions.is_empty();
        let is_trusted = suspicions.is_empty() && self.devices().is_trusted(tx, ctx, user.id).await?;
        let is_asked = by_mail || user.has_second_factor && !is_trusted;
        if is_whole || !is_asked {
            let arrival = Arrival { transport, proofs: vec![Proof { method, at: ctx.now() }], trusts: false };
            let (session, seen) = self.arrive(tx, ctx, &user, arrival).await?;
            return Ok(Begun::Session(user, session, seen));
        }
        let half = Half {
            user_id: user.id.to_string(),
            method: method.as_str().to_owned(),
            at: ctx.now().micros(),
            transport,
            by_mail,
        };
        let payload = serde_json::to_vec(&half).map_err(Error::internal)?;
        let issue = Issue { purpose: Purpose::MFA, user_id: Some(user.id), payload: &payload };
        let ticket = self.single_use().issue(tx, ctx, issue).await?;
        if !suspicions.is_empty() {
            let entry = Entry::new("login.stepped_up", "user", user.id).after(json!({"signals": suspicions}));
            audit::record(tx, ctx, entry).await?;
        }
        let mut kinds = if by_mail { vec![FactorKind::Email] } else { self.factors().kinds(tx, user.id).await? };
        kinds.retain(|kind| half.admits(*kind));
        Ok(Begun::Challenge(Challenge { id: ticket.reveal(), kinds, expires_in: Purpose::MFA.ttl }))
    }

    /// What is answered, once that is committed.
    pub(crate) fn outcome(&self, ctx: &Ctx, begun: Begun) -> Result<Outcome> {
        match begun {
            Begun::Session(user, session, seen) => {
                let grant = self.grant(ctx, user, session)?;
                Ok(Outcome::Granted(Grant { device_token: seen.token, ..grant }))
            }
            Begun::Challenge(challenge) => Ok(Outcome::Challenged(challenge)),
        }
    }

    /// The half of a log-in that a challenge stands for, if it is alive.
    pub(crate) async fn half(&self, tx: &mut Tx<'_>, ctx: &Ctx, ticket: &Ticket) -> Result<Option<Half>> {
        let found = self.single_use().find(tx, ctx, Purpose::MFA, ticket).await?;
        found.map(|payload| Half::read(payload.expose())).transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CVE-2024-45042: whoever logs in by mail does not get a second proof from the same mailbox.
    #[test]
    fn the_first_factor_is_not_the_second() {
        let half = |method: Method| Half {
            user_id: String::new(),
            method: method.as_str().to_owned(),
            at: 0,
            transport: Transport::Bearer,
            by_mail: false,
        };
        assert!(!half(Method::Email).admits(FactorKind::Email));
        assert!(!half(Method::Sms).admits(FactorKind::Sms));
        for kind in FactorKind::ALL {
            assert!(half(Method::Password).admits(kind), "{kind:?}");
        }
    }
}

//! Passkeys and security keys as a second factor: to complete a log-in, or to prove oneself anew.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, UserId, Uuid};
use platform::{
    audit::{self, Entry},
    single_use::{Purpose, Ticket},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use webauthn_rs::prelude::{PublicKeyCredential, SecurityKey, SecurityKeyAuthentication};

use super::{
    assertion::{self, Assertion},
    ceremony::{self, Ceremonies, Started},
};
use crate::{
    User,
    logins::Grant,
    passkeys::{model::Passkey, service::all},
    sessions::Session,
};

#[derive(Deserialize, Serialize)]
struct State {
    /// The challenge that it answers, or the session that it proves anew.
    of: Uuid,
    authentication: SecurityKeyAuthentication,
}

/// What an answer came to. Returned from the transaction, not failed with: what was counted is to be committed.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
enum Verdict {
    /// With the token of a device that was not known before.
    Right(User, Session, Option<String>),
    Wrong,
    Over,
}

impl Ceremonies {
    /// Asks for one of the passkeys and security keys of whoever began the log-in.
    ///
    /// Errors: 401 `invalid_token` for a challenge that is over; 404 when the account has none; 503.
    pub(super) async fn start_factor(&self, ctx: &Ctx, challenge_id: &str) -> Result<Started> {
        let ticket = Ticket::parse(challenge_id).ok_or_else(|| Error::new(Code::InvalidToken))?;
        let of = ticket.subject;
        let logins = self.passkeys().logins().clone();
        let half = ctx.read(move |ctx, tx| async move { logins.half(tx, &ctx, &ticket).await }.boxed()).await?;
        let user_id = half.and_then(|half| half.user_id()).ok_or_else(|| Error::new(Code::InvalidToken))?;
        self.ask(ctx, Purpose::PASSKEY_FACTOR, user_id, of).await
    }

    /// Completes a log-in. With `trusts` the device needs no second factor for thirty days.
    ///
    /// Errors: 401, `invalid_token` for a challenge or ceremony that is over, `invalid_passkey`; 422; 503.
    pub(super) async fn finish_factor(
        &self,
        ctx: &Ctx,
        challenge_id: &str,
        ceremony_id: &str,
        sent: Json,
        trusts: bool,
    ) -> Result<Grant> {
        let sent: PublicKeyCredential = ceremony::credential(sent)?;
        let challenge = Ticket::parse(challenge_id).ok_or_else(|| Error::new(Code::InvalidToken))?;
        let (ticket, state): (_, State) = self.state(ctx, Purpose::PASSKEY_FACTOR, ceremony_id).await?;
        if state.of != challenge.subject {
            return Err(ceremony::over());
        }
        let found = self.registered(ctx, &sent.raw_id).await?;
        let judged = found.and_then(|passkey| self.judge_factor(passkey, &state, &sent));
        let ceremonies = self.clone();
        let verdict = ctx.write(move |ctx, tx| {
            async move {
                let (logins, single_use) = (ceremonies.passkeys().logins(), ceremonies.passkeys().single_use());
                let Some(half) = logins.half(tx, &ctx, &challenge).await? else { return Ok(Verdict::Over) };
                let Some(user_id) = half.user_id() else { return Ok(Verdict::Over) };
                let user = logins.accounts().lock(tx, user_id).await?.filter(User::is_active);
                let Some(user) = user else { return Ok(Verdict::Over) };
                if single_use.attempt(tx, &ctx, Purpose::MFA, &challenge).await?.is_none() {
                    return Ok(Verdict::Over);
                }
                let Some(assertion) =
                    ceremonies.takes(tx, &ctx, Purpose::PASSKEY_FACTOR, &ticket, user_id, judged).await?
                else {
                    let entry = Entry::new("second_factor.failed", "user", user_id).after(json!({"kind": "passkey"}));
                    audit::record(tx, &ctx, entry).await?;
                    return Ok(Verdict::Wrong);
                };
                let method = assertion.method();
                let arrived = logins.complete(tx, &ctx, &user, &challenge, &half, method, trusts).await?;
                Ok(arrived.map_or(Verdict::Over, |(session, seen)| Verdict::Right(user, session, seen.token)))
            }
            .boxed()
        });
        self.granted(ctx, verdict.await?)
    }

    /// Asks for one of the caller's passkeys and security keys. Errors: 401; 404 when there is none; 503.
    pub(super) async fn start_step_up(&self, ctx: &Ctx) -> Result<Started> {
        let (principal, session_id) = ctx.actor.require_session()?;
        self.ask(ctx, Purpose::PASSKEY_STEP_UP, principal.user_id, session_id.uuid()).await
    }

    /// Proves the caller anew; the session goes on under another id.
    ///
    /// Errors: 401, `invalid_token` for a ceremony that is over, `invalid_passkey`; 422; 503.
    pub(super) async fn finish_step_up(&self, ctx: &Ctx, ceremony_id: &str, sent: Json) -> Result<Grant> {
        let (principal, old) = ctx.actor.require_session()?;
        let user_id = principal.user_id;
        let sent: PublicKeyCredential = ceremony::credential(sent)?;
        let (ticket, state): (_, State) = self.state(ctx, Purpose::PASSKEY_STEP_UP, ceremony_id).await?;
        if state.of != old.uuid() {
            return Err(ceremony::over());
        }
        let found = self.registered(ctx, &sent.raw_id).await?;
        let judged = found.and_then(|passkey| self.judge_factor(passkey, &state, &sent));
        let ceremonies = self.clone();
        let verdict = ctx.write(move |ctx, tx| {
            async move {
                let accounts = ceremonies.passkeys().accounts();
                let user = accounts.lock(tx, user_id).await?.filter(User::is_active);
                let Some(user) = user else { return Ok(Verdict::Over) };
                let Some(assertion) =
                    ceremonies.takes(tx, &ctx, Purpose::PASSKEY_STEP_UP, &ticket, user_id, judged).await?
                else {
                    audit::record(tx, &ctx, Entry::new("step_up.failed", "user", user_id)).await?;
                    return Ok(Verdict::Wrong);
                };
                let session = accounts.sessions().elevate(tx, &ctx, assertion.method()).await?;
                Ok(Verdict::Right(user, session, None))
            }
            .boxed()
        });
        let verdict = verdict.await?;
        self.passkeys().accounts().sessions().forget(old);
        self.granted(ctx, verdict)
    }

    async fn ask(&self, ctx: &Ctx, purpose: Purpose, user_id: UserId, of: Uuid) -> Result<Started> {
        let found = ctx.read(move |_, tx| async move { all(tx, user_id).await }.boxed()).await?;
        let found: Vec<Passkey> = found.into_iter().filter(|passkey| passkey.suspended_at.is_none()).collect();
        if found.is_empty() {
            return Err(Error::new(Code::NotFound).with_detail("The account has no passkey that may be used."));
        }
        let keys = found.iter().map(|passkey| assertion::read(passkey).map(SecurityKey::from));
        let keys: Vec<SecurityKey> = keys.collect::<Result<_>>()?;
        let started = self.webauthn().start_securitykey_authentication(&keys);
        let (options, authentication) = started.map_err(Error::internal)?;
        let public_key = serde_json::to_value(options.public_key).map_err(Error::internal)?;
        let state = State { of, authentication };
        self.start(ctx, purpose, Some(user_id), &state, request_options(public_key, &found)).await
    }

    fn judge_factor(&self, passkey: Passkey, state: &State, sent: &PublicKeyCredential) -> Option<Assertion> {
        let is_whose = sent.get_user_unique_id().is_none_or(|whose| whose == passkey.user_id.uuid().as_bytes());
        if !is_whose || passkey.suspended_at.is_some() {
            return None;
        }
        // Only credentials of the account that was asked are in the state.
        let result = self.webauthn().finish_securitykey_authentication(sent, &state.authentication);
        result.ok().map(|result| Assertion::new(passkey, &result))
    }

    /// Uses up the ceremony, and says whether its answer was right. The caller holds the account's lock, and commits either way.
    async fn takes(
        &self,
        tx: &mut ::store::Tx<'_>,
        ctx: &Ctx,
        purpose: Purpose,
        ticket: &Ticket,
        user_id: UserId,
        judged: Option<Assertion>,
    ) -> Result<Option<Assertion>> {
        let single_use = self.passkeys().single_use();
        let taken = single_use.consume(tx, ctx, purpose, ticket.subject, ticket.secret.expose()).await?;
        let Some(assertion) = judged.filter(|made| taken.is_some() && made.passkey.user_id == user_id) else {
            return Ok(None);
        };
        Ok(if self.uses(tx, ctx, &assertion).await? { Some(assertion) } else { None })
    }

    fn granted(&self, ctx: &Ctx, verdict: Verdict) -> Result<Grant> {
        match verdict {
            Verdict::Right(user, session, device_token) => {
                Ok(Grant { device_token, ..self.passkeys().logins().grant(ctx, user, session)? })
            }
            Verdict::Wrong => Err(Error::new(Code::InvalidPasskey)),
            Verdict::Over => Err(Error::new(Code::InvalidToken)),
        }
    }
}

/// Tells the browser how each can be reached, and leaves it to the browser which kind it asks for.
fn request_options(mut options: Json, passkeys: &[Passkey]) -> Json {
    if let Some(options) = options.as_object_mut() {
        options.remove("hints");
    }
    let allowed = options["allowCredentials"].as_array_mut().into_iter().flatten();
    for (allowed, passkey) in allowed.zip(passkeys).filter(|(_, passkey)| !passkey.transports.is_empty()) {
        allowed["transports"] = json!(passkey.transports);
    }
    options
}

//! The end of every log-in: its session, and word to the owner of the account when something about it is out of the ordinary.
use ::store::{Ctx, Tx};
use kernel::{DeviceId, Method, Proof, Result, UserId};
use metrics::{counter, describe_counter};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    model::OnSuspicion,
    service::{Logins, address},
};
use crate::{
    accounts::User,
    devices::Seen,
    notices::Told,
    places::{Place, Travel},
    sessions::{NewSession, Session, Transport},
};

const SIGNALS: &str = "login_signals_total";

/// A log-in that proved everything.
pub(super) struct Arrival {
    pub transport: Transport,
    pub proofs: Vec<Proof>,
    /// Whether the device is to be trusted.
    pub trusts: bool,
}

pub(super) fn describe_metrics() {
    describe_counter!(SIGNALS, "Log-ins that were out of the ordinary, by what was");
}

impl Logins {
    /// Begins the session. The caller holds the account's lock.
    pub(super) async fn arrive(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        arrival: Arrival,
    ) -> Result<(Session, Seen)> {
        let Arrival { transport, proofs, trusts } = arrival;
        let (sessions, devices) = (self.accounts().sessions(), self.devices());
        let seen = devices.see(tx, ctx, user.id).await?;
        // Not the first log-in ever: whoever forgot all devices is told, too.
        let is_news = seen.is_new && (!seen.is_first || sessions.had_any(tx, user.id).await?);
        let place = self.places().find(ctx.request.address);
        let travel = self.travel(tx, ctx, user.id, place.as_ref()).await?;
        let new = NewSession { user_id: user.id, transport, proofs, device_id: seen.id, place };
        let session = sessions.create(tx, ctx, new).await?;
        let ctx = &ctx.with_actor(session.holder());
        if trusts {
            devices.trust(tx, ctx, seen.id).await?;
        }
        if is_news {
            note_new_device(tx, ctx, &session, seen.id).await?;
        }
        if let Some(travel) = &travel {
            note_travel(tx, ctx, &session, travel).await?;
        }
        // One mail about a log-in is enough: the worse one.
        let told = travel.as_ref().map(Told::ImpossibleTravel).or(is_news.then_some(Told::NewDevice));
        if let Some(told) = told {
            self.notices().warn(tx, ctx, user, told).await?;
        }
        Ok((session, seen))
    }

    /// What of a log-in is out of the ordinary before it is complete, where that is to hold it up.
    pub(super) async fn suspicions(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        method: Method,
    ) -> Result<Vec<&'static str>> {
        let mut found = Vec::new();
        if self.on_suspicion() == OnSuspicion::Tell {
            return Ok(found);
        }
        let is_known = self.devices().known(tx, ctx, user.id).await?.is_some();
        if !is_known && self.accounts().sessions().had_any(tx, user.id).await? {
            found.push("new_device");
        }
        let place = self.places().find(ctx.request.address);
        if self.travel(tx, ctx, user.id, place.as_ref()).await?.is_some() {
            found.push("impossible_travel");
        }
        if method == Method::Password && self.guard().is_stuffed(ctx.request.address) {
            found.push("credential_stuffing");
        }
        Ok(found)
    }

    /// How somebody cannot have come to `place` from where they last logged in.
    async fn travel(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        place: Option<&Place>,
    ) -> Result<Option<Travel>> {
        let Some(place) = place else { return Ok(None) };
        let last = self.accounts().sessions().last_place(tx, ctx, user_id).await?;
        Ok(last.and_then(|(from, left_at)| Travel::impossible(&from, left_at, place, ctx.now())))
    }
}

async fn note_new_device(tx: &mut Tx<'_>, ctx: &Ctx, session: &Session, device_id: DeviceId) -> Result<()> {
    signal(ctx, "new_device", session);
    let after = json!({"user_id": session.user_id, "session_id": session.id});
    audit::record(tx, ctx, Entry::new("login.new_device", "device", device_id).after(after)).await
}

async fn note_travel(tx: &mut Tx<'_>, ctx: &Ctx, session: &Session, travel: &Travel) -> Result<()> {
    signal(ctx, "impossible_travel", session);
    let Travel { from, left_at, to, kilometres } = travel;
    let after =
        json!({"user_id": session.user_id, "from": from, "left_at": left_at, "to": to, "kilometres": kilometres});
    audit::record(tx, ctx, Entry::new("login.impossible_travel", "session", session.id).after(after)).await
}

fn signal(ctx: &Ctx, event: &'static str, session: &Session) {
    counter!(SIGNALS, "signal" => event).increment(1);
    tracing::warn!(target: "security", event, address = address(ctx), request_id = ctx.request.id,
        user = %session.user_id, session = %session.id, "a log-in was out of the ordinary");
}

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
    devices::{Devices, Seen},
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
        let is_news = self.is_news(tx, ctx, user.id).await?;
        let seen = devices.see(tx, ctx, user.id).await?;
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
        if self.is_news(tx, ctx, user.id).await? {
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

    /// Whether a log-in is on a device that the account does not know, and not its first ever. Devices are remembered for longer than
    /// sessions, and may be forgotten while those are not.
    async fn is_news(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<bool> {
        if self.devices().known(tx, ctx, user_id).await?.is_some() {
            return Ok(false);
        }
        Ok(Devices::had_any(tx, user_id).await? || self.accounts().sessions().had_any(tx, user_id).await?)
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
    let (told, user, id) = (ctx.clone(), session.user_id, session.id);
    tx.after_commit(move || {
        counter!(SIGNALS, "signal" => "new_device").increment(1);
        tracing::warn!(target: "security", event = "new_device", address = address(&told), request_id = told.request.id,
            %user, session = %id, "an account was logged in to on a device it did not know");
    });
    let after = json!({"user_id": user, "session_id": id});
    audit::record(tx, ctx, Entry::new("login.new_device", "device", device_id).after(after)).await
}

async fn note_travel(tx: &mut Tx<'_>, ctx: &Ctx, session: &Session, travel: &Travel) -> Result<()> {
    let (told, user, id) = (ctx.clone(), session.user_id, session.id);
    tx.after_commit(move || {
        counter!(SIGNALS, "signal" => "impossible_travel").increment(1);
        tracing::warn!(target: "security", event = "impossible_travel", address = address(&told),
            request_id = told.request.id, %user, session = %id, "an account was logged in to from places too far apart");
    });
    // The trail is kept for longer than sessions: it has the countries, and nothing more exact.
    let Travel { from, left_at, to, kilometres } = travel;
    let after = json!({
        "user_id": user, "from": from.country, "left_at": left_at, "to": to.country, "kilometres": kilometres,
    });
    audit::record(tx, ctx, Entry::new("login.impossible_travel", "session", id).after(after)).await
}

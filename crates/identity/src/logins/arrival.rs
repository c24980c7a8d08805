//! The end of every log-in: its session, and word to the owner of the account when something about it is out of the ordinary.
use ::store::{Ctx, Tx};
use kernel::{Proof, Result};
use metrics::{counter, describe_counter};
use platform::audit::{self, Entry};
use serde_json::json;

use super::service::{Logins, address};
use crate::{
    accounts::User,
    devices::Seen,
    notices::Told,
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
        let is_news = seen.is_new() && (!seen.is_first || sessions.had_any(tx, user.id).await?);
        let session =
            sessions.create(tx, ctx, NewSession { user_id: user.id, transport, proofs, device_id: seen.id }).await?;
        let ctx = &ctx.with_actor(session.holder());
        if trusts {
            devices.trust(tx, ctx, seen.id).await?;
        }
        if is_news {
            signal(ctx, "new_device", user);
            let after = json!({"user_id": user.id, "session_id": session.id});
            audit::record(tx, ctx, Entry::new("login.new_device", "device", seen.id).after(after)).await?;
            self.notices().warn(tx, ctx, user, Told::NewDevice).await?;
        }
        Ok((session, seen))
    }
}

fn signal(ctx: &Ctx, event: &'static str, user: &User) {
    counter!(SIGNALS, "signal" => event).increment(1);
    tracing::warn!(target: "security", event, address = address(ctx), request_id = ctx.request.id, user = %user.id,
        "a log-in was out of the ordinary");
}

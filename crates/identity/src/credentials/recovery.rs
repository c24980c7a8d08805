//! When every factor of someone is lost: an administrator takes the factors away, and nothing else can.
use std::time::Duration;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Actor, Code, Error, Permission, Result, StepUp, Strength, UserId};
use platform::audit::{self, Entry};

use super::service::Credentials;
use crate::notices::{Told, mailbox};

/// How well and how lately the administrator must have proven who they are.
pub(super) const PROOF: StepUp = StepUp { strength: Strength::Multi, max_age: Duration::from_mins(5) };

impl Credentials {
    /// Removes every second factor, backup code and passkey of an account, ends whatever it was logged in by, and tells its owner. Where no
    /// way in is left, a link to set a password goes to the address.
    ///
    /// Errors: 401, also without two factors proven in the last five minutes; 403, also for an account whose roles permit more than the
    /// caller's; 404; 503.
    pub async fn reset_factors(&self, ctx: &Ctx, user_id: UserId) -> Result<()> {
        ctx.actor.require(Permission::ManageUsers)?;
        if !matches!(ctx.actor, Actor::System(_)) {
            ctx.actor.require_fresh(ctx.now(), PROOF)?;
        }
        let credentials = self.clone();
        let reset = ctx.write(move |ctx, tx| {
            async move {
                let accounts = credentials.accounts();
                let user = accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                accounts.roles().require_power(&ctx, &user.roles)?;
                accounts.remove_factors(tx, user_id).await?;
                credentials.end_everything(tx, &ctx, user_id, "factors_reset").await?;
                credentials.notices().tell(tx, &ctx, &user, Told::FactorsReset).await?;
                // An imported address may be none that mail can be sent to.
                if let (false, Ok(to)) = (accounts.has_way_in(tx, user_id).await?, mailbox(&user)) {
                    credentials.notices().send_reset(tx, &ctx, to, &user.email, Some(&user)).await?;
                }
                audit::record(tx, &ctx, Entry::new("factors.reset", "user", user_id)).await
            }
            .boxed()
        });
        reset.await?;
        self.forget(user_id);
        Ok(())
    }
}

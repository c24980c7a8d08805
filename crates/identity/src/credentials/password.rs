//! Changing one's password: by the one that is good now.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, Secret, StepUp};
use platform::audit::{self, Entry};

use super::service::Credentials;
use crate::{devices::Devices, notices::Told};

impl Credentials {
    /// Changes the caller's password. The session that asks goes on, every other one ends, and so do API keys and all that was
    /// sent out; of the devices the one of that session stays known.
    ///
    /// Errors: 401, `invalid_credentials`, and of an account with a second factor when that was not proven lately; 422; 429 after too many tries; 503.
    pub(super) async fn change_password(&self, ctx: &Ctx, current: Secret<String>, new: Secret<String>) -> Result<()> {
        let (principal, kept) = ctx.actor.require_session()?;
        let user_id = principal.user_id;
        let user = self.accounts().own(ctx).await?;
        // Whoever has a session alone must not find the password out here (CVE-2025-64102): tries are counted, and where there is a
        // second factor, that comes first.
        if user.has_second_factor {
            ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        }
        let counted = self.logins().guard().admit(self.logins().subject(ctx, user_id).await?, ctx.now())?;
        let (counted, old) = counted.judge(self.accounts().try_password(ctx, user_id, current).await)?;
        let Some(old) = old else {
            let failed = ctx.write(move |ctx, tx| {
                async move { audit::record(tx, &ctx, Entry::new("password.change_failed", "user", user_id)).await }
                    .boxed()
            });
            failed.await?;
            return Err(Error::new(Code::InvalidCredentials));
        };
        counted.succeeded();
        let hash = self.hash(ctx, &user, "new_password", new).await?;
        let credentials = self.clone();
        let changed = ctx.write_retried(move |ctx, tx| {
            async move {
                let accounts = credentials.accounts();
                let refused = || Error::new(Code::InvalidCredentials);
                let user = accounts.confirm(tx, user_id, &old).await?.ok_or_else(refused)?;
                accounts.set_password(tx, &ctx, user_id, Some(&hash)).await?;
                let device = accounts.sessions().device(tx, kept).await?;
                Devices::forget_others(tx, user_id, device).await?;
                accounts.sessions().revoke_all_but(tx, &ctx, user_id, kept, "password_changed").await?;
                credentials.devices().end_trust(tx, user_id).await?;
                credentials.end_handed_out(tx, &ctx, user_id, "password_changed").await?;
                credentials.notices().tell(tx, &ctx, &user, Told::PasswordChanged).await?;
                audit::record(tx, &ctx, Entry::new("password.changed", "user", user_id)).await
            }
            .boxed()
        });
        changed.await?;
        self.forget(user_id);
        Ok(())
    }
}

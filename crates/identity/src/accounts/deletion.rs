//! Deleting one's account: a tombstone at once, and word to everyone who keeps something of the person.
use ::store::{Ctx, Tx};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, ready},
};
use kernel::{Code, Error, Result, StepUp, Timestamp, UserId};
use platform::audit::{self, Entry};

use super::{service::Accounts, store};

/// Whoever keeps something of accounts.
pub trait AccountKeeper: Send + Sync {
    /// Hides what belongs to `user_id`, in the transaction that deletes the account; purging follows in its own time.
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, ctx: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>>;

    /// Whether the account can be logged in to by what is kept here.
    fn has_way_in<'t>(&'t self, _: &'t mut Tx<'_>, _: UserId) -> BoxFuture<'t, Result<bool>> {
        ready(Ok(false)).boxed()
    }

    /// Whether what is kept here is asked for after a password.
    fn is_factor(&self) -> bool {
        false
    }

    /// Whether what is kept here lets people in by itself.
    fn is_way_in(&self) -> bool {
        false
    }

    /// Removes whatever proves who one is and was added since then, or ever: it may be somebody else's.
    fn disown<'t>(&'t self, _: &'t mut Tx<'_>, _: UserId, _since: Option<Timestamp>) -> BoxFuture<'t, Result<()>> {
        ready(Ok(())).boxed()
    }
}

impl Accounts {
    /// Deletes the caller's account: personal data is blanked and every session ended at once, so that the address can
    /// register again. `accepts` is asked about the version that would go.
    ///
    /// Errors: 401, also for a log-in older than five minutes; 409 `last_administrator`; 412.
    pub async fn delete_own<F>(&self, ctx: &Ctx, accepts: F) -> Result<()>
    where
        F: FnOnce(i64) -> bool + Send + 'static,
    {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let accounts = self.clone();
        let deleted = ctx.write(move |ctx, tx| {
            async move {
                let user = accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::InvalidToken))?;
                if !accepts(user.version) {
                    return Err(Error::new(Code::VersionMismatch));
                }
                accounts.erase(tx, &ctx, user_id).await
            }
            .boxed()
        });
        deleted.await?;
        self.sessions().forget_user(user_id);
        Ok(())
    }

    async fn erase(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        self.roles().clear(tx, ctx, user_id).await?;
        self.sessions().revoke_all(tx, ctx, user_id, "account_deleted").await?;
        self.api_keys().revoke_all(tx, ctx, user_id, "account_deleted").await?;
        store::erase(tx, user_id, ctx.now()).await?;
        store::free_emails(tx, user_id).await?;
        for keeper in self.keepers() {
            keeper.hide(tx, ctx, user_id).await?;
        }
        audit::record(tx, ctx, Entry::new("account.deleted", "user", user_id)).await
    }
}

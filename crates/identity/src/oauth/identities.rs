//! One's linked identities: seeing them, and unlinking, which never leaves an account without a way in.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, IdentityId, Result, StepUp};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{model::IdentityView, service::Oauth, store};

impl Oauth {
    /// The caller's identities, the oldest first. Errors: 401.
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<IdentityView>> {
        let user_id = ctx.actor.require_login()?.user_id;
        ctx.read(move |_, tx| async move { store::list(tx, user_id).await }.boxed()).await
    }

    /// Unlinks one of them. Errors: 401, also for a log-in that is not fresh; 404; 409 `last_way_in`.
    pub async fn unlink(&self, ctx: &Ctx, id: IdentityId) -> Result<()> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let accounts = self.logins().accounts().clone();
        ctx.write(move |ctx, tx| {
            async move {
                accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::InvalidToken))?;
                if !store::delete(tx, user_id, id).await? {
                    return Err(Error::new(Code::NotFound));
                }
                if !accounts.has_way_in(tx, user_id).await? {
                    return Err(Error::new(Code::LastWayIn));
                }
                let entry = Entry::new("identity.unlinked", "identity", id).after(json!({"user_id": user_id}));
                audit::record(tx, &ctx, entry).await
            }
            .boxed()
        })
        .await
    }
}

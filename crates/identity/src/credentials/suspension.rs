//! Shutting somebody out, and letting them in again: an administrator does, or whoever has the console.
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{
    Code, Error, FieldError, Permission, Result, StepUp, UserId,
    schema::{Field, Kind},
};
use platform::audit::{self, Entry};
use serde_json::json;

use super::service::Credentials;
use crate::accounts::{State, User};

impl Credentials {
    /// Suspends an account or resumes it, and keeps the `reason` in the audit trail. Whoever is suspended has no session, no trusted
    /// device and nothing under way; API keys rest until the account is resumed. `accepts` is asked about the version.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 403, also for oneself and for an account whose roles permit more than the
    /// caller's; 404; 409 `last_administrator`; 412; 422 for a reason that is too long.
    pub async fn set_state<F>(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        state: State,
        reason: Option<String>,
        accepts: F,
    ) -> Result<User>
    where
        F: FnOnce(i64) -> bool + Send + 'static,
    {
        ctx.actor.require(Permission::ManageUsers)?;
        // Of the server and its command line there is no proof.
        if ctx.actor.principal().is_some() {
            ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        }
        if let Some(reason) = &reason {
            let wrong = |(code, message)| Error::invalid(vec![FieldError::new("reason", code, message)]);
            reason_field().parse(&json!(reason)).map_err(wrong)?;
        }
        if state == State::Suspended && ctx.actor.user_id() == Some(user_id) {
            return Err(Error::new(Code::Forbidden).with_detail("Nobody suspends their own account."));
        }
        let credentials = self.clone();
        let user = ctx.write(move |ctx, tx| {
            async move {
                let accounts = credentials.accounts();
                let user = accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                accounts.roles().require_power(&ctx, &user.roles)?;
                if !accepts(user.version) {
                    return Err(Error::new(Code::VersionMismatch));
                }
                if user.state == state {
                    return Ok(user);
                }
                let entry = match state {
                    State::Active => Entry::new("account.resumed", "user", user_id),
                    State::Suspended => {
                        accounts.roles().require_dispensable(tx, user_id, &user.roles).await?;
                        credentials.shut_out(tx, &ctx, user_id).await?;
                        Entry::new("account.suspended", "user", user_id)
                    }
                };
                let entry = entry.before(json!({"version": user.version}));
                let user = accounts.set_state(tx, &ctx, user, state).await?;
                let after = json!({"version": user.version, "reason": reason});
                audit::record(tx, &ctx, entry.after(after)).await?;
                Ok(user)
            }
            .boxed()
        });
        let user = user.await?;
        self.forget(user_id);
        Ok(user)
    }

    /// Of API keys the owner may have many in use: they are not good while the account is suspended, and need no new secrets after.
    async fn shut_out(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        self.accounts().sessions().revoke_all(tx, ctx, user_id, "account_suspended").await?;
        self.devices().end_trust(tx, user_id).await?;
        self.single_use().end_all_of(tx, user_id).await
    }
}

pub(super) fn reason_field() -> Field {
    Field::optional("reason", Kind::Text { min: 1, max: 200 }).describe("Kept in the audit trail alone")
}

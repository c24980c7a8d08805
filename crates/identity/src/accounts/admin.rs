//! What administrators may do with accounts; the console and the command line call the same.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{ApiKeyId, Code, Error, Limit, Page, Permission, Result, StepUp, UserId};

use super::{model::User, service::Accounts, store};
use crate::{api_keys::ApiKey, cursor, sessions::SessionView};

impl Accounts {
    /// Accounts that are not deleted, newest first. Errors: 401 and 403; 400 `bad_cursor`.
    pub async fn list(&self, ctx: &Ctx, limit: Limit, after: Option<&str>) -> Result<Page<User>> {
        ctx.actor.require(Permission::ReadUsers)?;
        let start = self.cursors().start("users", after)?;
        let accounts = self.clone();
        let users = ctx.read(move |_, tx| {
            async move {
                let mut users = store::list(tx, start, cursor::rows(limit)).await?;
                if let (Some(newest), Some(oldest)) = (users.first(), users.last()) {
                    let mut roles = accounts.roles().between(tx, oldest.id, newest.id).await?;
                    for user in &mut users {
                        user.roles = roles.remove(&user.id).unwrap_or_default();
                    }
                }
                Ok(users)
            }
            .boxed()
        });
        Ok(self.cursors().page("users", users.await?, limit, |user| user.id.uuid()))
    }

    /// Errors: 401 and 403; 404.
    pub async fn get(&self, ctx: &Ctx, user_id: UserId) -> Result<User> {
        ctx.actor.require(Permission::ReadUsers)?;
        let accounts = self.clone();
        let found = ctx.read(move |_, tx| async move { accounts.find(tx, user_id).await }.boxed()).await?;
        found.ok_or_else(|| Error::new(Code::NotFound))
    }

    /// The account with this address, in whatever case. Errors: 401 and 403.
    pub async fn find_by_email(&self, ctx: &Ctx, email: &str) -> Result<Option<User>> {
        ctx.actor.require(Permission::ReadUsers)?;
        let (accounts, email) = (self.clone(), email.to_owned());
        let found = ctx.read(move |_, tx| {
            async move {
                match store::id_of_email(tx, &email).await? {
                    Some(user_id) => accounts.find(tx, user_id).await,
                    None => Ok(None),
                }
            }
            .boxed()
        });
        found.await
    }

    /// Gives an account exactly these roles, effective with its next request. `accepts` is asked about the version.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 403; 404; 409 `last_administrator`; 412; 422 for a role that does not exist.
    pub async fn set_roles<F>(&self, ctx: &Ctx, user_id: UserId, roles: &[String], accepts: F) -> Result<User>
    where
        F: FnOnce(i64) -> bool + Send + 'static,
    {
        ctx.actor.require(Permission::ManageRoles)?;
        // Of the server and its command line there is no proof.
        if ctx.actor.principal().is_some() {
            ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        }
        let roles = self.roles().known(roles)?;
        let accounts = self.clone();
        let user = ctx.write(move |ctx, tx| {
            async move {
                let user = accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                if !accepts(user.version) {
                    return Err(Error::new(Code::VersionMismatch));
                }
                if !accounts.roles().assign(tx, &ctx, user_id, &roles).await? {
                    return Ok(user);
                }
                let (version, roles) = (user.version + 1, roles.into_iter().collect());
                let user = User { roles, version, updated_at: ctx.now(), ..user };
                store::update(tx, &user).await?;
                Ok(user)
            }
            .boxed()
        });
        let user = user.await?;
        self.sessions().forget_user(user_id);
        Ok(user)
    }

    /// The live sessions of an account. Errors: 401 and 403; 404; 400 `bad_cursor`.
    pub async fn list_sessions(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        limit: Limit,
        after: Option<&str>,
    ) -> Result<Page<SessionView>> {
        ctx.actor.require(Permission::ManageSessions)?;
        self.require_existing(ctx, user_id).await?;
        self.sessions().list(ctx, user_id, limit, after).await
    }

    /// Ends every session of an account. Errors: 401 and 403; 404.
    pub async fn revoke_sessions(&self, ctx: &Ctx, user_id: UserId) -> Result<()> {
        ctx.actor.require(Permission::ManageSessions)?;
        let accounts = self.clone();
        let revoked = ctx.write(move |ctx, tx| {
            async move {
                accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                accounts.sessions().revoke_all(tx, &ctx, user_id, "revoked_by_administrator").await
            }
            .boxed()
        });
        revoked.await?;
        self.sessions().forget_user(user_id);
        Ok(())
    }

    /// The API keys of an account. Errors: 401 and 403; 404; 400 `bad_cursor`.
    pub async fn list_api_keys(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        limit: Limit,
        after: Option<&str>,
    ) -> Result<Page<ApiKey>> {
        ctx.actor.require(Permission::ManageApiKeys)?;
        self.require_existing(ctx, user_id).await?;
        self.api_keys().list(ctx, user_id, limit, after).await
    }

    /// Ends one API key of an account. Errors: 401 and 403; 404.
    pub async fn revoke_api_key(&self, ctx: &Ctx, user_id: UserId, id: ApiKeyId) -> Result<()> {
        ctx.actor.require(Permission::ManageApiKeys)?;
        self.api_keys().revoke(ctx, user_id, id).await
    }

    /// Ends every API key of an account. Errors: 401 and 403; 404.
    pub async fn revoke_api_keys(&self, ctx: &Ctx, user_id: UserId) -> Result<()> {
        ctx.actor.require(Permission::ManageApiKeys)?;
        let accounts = self.clone();
        let revoked = ctx.write(move |ctx, tx| {
            async move {
                accounts.lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                accounts.api_keys().revoke_all(tx, &ctx, user_id, "revoked_by_administrator").await
            }
            .boxed()
        });
        revoked.await?;
        self.sessions().forget_user(user_id);
        Ok(())
    }

    async fn require_existing(&self, ctx: &Ctx, user_id: UserId) -> Result<()> {
        let found = ctx.read(move |_, tx| async move { store::get(tx, user_id).await }.boxed()).await?;
        found.map(|_| ()).ok_or_else(|| Error::new(Code::NotFound))
    }
}

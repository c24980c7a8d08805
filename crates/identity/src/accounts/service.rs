//! Rules for accounts: what a new one must be, and that an address and a user name are one person's each.
use std::sync::Arc;

use ::store::{Ctx, Tx, violated};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Permission, Result, Secret, UserId};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    changes,
    deletion::AccountKeeper,
    model::{Credentials, Identifier, NewAccount, Prepared, User, canonical, check_profile},
    store::{self, Draft},
};
use crate::{
    api_keys::ApiKeys,
    cursor::Cursors,
    passwords::{Assurance, Passwords},
    roles::Roles,
    sessions::Sessions,
};

/// The accounts; cheap to clone.
#[derive(Clone)]
pub struct Accounts(Arc<Inner>);

struct Inner {
    passwords: Passwords,
    roles: Roles,
    sessions: Sessions,
    api_keys: ApiKeys,
    cursors: Cursors,
    keepers: Vec<Arc<dyn AccountKeeper>>,
}

impl Accounts {
    pub(crate) fn new(
        passwords: Passwords,
        roles: Roles,
        sessions: Sessions,
        api_keys: ApiKeys,
        cursors: Cursors,
        keepers: Vec<Arc<dyn AccountKeeper>>,
    ) -> Self {
        Self(Arc::new(Inner { passwords, roles, sessions, api_keys, cursors, keepers }))
    }

    /// Creates an account with `roles`, whatever the mode of registration.
    ///
    /// Errors: 401 and 403; 409 `email_taken` and `username_taken`; 422; 503.
    pub async fn create(&self, ctx: &Ctx, new: NewAccount, roles: &[String]) -> Result<User> {
        ctx.actor.require(Permission::ManageUsers)?;
        let roles = self.roles().known(roles)?;
        let password_hash = self.prepare(ctx, &new).await?;
        let accounts = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                let user = accounts.insert(tx, &ctx, &Prepared::of(&new, &password_hash)).await?;
                if !roles.is_empty() {
                    accounts.roles().assign(tx, &ctx, user.id, &roles).await?;
                }
                Ok(User { roles: roles.into_iter().collect(), ..user })
            }
            .boxed()
        })
        .await
    }

    /// Checks a new account and hashes its password, ahead of the transaction.
    pub(crate) async fn prepare(&self, ctx: &Ctx, new: &NewAccount) -> Result<String> {
        let mut errors = check_profile(new);
        let context = [Some(&new.email), new.username.as_ref(), new.name.as_ref()];
        let context: Vec<&str> = context.into_iter().flatten().map(String::as_str).collect();
        errors.extend(self.0.passwords.check(&new.password, Assurance::PasswordAlone, &context).await?);
        if !errors.is_empty() {
            return Err(Error::invalid(errors));
        }
        self.0.passwords.hash(ctx.random(), new.password.clone()).await
    }

    /// Stores what was prepared. Errors: 409 by whichever index refuses.
    pub(crate) async fn insert(&self, tx: &mut Tx<'_>, ctx: &Ctx, new: &Prepared<'_>) -> Result<User> {
        let id: UserId = ctx.new_id();
        let draft = Draft {
            id,
            email: new.email,
            email_verified_at: new.is_email_proven.then(|| ctx.now()),
            username: new.username,
            name: new.name,
            password_hash: new.password_hash,
            at: ctx.now(),
        };
        changes::insert(tx, &draft).await?;
        audit::record(tx, ctx, Entry::new("account.created", "user", id).after(json!({"version": 1}))).await?;
        store::get(tx, id).await?.ok_or_else(|| Error::internal("an account that was just created is not there"))
    }

    /// Whether an account has this user name.
    pub(crate) async fn has_username(&self, tx: &mut Tx<'_>, username: &str) -> Result<bool> {
        Ok(!store::usernames_of(tx, &[canonical(username)]).await?.is_empty())
    }

    /// An account that is not deleted, with its roles.
    pub(crate) async fn find(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<User>> {
        let Some(user) = store::get(tx, user_id).await? else { return Ok(None) };
        let roles = self.roles().of(tx, user_id).await?;
        Ok(Some(User { roles, ..user }))
    }

    /// The same, held until the transaction ends: everyone who changes an account or begins a session for it comes
    /// through here, so that what was checked stays true.
    pub(crate) async fn lock(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<Option<User>> {
        self.0.sessions.hold_account(tx, user_id).await?;
        self.find(tx, user_id).await
    }

    /// The caller's account, held until the transaction ends. Errors: 401, also when their session has ended meanwhile, wherever.
    pub(crate) async fn lock_own(&self, tx: &mut Tx<'_>, ctx: &Ctx) -> Result<User> {
        let user_id = ctx.actor.require_session()?.0.user_id;
        let user = self.lock(tx, user_id).await?.filter(User::is_active);
        let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
        self.0.sessions.confirm(tx, ctx).await?;
        Ok(user)
    }

    /// Notes whether the account has a second factor, after one came or went. The caller holds the account's lock; call
    /// [`Sessions::forget_user`] after the commit.
    pub(crate) async fn recount_factors(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        store::recount_factors(tx, user_id).await
    }

    /// What a log-in by this name is tried against, if there is an account that may log in.
    pub(crate) async fn credentials(&self, ctx: &Ctx, identifier: Identifier) -> Result<Option<Credentials>> {
        ctx.read(move |_, tx| async move { store::credentials(tx, &identifier).await }.boxed()).await
    }

    /// The account, held, if it still is as it was when the password was tried; hashing takes time.
    pub(crate) async fn confirm(&self, tx: &mut Tx<'_>, user_id: UserId, password_hash: &str) -> Result<Option<User>> {
        let user = self.lock(tx, user_id).await?;
        let is_same = store::has_hash(tx, user_id, password_hash).await?;
        Ok(user.filter(|_| is_same))
    }

    /// Stores the hash made anew of an account that [`Self::confirm`] holds.
    pub(crate) async fn renew_hash(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        old: &str,
        new: &str,
    ) -> Result<()> {
        if store::replace_hash(tx, user_id, old, new).await? {
            audit::record(tx, ctx, Entry::new("password.rehashed", "user", user_id)).await?;
        }
        Ok(())
    }

    /// The hash that `password` fits, if it is this account's. Costs the same either way.
    pub(crate) async fn try_password(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        password: Secret<String>,
    ) -> Result<Option<String>> {
        let hash = ctx.read(move |_, tx| async move { store::hash_of(tx, user_id).await }.boxed()).await?;
        let is_right = self.0.passwords.verify(password, hash.as_deref()).await?;
        Ok(hash.filter(|_| is_right))
    }

    pub(crate) fn passwords(&self) -> &Passwords {
        &self.0.passwords
    }

    pub(crate) fn roles(&self) -> &Roles {
        &self.0.roles
    }

    pub(crate) fn sessions(&self) -> &Sessions {
        &self.0.sessions
    }

    pub(crate) fn api_keys(&self) -> &ApiKeys {
        &self.0.api_keys
    }

    pub(super) fn cursors(&self) -> &Cursors {
        &self.0.cursors
    }

    pub(super) fn keepers(&self) -> &[Arc<dyn AccountKeeper>] {
        &self.0.keepers
    }
}

/// Which of these ids are of accounts that are not deleted, for whoever keeps things by owner. At most some thousands at once.
pub async fn present(tx: &mut Tx<'_>, ids: &[UserId]) -> Result<Vec<UserId>> {
    if ids.is_empty() { Ok(Vec::new()) } else { store::present(tx, ids).await }
}

/// Which of the two names another account has.
pub(super) fn taken(error: Error) -> Error {
    let code = match violated(&error) {
        Some("users_email") => Code::EmailTaken,
        Some("users_username") => Code::UsernameTaken,
        _ => return error,
    };
    Error::new(code).with_source(error)
}

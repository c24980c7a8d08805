//! What is changed of an account's address, password and state, for whoever has decided that it may be.
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, Timestamp, UserId};

use super::{
    deletion::AccountKeeper,
    model::{State, User},
    service::{Accounts, taken},
    store::{self, Draft},
};

impl Accounts {
    /// The account with this address, if it may log in; without its roles, so that it is one statement either way.
    pub(crate) async fn active_by_email(&self, tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
        Ok(store::get_by_email(tx, email).await?.filter(User::is_active))
    }

    /// The account with this address, whether it may log in or not; one statement, too.
    pub(crate) async fn by_email(&self, tx: &mut Tx<'_>, email: &str) -> Result<Option<User>> {
        store::get_by_email(tx, email).await
    }

    /// Puts `hash` in the place of the password's. None: nobody can log in by a password until it is reset. The caller holds the
    /// account's lock.
    pub(crate) async fn set_password(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        hash: Option<&str>,
    ) -> Result<()> {
        store::set_hash(tx, user_id, hash, ctx.now()).await
    }

    /// Lets an account in or shuts it out. The caller holds its lock, and ends its sessions.
    pub(crate) async fn set_state(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: User, state: State) -> Result<User> {
        store::set_state(tx, user.id, state, ctx.now()).await?;
        Ok(User { state, version: user.version + 1, updated_at: ctx.now(), ..user })
    }

    /// Notes that the address was proven to be its owner's. Returns whether it was not before.
    pub(crate) async fn verify_email(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, email: &str) -> Result<bool> {
        store::verify_email(tx, user_id, email, ctx.now()).await
    }

    /// Whether anybody can log in to it.
    pub(crate) async fn has_way_in(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
        if store::hash_of(tx, user_id).await?.is_some() {
            return Ok(true);
        }
        for keeper in self.keepers() {
            if keeper.has_way_in(tx, user_id).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends what lets people in besides the password, and leaves second factors in force but for passkeys. The caller holds the account's
    /// lock, and ends its sessions.
    pub(crate) async fn end_ways_in(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        self.disown_where(tx, user_id, |keeper| keeper.is_way_in(), None).await
    }

    /// Removes every second factor and passkey. The caller holds the account's lock, and ends its sessions.
    pub(crate) async fn remove_factors(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        self.disown_where(tx, user_id, |keeper| keeper.is_factor(), None).await
    }

    /// Removes every passkey, identity and second factor that was added since then, or ever. The caller holds the account's lock,
    /// and ends its sessions.
    pub(crate) async fn disown(&self, tx: &mut Tx<'_>, user_id: UserId, since: Option<Timestamp>) -> Result<()> {
        self.disown_where(tx, user_id, |_| true, since).await
    }

    async fn disown_where(
        &self,
        tx: &mut Tx<'_>,
        user_id: UserId,
        is_meant: fn(&dyn AccountKeeper) -> bool,
        since: Option<Timestamp>,
    ) -> Result<()> {
        for keeper in self.keepers().iter().filter(|keeper| is_meant(&***keeper)) {
            keeper.disown(tx, user_id, since).await?;
        }
        self.recount_factors(tx, user_id).await
    }

    /// Gives an account another address, which was proven to be its owner's. Errors: 409 `email_taken`.
    pub(crate) async fn change_email(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, email: &str) -> Result<()> {
        store::change_email(tx, user_id, email, ctx.now()).await.map_err(taken)?;
        require_free(tx, email, user_id, ctx.now()).await
    }

    /// Keeps an address that an account had from everybody else: it may get it back.
    pub(crate) async fn keep_email(
        &self,
        tx: &mut Tx<'_>,
        user_id: UserId,
        email: &str,
        until: Timestamp,
    ) -> Result<()> {
        store::keep_email(tx, email, user_id, until).await
    }

    /// Whether this account cannot have an address, because another has it or may get it back.
    pub(crate) async fn is_taken(&self, tx: &mut Tx<'_>, ctx: &Ctx, email: &str, user_id: UserId) -> Result<bool> {
        let has_other = store::id_of_email(tx, email).await?.is_some_and(|owner| owner != user_id);
        Ok(store::is_kept(tx, email, user_id, ctx.now()).await? || has_other)
    }

    /// Removes what is kept no longer, and says how much. For the server itself. Errors: 403; 503.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.purge(|ctx, tx, limit| async move { store::purge_former(tx, ctx.now(), limit).await }.boxed()).await
    }
}

/// Inserts an account. Looks afterwards whether the address is kept for another: whoever freed it in the meantime has committed by then.
/// Errors: 409 `email_taken` and `username_taken`.
pub(super) async fn insert(tx: &mut Tx<'_>, draft: &Draft<'_>) -> Result<()> {
    store::insert(tx, draft).await.map_err(taken)?;
    require_free(tx, draft.email, draft.id, draft.at).await
}

async fn require_free(tx: &mut Tx<'_>, email: &str, user_id: UserId, now: Timestamp) -> Result<()> {
    if store::is_kept(tx, email, user_id, now).await? { Err(Error::new(Code::EmailTaken)) } else { Ok(()) }
}

//! What is changed of an account's address and password, for whoever has decided that it may be.
use ::store::{Ctx, Tx};
use kernel::{Result, Timestamp, UserId};

use super::{
    model::User,
    service::{Accounts, taken},
    store,
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

    /// Removes every passkey, identity and second factor that was added since then, or ever. The caller holds the account's lock,
    /// and ends its sessions.
    pub(crate) async fn disown(&self, tx: &mut Tx<'_>, user_id: UserId, since: Option<Timestamp>) -> Result<()> {
        for keeper in self.keepers() {
            keeper.disown(tx, user_id, since).await?;
        }
        self.recount_factors(tx, user_id).await
    }

    /// Removes every second factor and passkey. The caller holds the account's lock, and ends its sessions.
    pub(crate) async fn remove_factors(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        for keeper in self.keepers() {
            keeper.remove_factors(tx, user_id).await?;
        }
        self.recount_factors(tx, user_id).await
    }

    /// Gives an account another address, which was proven to be its owner's. Errors: 409 `email_taken`.
    pub(crate) async fn change_email(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId, email: &str) -> Result<()> {
        store::change_email(tx, user_id, email, ctx.now()).await.map_err(taken)
    }
}

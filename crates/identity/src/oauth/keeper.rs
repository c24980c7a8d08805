//! What becomes of identities when their account goes or is given back: also where log-in by others is not built in.
use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Result, Timestamp, UserId};

use super::store;
use crate::accounts::AccountKeeper;

/// Keeps the identities of accounts.
pub struct Keeper;

impl AccountKeeper for Keeper {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, _: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        store::delete_since(tx, user_id, None).boxed()
    }

    fn has_way_in<'t>(&'t self, tx: &'t mut Tx<'_>, user_id: UserId) -> BoxFuture<'t, Result<bool>> {
        async move { Ok(!store::list(tx, user_id).await?.is_empty()) }.boxed()
    }

    fn is_way_in(&self) -> bool {
        true
    }

    fn disown<'t>(&'t self, tx: &'t mut Tx<'_>, id: UserId, since: Option<Timestamp>) -> BoxFuture<'t, Result<()>> {
        store::delete_since(tx, id, since).boxed()
    }
}

//! Rules for passkeys: their owner sees, names and removes them, and nothing that is removed leaves an account without a way in.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Code, Error, Limit, Page, PasskeyId, Result, StepUp, Timestamp, UserId, Uuid};
use platform::{
    audit::{self, Entry},
    single_use::SingleUse,
};
use serde_json::json;

use super::{
    model::{MAX_PER_ACCOUNT, Passkey, PasskeyView, name},
    store,
};
use crate::{
    accounts::{AccountKeeper, Accounts, User},
    cursor::{self, Cursors},
    logins::Logins,
    notices::Told,
};

const LIST: &str = "passkeys";

/// The passkeys; cheap to clone.
#[derive(Clone)]
pub struct Passkeys(Arc<Inner>);

struct Inner {
    logins: Logins,
    single_use: SingleUse,
    cursors: Cursors,
}

/// What its owner may change of a passkey.
pub(super) struct PasskeyPatch {
    pub name: Option<String>,
    pub is_suspended: Option<bool>,
}

impl Passkeys {
    pub(crate) fn new(cursors: Cursors, logins: Logins) -> Self {
        Self(Arc::new(Inner { single_use: logins.single_use().clone(), logins, cursors }))
    }

    /// The caller's passkeys, newest first. Errors: 401; 400 `bad_cursor`.
    pub async fn list(&self, ctx: &Ctx, limit: Limit, after: Option<&str>) -> Result<Page<PasskeyView>> {
        let user_id = ctx.actor.require_login()?.user_id;
        let start = self.0.cursors.start(LIST, after)?;
        let found =
            ctx.read(move |_, tx| async move { store::list(tx, user_id, start, cursor::rows(limit)).await }.boxed());
        let views = found.await?.into_iter().map(Passkey::view).collect();
        Ok(self.0.cursors.page(LIST, views, limit, |passkey: &PasskeyView| passkey.id.uuid()))
    }

    /// Renames one of the caller's passkeys, or lets it be used again after its counter went back.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 404; 422.
    pub(super) async fn update(&self, ctx: &Ctx, id: PasskeyId, patch: PasskeyPatch) -> Result<PasskeyView> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let new_name = patch.name.as_deref().map(name).transpose()?;
        let is_resumed = patch.is_suspended == Some(false);
        let passkeys = self.clone();
        let updated = ctx.write(move |ctx, tx| {
            async move {
                let (_, old) = passkeys.own(tx, user_id, id).await?;
                if let Some(name) = new_name.filter(|name| *name != old.name) {
                    store::rename(tx, id, &name).await?;
                    let entry = Entry::new("passkey.renamed", "passkey", id).before(json!({"name": old.name}));
                    audit::record(tx, &ctx, entry.after(json!({"name": name}))).await?;
                }
                if is_resumed && old.suspended_at.is_some() {
                    store::resume(tx, id).await?;
                    audit::record(tx, &ctx, Entry::new("passkey.resumed", "passkey", id)).await?;
                }
                passkeys.own(tx, user_id, id).await.map(|(_, passkey)| passkey)
            }
            .boxed()
        });
        updated.await.map(Passkey::view)
    }

    /// Removes one of the caller's passkeys.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 404; 409 `last_way_in`.
    pub(super) async fn delete(&self, ctx: &Ctx, id: PasskeyId) -> Result<()> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let passkeys = self.clone();
        let deleted = ctx.write(move |ctx, tx| {
            async move {
                let (user, old) = passkeys.own(tx, user_id, id).await?;
                store::delete(tx, id).await?;
                if !passkeys.accounts().has_way_in(tx, user_id).await? {
                    return Err(Error::new(Code::LastWayIn));
                }
                passkeys.0.logins.factors().settle(tx, user_id).await?;
                passkeys.0.logins.notices().tell(tx, &ctx, &user, Told::FactorRemoved(old.describe())).await?;
                let before = json!({"user_id": user_id, "name": old.name, "kind": old.kind()});
                audit::record(tx, &ctx, Entry::new("passkey.deleted", "passkey", id).before(before)).await
            }
            .boxed()
        });
        deleted.await?;
        self.accounts().sessions().forget_user(user_id);
        Ok(())
    }

    /// An account, held until the transaction ends, and one of its passkeys.
    async fn own(&self, tx: &mut Tx<'_>, user_id: UserId, id: PasskeyId) -> Result<(User, Passkey)> {
        let user = self.accounts().lock(tx, user_id).await?.ok_or_else(|| Error::new(Code::InvalidToken))?;
        let passkey = store::get(tx, user_id, id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
        Ok((user, passkey))
    }

    pub(super) fn logins(&self) -> &Logins {
        &self.0.logins
    }

    pub(super) fn accounts(&self) -> &Accounts {
        self.0.logins.accounts()
    }

    pub(super) fn single_use(&self) -> &SingleUse {
        &self.0.single_use
    }
}

/// Every passkey of an account.
pub(super) async fn all(tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<Passkey>> {
    store::list(tx, user_id, Uuid::max(), i64::try_from(MAX_PER_ACCOUNT).unwrap_or(i64::MAX)).await
}

/// Keeps the passkeys of accounts.
pub struct Keeper;

impl AccountKeeper for Keeper {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, _: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        store::delete_since(tx, user_id, None).boxed()
    }

    fn has_way_in<'t>(&'t self, tx: &'t mut Tx<'_>, user_id: UserId) -> BoxFuture<'t, Result<bool>> {
        async move {
            let is_way_in = |passkey: &Passkey| passkey.is_user_verified && passkey.suspended_at.is_none();
            Ok(all(tx, user_id).await?.iter().any(is_way_in))
        }
        .boxed()
    }

    fn is_factor(&self) -> bool {
        true
    }

    fn is_way_in(&self) -> bool {
        true
    }

    fn disown<'t>(&'t self, tx: &'t mut Tx<'_>, id: UserId, since: Option<Timestamp>) -> BoxFuture<'t, Result<()>> {
        store::delete_since(tx, id, since).boxed()
    }
}

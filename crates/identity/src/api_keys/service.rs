//! Rules for API keys. A person makes them in a session of their own, lately proven; a key makes none.
use std::{collections::BTreeSet, sync::Arc, time::Duration};

use ::store::{Ctx, RequestInfo, Source, Tx};
use futures_util::FutureExt as _;
use kernel::{ApiKeyId, Code, Error, FieldError, Limit, Page, Permission, Principal, Result, StepUp, UserId};
use platform::{
    audit::{self, Entry},
    secrets::Keyring,
};
use serde_json::json;

use super::{
    model::{ApiKey, IssuedApiKey, NewApiKey, OVERLAP_MAX, Rotation, expiry},
    state::States,
    store, token,
};
use crate::{
    cursor::{self, Cursors},
    recent::Changes,
    roles::Roles,
    sessions::Sessions,
};

/// Most keys of one account.
const MOST: i64 = 100;
/// For how long a key that has expired is still shown, and may be given a new secret.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// The API keys; cheap to clone.
#[derive(Clone)]
pub struct ApiKeys(Arc<Inner>);

struct Inner {
    states: States,
    sessions: Sessions,
    cursors: Cursors,
    /// What scopes can name.
    resources: BTreeSet<String>,
}

impl ApiKeys {
    pub(crate) fn new(
        keyring: &Keyring,
        roles: Roles,
        changes: Changes,
        sessions: Sessions,
        cursors: Cursors,
        resources: &[String],
    ) -> Result<Self> {
        let states = States::new(roles, changes, keyring.mac_key("api_key")?);
        Ok(Self(Arc::new(Inner { states, sessions, cursors, resources: resources.iter().cloned().collect() })))
    }

    /// Who acts by this key in `request`, when it is good: at most one second old, and never older than what this process
    /// changed. Errors: 503 when that cannot be known.
    pub(crate) async fn principal(
        &self,
        source: &Source,
        secret: &str,
        request: &RequestInfo,
    ) -> Result<Option<Principal>> {
        self.0.states.principal(source, secret, request).await
    }

    /// Makes a key for the caller.
    ///
    /// Errors: 401 unless the log-in is fresh; 403 for a key; 409 `too_many`; 422 for scopes of what is not declared.
    pub(super) async fn create(&self, ctx: &Ctx, new: NewApiKey) -> Result<IssuedApiKey> {
        let user_id = require_maker(ctx)?;
        let terms = new.terms(ctx.now(), &self.0.resources).map_err(Error::invalid)?;
        let key = ApiKey {
            id: ctx.new_id(),
            user_id,
            label: new.label,
            scopes: terms.scopes,
            addresses: terms.addresses,
            requests_per_minute: new.requests_per_minute,
            created_at: ctx.now(),
            expires_at: terms.expires_at,
            rotated_at: None,
            previous_until: None,
            last_used_at: None,
            last_address: None,
        };
        let secret = token::generate(key.id, ctx.random());
        let digest = self.0.states.digest(secret.expose());
        let keys = self.clone();
        let key = ctx.write(move |ctx, tx| {
            async move {
                keys.hold(tx, &ctx, user_id).await?;
                if store::count(tx, user_id).await? >= MOST {
                    return Err(Error::new(Code::TooMany).with_detail(format!("An account has at most {MOST} keys.")));
                }
                store::insert(tx, &key, &digest).await?;
                audit::record(tx, &ctx, Entry::new("api_key.created", "api_key", key.id).after(&key)).await?;
                Ok(key)
            }
            .boxed()
        });
        Ok(IssuedApiKey { key: key.await?, secret })
    }

    /// Gives a key of the caller a new secret; the old one stays good for the overlap that is asked for.
    ///
    /// Errors: as of [`create`](Self::create); 404; 422 for a key that has expired and gets no new time.
    pub(super) async fn rotate(&self, ctx: &Ctx, id: ApiKeyId, rotation: Rotation) -> Result<IssuedApiKey> {
        let user_id = require_maker(ctx)?;
        let now = ctx.now();
        let new_expiry = expiry(rotation.expires_at.as_deref(), now).map_err(|error| Error::invalid(vec![error]))?;
        let overlap = Duration::from_secs(rotation.overlap_seconds).min(OVERLAP_MAX);
        let previous_until = (!overlap.is_zero()).then(|| now.plus(overlap));
        let secret = token::generate(id, ctx.random());
        let digest = self.0.states.digest(secret.expose());
        let keys = self.clone();
        let key = ctx.write(move |ctx, tx| {
            async move {
                keys.hold(tx, &ctx, user_id).await?;
                let before = store::get(tx, user_id, id).await?.ok_or_else(|| Error::new(Code::NotFound))?;
                let expires_at = new_expiry.or(before.expires_at);
                let key = ApiKey { rotated_at: Some(now), previous_until, expires_at, ..before.clone() };
                if key.is_over(now) {
                    let error = FieldError::new("expires_at", "missing", "is required: the key has expired");
                    return Err(Error::invalid(vec![error]));
                }
                store::rotate(tx, id, &digest, now, previous_until, expires_at).await?;
                let entry = Entry::new("api_key.rotated", "api_key", id).before(&before).after(&key);
                audit::record(tx, &ctx, entry).await?;
                Ok(key)
            }
            .boxed()
        });
        let key = key.await?;
        self.0.states.forget(id);
        Ok(IssuedApiKey { key, secret })
    }

    /// Keys of `user_id`, newest first. Errors: 401; 403 for those of others; 400 `bad_cursor`.
    pub(crate) async fn list(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        limit: Limit,
        after: Option<&str>,
    ) -> Result<Page<ApiKey>> {
        require_own_or_managed(ctx, user_id)?;
        let start = self.0.cursors.start("api_keys", after)?;
        let keys =
            ctx.read(move |_, tx| async move { store::list(tx, user_id, start, cursor::rows(limit)).await }.boxed());
        Ok(self.0.cursors.page("api_keys", keys.await?, limit, |key| key.id.uuid()))
    }

    /// Errors: 401; 404 when it is not the caller's.
    pub(super) async fn get(&self, ctx: &Ctx, id: ApiKeyId) -> Result<ApiKey> {
        let user_id = ctx.actor.require_session()?.0.user_id;
        let found = ctx.read(move |_, tx| async move { store::get(tx, user_id, id).await }.boxed()).await?;
        found.ok_or_else(|| Error::new(Code::NotFound))
    }

    /// Ends a key of `user_id`. Errors: 401; 403 for those of others; 404.
    pub(crate) async fn revoke(&self, ctx: &Ctx, user_id: UserId, id: ApiKeyId) -> Result<()> {
        require_own_or_managed(ctx, user_id)?;
        let revoked = ctx.write(move |ctx, tx| {
            async move {
                let missing = || Error::new(Code::NotFound);
                let before = store::get(tx, user_id, id).await?.ok_or_else(missing)?;
                if !store::delete(tx, user_id, id).await? {
                    return Err(missing());
                }
                audit::record(tx, &ctx, Entry::new("api_key.revoked", "api_key", id).before(&before)).await
            }
            .boxed()
        });
        revoked.await?;
        self.0.states.forget(id);
        Ok(())
    }

    /// Ends every key of the caller. Errors: 401.
    pub(super) async fn revoke_own(&self, ctx: &Ctx) -> Result<()> {
        let user_id = ctx.actor.require_session()?.0.user_id;
        let keys = self.clone();
        ctx.write(move |ctx, tx| async move { keys.revoke_all(tx, &ctx, user_id, "revoked").await }.boxed()).await?;
        self.0.sessions.forget_user(user_id);
        Ok(())
    }

    /// Ends every key of a user in the transaction of why: a password that was changed or reset, an account that goes. Call
    /// [`Sessions::forget_user`] after the commit.
    pub(crate) async fn revoke_all(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        reason: &'static str,
    ) -> Result<()> {
        let count = store::delete_all(tx, user_id).await?;
        if count == 0 {
            return Ok(());
        }
        let after = json!({"count": count, "reason": reason});
        audit::record(tx, ctx, Entry::new("api_key.revoked", "user", user_id).after(after)).await
    }

    /// Removes keys that expired a month ago or more, and says how many. Safe to stop and to run twice.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        let floor = ctx.now().minus(KEPT);
        ctx.purge(move |_, tx, limit| async move { store::purge(tx, floor, limit).await }.boxed()).await
    }

    /// Keeps everything else off the account until the transaction ends. A session that was ended meanwhile, as by a reset of
    /// the password, leaves no key behind.
    async fn hold(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<()> {
        self.0.sessions.hold_account(tx, user_id).await?;
        self.0.sessions.confirm(tx, ctx).await
    }
}

/// Whoever makes keys proved lately who they are.
fn require_maker(ctx: &Ctx) -> Result<UserId> {
    ctx.actor.require_session()?;
    Ok(ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id)
}

fn require_own_or_managed(ctx: &Ctx, user_id: UserId) -> Result<()> {
    let (principal, _) = ctx.actor.require_session()?;
    if principal.user_id == user_id { Ok(()) } else { ctx.actor.require(Permission::ManageApiKeys) }
}

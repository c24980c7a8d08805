//! Whether a key is good right now, for what, and that it was used.
use std::{net::IpAddr, sync::Arc, time::Duration};

use ::store::{RequestInfo, Source};
use futures_util::FutureExt as _;
use kernel::{ApiKeyId, Credential, Principal, Result, Timestamp, UserId, actor::ApiKeyGrant};
use moka::sync::Cache;
use platform::secrets::MacKey;

use super::{
    model::ApiKey,
    store::{self, Standing},
    token,
};
use crate::{
    recent::{Changes, Recent, not_known},
    roles::Roles,
};

/// Uses are noted this often.
const NOTED_EVERY: Duration = Duration::from_mins(1);
const CAPACITY: u64 = 100_000;

pub(super) struct States {
    recent: Recent<ApiKeyId, State>,
    changes: Changes,
    roles: Roles,
    mac: MacKey,
    /// Whose key it is never changes.
    owners: Cache<ApiKeyId, UserId>,
    /// When a use was last noted by this process.
    noted: Cache<ApiKeyId, Timestamp>,
}

struct State {
    key: ApiKey,
    digest: Vec<u8>,
    previous_digest: Option<Vec<u8>>,
    principal: Principal,
}

impl States {
    pub(super) fn new(roles: Roles, changes: Changes, mac: MacKey) -> Self {
        Self {
            recent: Recent::new(changes.clone()),
            changes,
            roles,
            mac,
            owners: Cache::new(CAPACITY),
            noted: Cache::new(CAPACITY),
        }
    }

    /// What is stored of a secret.
    pub(super) fn digest(&self, secret: &str) -> [u8; 32] {
        self.mac.sign(secret.as_bytes())
    }

    /// Makes the next request of this key read it anew. Call it after the commit.
    pub(super) fn forget(&self, id: ApiKeyId) {
        self.changes.note(id.uuid());
    }

    /// Who acts by this key in `request`, when it is good. Errors: 503 when that cannot be known.
    pub(super) async fn principal(
        &self,
        source: &Source,
        secret: &str,
        request: &RequestInfo,
    ) -> Result<Option<Principal>> {
        let Some(id) = token::id(secret) else { return Ok(None) };
        let Some(owner) = self.owner(source, id).await? else { return Ok(None) };
        let now = source.clock.now();
        let Some(state) = self.recent.get(id, owner, now, self.read(source, id)).await? else { return Ok(None) };
        let is_good = self.is_secret(&state, secret, now) && !state.key.is_over(now);
        if !is_good {
            return Ok(None);
        }
        if !is_near(&state.key, request.address) {
            tracing::warn!(target: "security", event = "api_key_address", address = ?request.address, api_key = %id,
                request_id = request.id, "an API key was used from an address it is not good for");
            return Ok(None);
        }
        self.note_use(source, &state, secret, request);
        Ok(Some(state.principal.clone()))
    }

    fn is_secret(&self, state: &State, secret: &str, now: Timestamp) -> bool {
        let verifies = |digest: &[u8]| self.mac.verify(secret.as_bytes(), digest);
        let overlaps = state.key.previous_until.is_some_and(|until| now < until);
        verifies(&state.digest) || overlaps && state.previous_digest.as_deref().is_some_and(verifies)
    }

    async fn owner(&self, source: &Source, id: ApiKeyId) -> Result<Option<UserId>> {
        if let Some(owner) = self.owners.get(&id) {
            return Ok(Some(owner));
        }
        let ctx = source.system("identity");
        let owner =
            ctx.read(move |_, tx| async move { store::owner(tx, id).await }.boxed()).await.map_err(not_known)?;
        // Only of keys there are: strangers cannot fill it.
        if let Some(owner) = owner {
            self.owners.insert(id, owner);
        }
        Ok(owner)
    }

    async fn read(&self, source: &Source, id: ApiKeyId) -> Result<Option<State>> {
        let ctx = source.system("identity");
        let standing = ctx.read(move |_, tx| async move { store::standing(tx, id).await }.boxed()).await?;
        Ok(standing.map(|standing| self.state(standing)))
    }

    /// A key proves nothing but itself, so that its owner's roles which want a second factor are not held.
    fn state(&self, standing: Standing) -> State {
        let Standing { key, digest, previous_digest, roles } = standing;
        let held = self.roles.held(roles, false);
        let grant =
            ApiKeyGrant { id: key.id, scopes: key.scopes.clone(), requests_per_minute: key.requests_per_minute };
        let principal = Principal {
            user_id: key.user_id,
            credential: Credential::ApiKey(Arc::new(grant)),
            roles: held.roles,
            permissions: held.permissions,
            proofs: Arc::default(),
            has_second_factor: false,
            is_held_back: held.is_held_back,
        };
        State { key, digest, previous_digest, principal }
    }

    /// Notes a use now and then, behind the request's back: it neither waits for that nor fails by it.
    fn note_use(&self, source: &Source, state: &State, secret: &str, request: &RequestInfo) {
        let (id, now) = (state.key.id, source.clock.now());
        let is_lately = |at: Timestamp| at <= now && now.since(at) < NOTED_EVERY;
        if self.noted.get(&id).or(state.key.last_used_at).is_some_and(is_lately) {
            return;
        }
        self.noted.insert(id, now);
        let address = request.address.map(|address| address.to_string());
        // Made under the master key before this one, it is kept under this one from now on.
        let is_current = self.mac.verify(secret.as_bytes(), &state.digest);
        let new = if is_current { self.digest(secret).to_vec() } else { state.digest.clone() };
        let digests = [state.digest.clone(), new];
        let ctx = source.system("identity");
        tokio::spawn(async move {
            let before = now.minus(NOTED_EVERY);
            let noted = ctx
                .write(move |_, tx| async move { store::touch(tx, id, now, before, address, digests).await }.boxed());
            if let Err(error) = noted.await {
                tracing::debug!(?error, api_key = %id, "the use of an API key was not noted");
            }
        });
    }
}

fn is_near(key: &ApiKey, address: Option<IpAddr>) -> bool {
    let contains = |address: IpAddr| key.addresses.iter().any(|net| net.contains(&address.to_canonical()));
    key.addresses.is_empty() || address.is_some_and(contains)
}

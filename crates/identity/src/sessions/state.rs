//! Who holds a session right now, and that it was used.
use std::time::Duration;

use ::store::{RequestInfo, Source};
use futures_util::FutureExt as _;
use kernel::{Principal, Result, SessionId, Strength, Timestamp, UserId, actor::strength};
use moka::sync::Cache;

use super::{
    service::Lifetimes,
    store::{self, Standing},
};
use crate::{
    recent::{Changes, Recent},
    roles::Roles,
};

/// Uses are noted this often.
const NOTED_EVERY: Duration = Duration::from_mins(1);
const CAPACITY: u64 = 100_000;

/// The states read lately.
pub(super) struct States {
    recent: Recent<SessionId, State>,
    changes: Changes,
    roles: Roles,
    lifetimes: Lifetimes,
    /// When a use was last noted by this process.
    noted: Cache<SessionId, Timestamp>,
}

struct State {
    principal: Principal,
    expires_at: Timestamp,
    last_seen_at: Timestamp,
}

impl States {
    pub(super) fn new(roles: Roles, changes: Changes, lifetimes: Lifetimes) -> Self {
        Self { recent: Recent::new(changes.clone()), changes, roles, lifetimes, noted: Cache::new(CAPACITY) }
    }

    /// Who holds session `id` of `user_id`, when it stands, and uses it in `request`. Errors: 503 when that cannot be known.
    pub(super) async fn principal(
        &self,
        source: &Source,
        id: SessionId,
        user_id: UserId,
        request: &RequestInfo,
    ) -> Result<Option<Principal>> {
        let now = source.clock.now();
        let state = self.recent.get(id, user_id, now, self.read(source, id)).await?;
        let state = state.filter(|state| state.expires_at > now && state.principal.user_id == user_id);
        let Some(state) = state else { return Ok(None) };
        self.note_use(source, id, state.last_seen_at, request);
        Ok(Some(state.principal.clone()))
    }

    /// Notes a use now and then, behind the request's back: it neither waits for that nor fails by it.
    fn note_use(&self, source: &Source, id: SessionId, last_seen_at: Timestamp, request: &RequestInfo) {
        let now = source.clock.now();
        let noted_at = self.noted.get(&id).map_or(last_seen_at, |noted_at| noted_at.max(last_seen_at));
        // A clock set back notes nothing until it has caught up.
        if now.since(noted_at) < NOTED_EVERY {
            return;
        }
        self.noted.insert(id, now);
        let address = request.address.map(|address| address.to_string());
        let ctx = source.system("identity");
        tokio::spawn(async move {
            let before = now.minus(NOTED_EVERY);
            let noted = ctx.write(move |_, tx| async move { store::touch(tx, id, now, before, address).await }.boxed());
            if let Err(error) = noted.await {
                tracing::debug!(?error, session = %id, "the use of a session was not noted");
            }
        });
    }

    /// Forgets a session. Call it after the commit that changed it.
    pub(super) fn forget_session(&self, id: SessionId) {
        self.changes.note(id.uuid());
    }

    /// Forgets every session and every key of a user.
    pub(super) fn forget_user(&self, user_id: UserId) {
        self.changes.note(user_id.uuid());
    }

    async fn read(&self, source: &Source, id: SessionId) -> Result<Option<State>> {
        let ctx = source.system("identity");
        let standing = ctx.read(move |_, tx| async move { store::standing(tx, id).await }.boxed()).await?;
        Ok(standing.map(|standing| self.state(id, standing)))
    }

    fn state(&self, id: SessionId, standing: Standing) -> State {
        let Standing { user_id, proofs, has_second_factor, created_at, expires_at, last_seen_at, roles } = standing;
        let held = self.roles.held(roles, strength(&proofs) == Strength::Multi);
        let principal = Principal {
            roles: held.roles,
            permissions: held.permissions,
            proofs: proofs.into(),
            has_second_factor,
            is_held_back: held.is_held_back,
            ..Principal::of_session(user_id, id)
        };
        State { principal, expires_at: self.lifetimes.cut(created_at, expires_at), last_seen_at }
    }
}

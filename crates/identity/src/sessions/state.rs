//! Who holds a session right now.
use ::store::Source;
use futures_util::FutureExt as _;
use kernel::{Principal, Result, SessionId, Strength, Timestamp, UserId, actor::strength};

use super::{
    service::Lifetimes,
    store::{self, Standing},
};
use crate::{
    recent::{Changes, Recent},
    roles::Roles,
};

/// The states read lately.
pub(super) struct States {
    recent: Recent<SessionId, State>,
    changes: Changes,
    roles: Roles,
    lifetimes: Lifetimes,
}

struct State {
    principal: Principal,
    expires_at: Timestamp,
}

impl States {
    pub(super) fn new(roles: Roles, changes: Changes, lifetimes: Lifetimes) -> Self {
        Self { recent: Recent::new(changes.clone()), changes, roles, lifetimes }
    }

    /// Who holds session `id` of `user_id`, when it stands. Errors: 503 when that cannot be known.
    pub(super) async fn principal(&self, source: &Source, id: SessionId, user_id: UserId) -> Result<Option<Principal>> {
        let now = source.clock.now();
        let state = self.recent.get(id, user_id, now, self.read(source, id)).await?;
        let state = state.filter(|state| state.expires_at > now && state.principal.user_id == user_id);
        Ok(state.map(|state| state.principal.clone()))
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
        let Standing { user_id, proofs, has_second_factor, created_at, expires_at, roles } = standing;
        let held = self.roles.held(roles, strength(&proofs) == Strength::Multi);
        let principal = Principal {
            roles: held.roles,
            permissions: held.permissions,
            proofs: proofs.into(),
            has_second_factor,
            is_held_back: held.is_held_back,
            ..Principal::of_session(user_id, id)
        };
        State { principal, expires_at: self.lifetimes.cut(created_at, expires_at) }
    }
}

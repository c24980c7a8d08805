//! What is known of sessions right now: read once a second each, forgotten at once when this process changes them.
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use ::store::Source;
use futures_util::FutureExt as _;
use kernel::{
    Error, Principal, Result, Role, SessionId, Strength, Timestamp, UserId, Uuid, actor::strength, error::Kind,
};
use moka::sync::Cache;

use super::store::{self, Standing};

/// Log-out bites everywhere within this time.
const MAX_AGE: Duration = Duration::from_secs(1);
const CAPACITY: u64 = 100_000;
const SLOTS: usize = 1024;

/// The states read lately.
pub(super) struct States {
    cache: Cache<SessionId, Entry>,
    /// Counts changes by session and by user. An entry is good while the counts are those from before it was read, so
    /// that a read which began before a change and ended after it is never believed.
    changes: Vec<AtomicU64>,
    /// Roles held by whoever proved a second factor alone.
    mfa_roles: Vec<Role>,
}

#[derive(Clone)]
struct Entry {
    /// None when the session stands no more.
    state: Option<Arc<State>>,
    read_at: Timestamp,
    changes: [u64; 2],
}

struct State {
    principal: Principal,
    expires_at: Timestamp,
}

impl States {
    pub(super) fn new(mfa_roles: Vec<Role>) -> Self {
        Self {
            mfa_roles,
            cache: Cache::builder().max_capacity(CAPACITY).time_to_live(MAX_AGE).build(),
            changes: std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect(),
        }
    }

    /// Who holds session `id` of `user_id`, when it stands. Errors: 503 when that cannot be known.
    pub(super) async fn principal(&self, source: &Source, id: SessionId, user_id: UserId) -> Result<Option<Principal>> {
        let now = source.clock.now();
        let changes = [self.count(id.uuid()), self.count(user_id.uuid())];
        let is_good = |entry: &Entry| {
            // A clock set back must not keep an entry.
            let is_fresh = entry.read_at <= now && now.since(entry.read_at) < MAX_AGE;
            is_fresh && entry.changes == changes
        };
        let state = if let Some(entry) = self.cache.get(&id).filter(is_good) {
            entry.state
        } else {
            let state = self.read(source, id).await?.map(Arc::new);
            self.cache.insert(id, Entry { state: state.clone(), read_at: now, changes });
            state
        };
        let stands = |state: &Arc<State>| state.expires_at > now && state.principal.user_id == user_id;
        Ok(state.filter(stands).map(|state| state.principal.clone()))
    }

    /// Forgets a session. Call it after the commit that changed it.
    pub(super) fn forget_session(&self, id: SessionId) {
        self.change(id.uuid());
    }

    /// Forgets every session of a user.
    pub(super) fn forget_user(&self, user_id: UserId) {
        self.change(user_id.uuid());
    }

    fn count(&self, id: Uuid) -> u64 {
        self.changes.get(slot(id)).map_or(0, |count| count.load(Ordering::SeqCst))
    }

    fn change(&self, id: Uuid) {
        if let Some(count) = self.changes.get(slot(id)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn read(&self, source: &Source, id: SessionId) -> Result<Option<State>> {
        let ctx = source.system("identity");
        let standing = ctx.read(move |_, tx| async move { store::standing(tx, id).await }.boxed()).await;
        // Not knowing is never an answer about the token.
        let standing = standing.map_err(|error| match error.code().kind() {
            Kind::Unavailable | Kind::Timeout => error,
            _ => Error::unavailable(error),
        })?;
        Ok(standing.map(|standing| self.state(id, standing)))
    }

    fn state(&self, id: SessionId, standing: Standing) -> State {
        let Standing { user_id, proofs, has_second_factor, expires_at, roles } = standing;
        let is_multi = strength(&proofs) == Strength::Multi;
        let (held, back): (Vec<_>, Vec<_>) =
            roles.into_iter().partition(|role| is_multi || !self.mfa_roles.contains(role));
        let principal = Principal {
            user_id,
            session_id: id,
            roles: held.into(),
            proofs: proofs.into(),
            has_second_factor,
            is_held_back: !back.is_empty(),
        };
        State { principal, expires_at }
    }
}

/// The random end of an id spreads best. Two ids in one slot cost a read too many, never one too few.
fn slot(id: Uuid) -> usize {
    let [.., high, low] = id.into_bytes();
    usize::from(u16::from_be_bytes([high, low])) % SLOTS
}

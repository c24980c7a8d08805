//! What is known of credentials right now: read once a second each, forgotten at once when this process changes them.
use std::{
    hash::Hash,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use kernel::{Error, Result, Timestamp, UserId, Uuid, error::Kind};
use moka::sync::Cache;

/// What changes bites everywhere within this time.
const MAX_AGE: Duration = Duration::from_secs(1);
const CAPACITY: u64 = 100_000;
const SLOTS: usize = 1024;

/// Counts what this process changes, by the id of the credential and of its owner; cheap to clone.
#[derive(Clone)]
pub(crate) struct Changes(Arc<[AtomicU64]>);

/// What was read lately of each `K`.
pub(crate) struct Recent<K, T> {
    cache: Cache<K, Entry<T>>,
    changes: Changes,
}

struct Entry<T> {
    /// None when it stands no more.
    state: Option<Arc<T>>,
    read_at: Timestamp,
    /// An entry is good while the counts are those from before it was read, so that a read which began before a change and
    /// ended after it is never believed.
    changes: [u64; 2],
}

// Not derived: `T` need not be.
impl<T> Clone for Entry<T> {
    fn clone(&self) -> Self {
        Self { state: self.state.clone(), ..*self }
    }
}

impl Changes {
    pub(crate) fn new() -> Self {
        Self(std::iter::repeat_with(AtomicU64::default).take(SLOTS).collect())
    }

    /// Makes whatever depends on `id` be read anew. Call it after the commit.
    pub(crate) fn note(&self, id: Uuid) {
        if let Some(count) = self.0.get(slot(id)) {
            count.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn count(&self, id: Uuid) -> u64 {
        self.0.get(slot(id)).map_or(0, |count| count.load(Ordering::SeqCst))
    }
}

impl<K, T> Recent<K, T>
where
    K: Copy + Eq + Hash + Into<Uuid> + Send + Sync + 'static,
    T: Send + Sync + 'static,
{
    pub(crate) fn new(changes: Changes) -> Self {
        Self { cache: Cache::builder().max_capacity(CAPACITY).time_to_live(MAX_AGE).build(), changes }
    }

    /// What `read` found of `key`, which is `owner`'s, a second ago at most. Errors: 503 when that cannot be known.
    pub(crate) async fn get(
        &self,
        key: K,
        owner: UserId,
        now: Timestamp,
        read: impl Future<Output = Result<Option<T>>> + Send,
    ) -> Result<Option<Arc<T>>> {
        let changes = [self.changes.count(key.into()), self.changes.count(owner.uuid())];
        let is_good = |entry: &Entry<T>| {
            // A clock set back must not keep an entry.
            let is_fresh = entry.read_at <= now && now.since(entry.read_at) < MAX_AGE;
            is_fresh && entry.changes == changes
        };
        if let Some(entry) = self.cache.get(&key).filter(is_good) {
            return Ok(entry.state);
        }
        let state = read.await.map_err(not_known)?.map(Arc::new);
        self.cache.insert(key, Entry { state: state.clone(), read_at: now, changes });
        Ok(state)
    }
}

/// Not knowing is never an answer about the credential.
pub(crate) fn not_known(error: Error) -> Error {
    match error.code().kind() {
        Kind::Unavailable | Kind::Timeout => error,
        _ => Error::unavailable(error),
    }
}

/// The random end of an id spreads best. Two ids in one slot cost a read too many, never one too few.
fn slot(id: Uuid) -> usize {
    let [.., high, low] = id.into_bytes();
    usize::from(u16::from_be_bytes([high, low])) % SLOTS
}

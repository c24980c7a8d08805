//! Replicas: which may be read, by whom, and how they are watched.
//!
//! A replica is read only if it has replayed the last write of the account that asks, and if what it shows is no older than the
//! bound. Both are judged by places in the write-ahead log, not by clocks: every so often the primary is asked where its log ends, and each
//! replica how far it has come.
use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex, PoisonError, Weak,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use kernel::{Actor, Code, Error, Result, Secret, UserId};
use tokio::{sync::watch, time::timeout};

use super::{
    Db,
    position::{Position, Positions},
};
use crate::{
    db::{Options, ReplicaState},
    tx::Access,
};

/// How often the primary and the replicas are asked, and how long an answer may take.
const PERIOD: Duration = Duration::from_millis(200);
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a read waits for a replica's connection before it goes to the primary.
const WAIT: Duration = Duration::from_millis(250);
/// Ends of the primary's log remembered for one span of the bound on age.
const SAMPLES: u32 = 256;

/// The replicas of one primary.
pub(crate) struct Replicas {
    all: Vec<Replica>,
    next: AtomicUsize,
    positions: Mutex<Positions>,
    max_lag: Duration,
    is_closed: AtomicBool,
}

struct Replica {
    db: Db,
    /// Another connection: that all others are busy must not look like an outage.
    probe: Db,
    state: watch::Sender<State>,
}

#[derive(Clone, Copy)]
struct State {
    replayed: Position,
    /// It has everything that was committed before.
    as_of: Option<Instant>,
    fault: Option<&'static str>,
}

const NOT_ASKED: &str = "was not asked yet";
const AWAY: &str = "cannot be reached";
const NO_STANDBY: &str = "is no standby of the primary";
const BEHIND: &str = "is too far behind";

impl Replicas {
    /// Watches the replicas of `options`, which need not be there yet. Errors: a malformed URL.
    pub fn open(options: &Options) -> Result<Arc<Self>> {
        let all = options.replicas.iter().map(|url| Replica::open(options, url)).collect::<Result<_>>()?;
        let replicas = Self {
            all,
            next: AtomicUsize::new(0),
            positions: Mutex::default(),
            max_lag: options.max_lag,
            is_closed: AtomicBool::new(false),
        };
        let replicas = Arc::new(replicas);
        let primary = Db::connect(&probing(options), false)?;
        tokio::spawn(watch_over(Arc::downgrade(&replicas), primary));
        Ok(replicas)
    }

    /// Notes where the log stood after a write of `actor`. Anonymous callers have no session to remember it by.
    pub fn note(&self, actor: &Actor, at: Option<Position>) {
        if let (Some(account), Some(at)) = (actor.user_id(), at) {
            self.positions.lock().unwrap_or_else(PoisonError::into_inner).note(account, at);
        }
    }

    /// Runs `body` on a replica. `None`: none may be read by this account now, or the one that was asked could not answer.
    pub async fn run<T, F>(&self, account: Option<UserId>, body: F) -> Option<Result<T>>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let replica = self.choose(account)?;
        let mut state = replica.state.subscribe();
        let answer = tokio::select! {
            answer = replica.db.run(Access::Read, body) => answer,
            // Whoever waits for one that went away need not wait until the connection times out.
            _ = state.wait_for(|state| state.fault.is_some()) => return None,
        };
        match answer {
            // Its own troubles, as a table that it does not have yet; what a caller did wrong is the same on the primary.
            Err(error) if matches!(error.code(), Code::Internal | Code::Unavailable | Code::Overloaded) => {
                tracing::debug!(?error, "a replica could not answer");
                None
            }
            answer => Some(answer),
        }
    }

    /// One after the other, among those that will do.
    fn choose(&self, account: Option<UserId>) -> Option<&Replica> {
        let needed = self.positions.lock().unwrap_or_else(PoisonError::into_inner).needed(account);
        let first = self.next.fetch_add(1, Ordering::Relaxed);
        let will_do = |replica: &&Replica| {
            let state = replica.state.borrow();
            state.fault.is_none()
                && state.replayed >= needed
                && state.as_of.is_some_and(|at| at.elapsed() <= self.max_lag)
        };
        (0..self.all.len()).filter_map(|nth| self.all.get((first + nth) % self.all.len())).find(will_do)
    }

    /// How each replica is, in the order of the configuration.
    pub fn states(&self) -> Vec<ReplicaState> {
        let state = |replica: &Replica| {
            let state = *replica.state.borrow();
            let behind = state.as_of.map(|at| at.elapsed());
            let is_late = behind.is_none_or(|behind| behind > self.max_lag);
            ReplicaState { fault: state.fault.or(is_late.then_some(BEHIND)), behind }
        };
        self.all.iter().map(state).collect()
    }

    pub async fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
        join_all(self.all.iter().map(|replica| async {
            replica.probe.close().await;
            replica.db.close().await;
        }))
        .await;
    }

    async fn look(&self, log: &Log) {
        join_all(self.all.iter().enumerate().map(|(number, replica)| replica.look(number, log))).await;
        let by_all = self.all.iter().map(|replica| replica.state.borrow().replayed).min();
        self.positions.lock().unwrap_or_else(PoisonError::into_inner).forget(by_all.unwrap_or_default());
    }
}

impl Replica {
    fn open(options: &Options, url: &Secret<String>) -> Result<Self> {
        let options = Options { url: url.clone(), wait: options.wait.min(WAIT), ..options.clone() };
        let db = Db::connect(&options, true)?;
        let probe = Db::connect(&probing(&options), true)?;
        let (state, _) = watch::channel(State { replayed: 0, as_of: None, fault: Some(NOT_ASKED) });
        Ok(Self { db, probe, state })
    }

    async fn look(&self, number: usize, log: &Log) {
        let before = *self.state.borrow();
        let state = match ask(&self.probe, REPLAYED).await {
            Some((_, false, _)) => State { fault: Some(NO_STANDBY), ..before },
            Some((_, true, cluster)) if log.cluster.is_some_and(|own| own != cluster) => {
                State { fault: Some(NO_STANDBY), ..before }
            }
            Some((replayed, true, _)) => State { replayed, as_of: log.as_of(replayed), fault: None },
            None => State { fault: Some(AWAY), ..before },
        };
        if before.fault != state.fault {
            if let Some(why) = state.fault {
                tracing::warn!(replica = number + 1, why, "a replica is not read");
            } else {
                tracing::info!(replica = number + 1, "a replica is read");
            }
        }
        self.state.send_replace(state);
    }
}

/// One connection, for questions alone.
fn probing(options: &Options) -> Options {
    Options { pool_min: 0, pool_max: 1, wait: PATIENCE, statement: PATIENCE, ..options.clone() }
}

/// Where the log stands, whether the server is a standby, and which cluster it is.
type Answer = (Position, bool, i64);

const END: &str =
    "SELECT (pg_current_wal_flush_lsn() - '0/0')::bigint, false, system_identifier FROM pg_control_system()";
const REPLAYED: &str = "SELECT (coalesce(pg_last_wal_replay_lsn(), '0/0') - '0/0')::bigint, pg_is_in_recovery(), system_identifier \
                        FROM pg_control_system()";

async fn ask(db: &Db, sql: &'static str) -> Option<Answer> {
    let question = db.run(Access::Read, move |tx| {
        async move {
            let row = tx.query_one(sql, &[]).await?;
            let position = u64::try_from(row.get::<i64>(0)?).map_err(Error::internal)?;
            Ok((position, row.get(1)?, row.get(2)?))
        }
        .boxed()
    });
    timeout(PATIENCE, question).await.ok()?.ok()
}

/// Where the primary's log ended, and when.
struct Log {
    ends: VecDeque<(Instant, Position)>,
    cluster: Option<i64>,
    /// Between two that are remembered.
    step: Duration,
    span: Duration,
}

impl Log {
    fn note(&mut self, at: Instant, end: Position) {
        while self.ends.front().is_some_and(|(then, _)| at.duration_since(*then) > self.span) {
            self.ends.pop_front();
        }
        match self.ends.back_mut() {
            // Whoever has the same log has everything up to the later moment.
            Some((then, last)) if *last == end => *then = at,
            Some((then, _)) if at.duration_since(*then) < self.step => {}
            _ => self.ends.push_back((at, end)),
        }
    }

    /// Up to when someone who has come to `replayed` has everything.
    fn as_of(&self, replayed: Position) -> Option<Instant> {
        self.ends.iter().rev().find(|(_, end)| *end <= replayed).map(|(at, _)| *at)
    }
}

/// Asks all of them, again and again, until nobody reads them any more.
async fn watch_over(replicas: Weak<Replicas>, primary: Db) {
    let Some(span) = replicas.upgrade().map(|replicas| replicas.max_lag) else { return };
    let mut log = Log { ends: VecDeque::new(), cluster: None, step: span / SAMPLES, span };
    while let Some(replicas) = replicas.upgrade().filter(|replicas| !replicas.is_closed.load(Ordering::Relaxed)) {
        // Taken before the question: what was committed until then is part of the answer.
        let at = Instant::now();
        if let Some((end, _, cluster)) = ask(&primary, END).await {
            log.cluster = Some(cluster);
            log.note(at, end);
        }
        replicas.look(&log).await;
        drop(replicas);
        tokio::time::sleep(PERIOD).await;
    }
    primary.close().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn age_is_told_by_the_log() {
        let span = Duration::from_secs(10);
        let mut log = Log { ends: VecDeque::new(), cluster: None, step: span / SAMPLES, span };
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        for (seconds, end) in [(0, 100), (1, 100), (2, 150), (4, 200)] {
            log.note(at(seconds), end);
        }
        assert_eq!(log.as_of(99), None);
        assert_eq!(log.as_of(100), Some(at(1)));
        assert_eq!(log.as_of(199), Some(at(2)));
        assert_eq!(log.as_of(u64::MAX), Some(at(4)));
        log.note(at(13), 300);
        assert_eq!(log.as_of(150), None);
        assert_eq!(log.as_of(200), Some(at(4)));
    }

    #[test]
    fn few_ends_are_remembered() {
        let span = Duration::from_secs(10);
        let mut log = Log { ends: VecDeque::new(), cluster: None, step: span / SAMPLES, span };
        let start = Instant::now();
        for milliseconds in 0..30_000 {
            log.note(start + Duration::from_millis(milliseconds), milliseconds);
        }
        assert!(log.ends.len() <= SAMPLES as usize + 1, "{}", log.ends.len());
    }
}

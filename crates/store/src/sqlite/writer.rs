//! The one writer thread: many jobs, one commit.
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::PathBuf,
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use crossbeam_channel::Receiver;
use kernel::{Error, Result};

use super::{
    Counters,
    connection::{Bounds, Role, Session},
    job::Job,
};
use crate::tx::Access;

/// A batch ends when the queue is empty or at one of these.
const MOST_JOBS: usize = 256;
const LONGEST: Duration = Duration::from_millis(10);

/// Runs jobs in batches: one outer transaction, a SAVEPOINT for each job that has others before it, one COMMIT,
/// and only then the answers.
pub(super) struct Writer {
    session: Session,
    path: PathBuf,
    queue: Receiver<Box<dyn Job>>,
    counters: Arc<Counters>,
    /// Jobs of the open transaction that ended well.
    kept: Vec<Box<dyn Job>>,
    /// A job taken from the queue that must wait until the batch has ended.
    carried: Option<Box<dyn Job>>,
}

impl Writer {
    pub fn open(path: PathBuf, bounds: Bounds, queue: Receiver<Box<dyn Job>>, counters: Arc<Counters>) -> Result<Self> {
        let session = Session::open(&path, Role::Writer, bounds)?;
        Ok(Self { session, path, queue, counters, kept: Vec::with_capacity(MOST_JOBS), carried: None })
    }

    /// Works until the queue is closed and empty.
    pub fn run(mut self) {
        while let Some(job) = self.carried.take().or_else(|| self.queue.recv().ok()) {
            self.counters.busy.fetch_add(1, Ordering::Relaxed);
            // Bodies are caught one by one; this is for what an answer's destructor may do.
            let outcome = catch_unwind(AssertUnwindSafe(|| match job.access() {
                Access::Alter | Access::Load => self.alter(job),
                Access::Read | Access::Snapshot | Access::Write => self.batch(job),
            }));
            if outcome.is_err() {
                self.give_up_batch("the writer thread panicked");
            }
            self.counters.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn batch(&mut self, first: Box<dyn Job>) {
        let started = Instant::now();
        let mut next = Some(first);
        let mut jobs = 0;
        while let Some(job) = next.take() {
            if matches!(job.access(), Access::Alter | Access::Load) {
                self.carried = Some(job);
                break;
            }
            if job.claim() {
                jobs += 1;
                self.run_one(job);
            }
            if jobs < MOST_JOBS && started.elapsed() < LONGEST {
                next = self.queue.try_recv().ok();
            }
        }
        self.commit();
    }

    /// Runs `job` inside the batch; afterwards it is kept, or undone and answered.
    fn run_one(&mut self, mut job: Box<dyn Job>) {
        // The first to write needs no SAVEPOINT: there is nothing before it to save.
        let is_first = self.kept.is_empty();
        let opened = if is_first { self.begin() } else { self.control("SAVEPOINT job") };
        if let Err(error) = opened {
            job.answer(Some(error));
            return;
        }
        let is_good = job.run(&mut self.session);
        if self.session.connection.is_autocommit() {
            // A full disk, a failed write or an interrupt makes SQLite undo the whole transaction by itself.
            self.give_up_batch("SQLite undid the transaction in which this was written");
            job.answer(is_good.then(|| Error::internal("a transaction was ended by one of its own statements")));
            return;
        }
        if is_good && (is_first || self.control("RELEASE job").is_ok()) {
            self.kept.push(job);
            return;
        }
        if is_first {
            self.roll_back();
        } else if self.control("ROLLBACK TO job").and_then(|()| self.control("RELEASE job")).is_err() {
            self.give_up_batch("the transaction in which this was written could not be continued");
        }
        job.answer(is_good.then(|| Error::unavailable("the savepoint could not be released")));
    }

    /// Commits what was kept, then answers.
    fn commit(&mut self) {
        if self.kept.is_empty() {
            return;
        }
        match self.session.control("COMMIT") {
            Ok(()) => {
                self.counters.commits.fetch_add(1, Ordering::Relaxed);
                for job in self.kept.drain(..) {
                    job.answer(None);
                }
            }
            Err(error) => {
                tracing::error!(%error, jobs = self.kept.len(), "a commit failed; nothing of it was written");
                self.give_up_batch(&format!("the commit failed: {error}"));
            }
        }
    }

    /// Runs a change of the schema alone. Foreign keys are off while it rebuilds tables (dropping one would delete what refers
    /// to it), which only works outside of a transaction, and are checked before the commit.
    fn alter(&mut self, mut job: Box<dyn Job>) {
        if !job.claim() {
            return;
        }
        let failure = self.alter_with(&mut *job).err();
        self.roll_back();
        // Of no effect inside a transaction, and without them deletions would leave orphans: a new connection has them on.
        let is_enforced = self.session.connection.pragma_update(None, "foreign_keys", true).is_ok()
            && self.session.connection.pragma_query_value(None, "foreign_keys", |row| row.get(0)).unwrap_or(false);
        if !is_enforced {
            self.reopen();
        }
        job.answer(failure);
    }

    /// Errors: what made the change impossible, unless it is the job's own answer.
    fn alter_with(&mut self, job: &mut dyn Job) -> Result<()> {
        self.session.unlimit();
        self.session.connection.pragma_update(None, "foreign_keys", false).map_err(Error::unavailable)?;
        self.begin()?;
        let is_good = job.run(&mut self.session);
        self.session.unlimit();
        if !is_good {
            return Ok(());
        }
        if self.session.connection.is_autocommit() {
            return Err(Error::internal("a schema change was ended by one of its own statements"));
        }
        if job.access() == Access::Load {
            return self.commit_alter();
        }
        let orphan = |row: &rusqlite::Row<'_>| Ok((row.get::<_, String>(0)?, row.get::<_, String>(2)?));
        match self.session.connection.query_row("PRAGMA foreign_key_check", [], orphan) {
            Err(rusqlite::Error::QueryReturnedNoRows) => {}
            Ok((table, parent)) => {
                return Err(Error::internal(format!(
                    "the schema change leaves rows of {table} without their {parent}"
                )));
            }
            Err(error) => return Err(Error::unavailable(error)),
        }
        self.commit_alter()
    }

    fn commit_alter(&self) -> Result<()> {
        self.control("COMMIT")?;
        self.counters.commits.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    fn begin(&mut self) -> Result<()> {
        self.control("BEGIN IMMEDIATE")
    }

    fn control(&self, sql: &'static str) -> Result<()> {
        self.session.control(sql).map_err(Error::unavailable)
    }

    /// Undoes the open transaction and tells everyone who had a part in it.
    fn give_up_batch(&mut self, why: &str) {
        self.roll_back();
        for job in std::mem::take(&mut self.kept) {
            job.answer(Some(Error::unavailable(why)));
        }
    }

    fn roll_back(&mut self) {
        if self.session.connection.is_autocommit() {
            return;
        }
        if let Err(error) = self.session.control("ROLLBACK") {
            tracing::error!(%error, "a roll-back failed");
        }
        if !self.session.connection.is_autocommit() {
            self.reopen();
        }
    }

    /// Replaces a connection that is stuck in a transaction.
    fn reopen(&mut self) {
        match Session::open(&self.path, Role::Writer, self.session.bounds) {
            Ok(session) => self.session = session,
            Err(error) => tracing::error!(?error, "the database could not be opened again"),
        }
    }
}

//! SQLite: one writer thread with group commit, a few reader threads, bounded queues in front of both.
mod classify;
mod connection;
mod job;
mod plan;
mod readers;
mod tx;
mod writer;

use std::{
    sync::{
        Arc, Mutex, PoisonError, RwLock,
        atomic::{AtomicU64, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use crossbeam_channel::{Sender, TrySendError, bounded};
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Error, Result};
use tokio::{runtime, time::timeout};

use self::{
    connection::{Bounds, Role, Session},
    job::{Job, Task},
    writer::Writer,
};
pub(crate) use self::{
    connection::{create, path_of},
    job::panicked,
    tx::Tx,
};
use crate::{
    db::{Options, Stats},
    tx::Access,
};

/// A handle; the threads end when the last one is dropped or [`Db::close`] is called.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    /// Nothing once closed.
    queues: RwLock<Option<Queues>>,
    threads: Mutex<Threads>,
    counters: Arc<Counters>,
    wait: Duration,
}

struct Queues {
    writer: Sender<Box<dyn Job>>,
    readers: Sender<Box<dyn Job>>,
}

#[derive(Default)]
struct Threads {
    writer: Option<JoinHandle<()>>,
    readers: Vec<JoinHandle<()>>,
}

#[derive(Default)]
struct Counters {
    writes: AtomicU64,
    commits: AtomicU64,
    /// Threads at work.
    busy: AtomicU64,
}

impl Db {
    pub fn open(options: &Options) -> Result<Self> {
        connection::refuse_old_library()?;
        let path = connection::path_of(options.url.expose())?;
        connection::create(&path)?;
        let bounds = Bounds { statement: options.statement, rows: options.rows };
        let counters = Arc::new(Counters::default());
        let (writer_queue, jobs) = bounded(options.queue);
        let writer = Writer::open(path.clone(), bounds, jobs, Arc::clone(&counters))?;
        let mut threads = Threads { writer: Some(spawn("store-writer", move || writer.run())?), readers: Vec::new() };
        let (reader_queue, jobs) = bounded(options.queue);
        for number in 0..readers::count() {
            let session = Session::open(&path, Role::Reader, bounds)?;
            let jobs = jobs.clone();
            let counters = Arc::clone(&counters);
            let work = move || readers::run(session, &jobs, &counters.busy);
            threads.readers.push(spawn(&format!("store-reader-{number}"), work)?);
        }
        let queues = RwLock::new(Some(Queues { writer: writer_queue, readers: reader_queue }));
        let inner = Inner { queues, threads: Mutex::new(threads), counters, wait: options.wait };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Runs `body` on the thread its access calls for.
    ///
    /// Its turn must come within the configured wait; once it has begun, the answer is waited for, so that "too busy" always
    /// means that nothing was written. A caller who goes away before the turn comes takes the job along.
    pub async fn run<T, F>(&self, access: Access, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (task, mut receiver, turn) = Task::new(access, body);
        self.send(access, Box::new(task))?;
        let answer = match timeout(self.inner.wait, &mut receiver).await {
            Ok(answer) => answer,
            Err(_) if turn.give_up() => return Err(Error::overloaded("the database was busy for too long")),
            Err(_) => receiver.await,
        };
        answer.unwrap_or_else(|_| Err(Error::unavailable("the database thread is gone")))
    }

    fn send(&self, access: Access, job: Box<dyn Job>) -> Result<()> {
        let queues = self.inner.queues.read().unwrap_or_else(PoisonError::into_inner);
        let Some(queues) = &*queues else { return Err(Error::unavailable("the database is closed")) };
        let queue = match access {
            Access::Read | Access::Snapshot => &queues.readers,
            Access::Write | Access::Alter | Access::Load => {
                self.inner.counters.writes.fetch_add(1, Ordering::Relaxed);
                &queues.writer
            }
        };
        queue.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => Error::overloaded("the database's queue is full"),
            TrySendError::Disconnected(_) => Error::unavailable("the database thread is gone"),
        })
    }

    pub async fn ping(&self) -> Result<()> {
        self.run(Access::Read, |tx| async move { tx.query("SELECT 1", &[]).await.map(|_| ()) }.boxed()).await
    }

    pub fn stats(&self) -> Stats {
        let counters = &self.inner.counters;
        let queues = self.inner.queues.read().unwrap_or_else(PoisonError::into_inner);
        let waiting = queues.as_ref().map_or(0, |queues| queues.writer.len() + queues.readers.len());
        Stats {
            writes: counters.writes.load(Ordering::Relaxed),
            commits: counters.commits.load(Ordering::Relaxed),
            connections: if queues.is_some() { 1 + readers::count() as u64 } else { 0 },
            busy: counters.busy.load(Ordering::Relaxed),
            waiting: waiting as u64,
        }
    }

    /// Accepts nothing more, finishes what was accepted, and ends the threads, readers first: the last connection to close
    /// moves the WAL into the database.
    pub async fn close(&self) {
        let Some(queues) = self.inner.queues.write().unwrap_or_else(PoisonError::into_inner).take() else { return };
        let threads = std::mem::take(&mut *self.inner.threads.lock().unwrap_or_else(PoisonError::into_inner));
        let ended = tokio::task::spawn_blocking(move || {
            drop(queues.readers);
            let readers = threads.readers.into_iter().all(|thread| thread.join().is_ok());
            drop(queues.writer);
            threads.writer.is_none_or(|thread| thread.join().is_ok()) && readers
        });
        if !ended.await.unwrap_or(false) {
            tracing::error!("a database thread ended with a panic");
        }
    }
}

/// A thread inside the runtime of the caller, so that a body that wrongly waits for a timer is told so and does not panic.
fn spawn(name: &str, work: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>> {
    let runtime = runtime::Handle::try_current().ok();
    let within = move || {
        let _entered = runtime.as_ref().map(runtime::Handle::enter);
        work();
    };
    thread::Builder::new().name(name.to_owned()).spawn(within).map_err(Error::unavailable)
}

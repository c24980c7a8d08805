//! The threads that hash: few, with memory of their own, behind a bounded queue.
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use kernel::{Error, Result};
use tokio::sync::oneshot;

use super::argon::Memory;

/// How long a thread without work keeps its memory, some 19 MiB.
const KEPT: Duration = Duration::from_millis(250);

/// Gets about a tenth of a core that is wanted by others, and all of one that is not.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// Ends its threads when it is dropped.
pub(super) struct Pool {
    jobs: Sender<Job>,
    hashed: Arc<AtomicU64>,
}

impl Pool {
    /// Errors: internal, when the system gives no more threads.
    pub(super) fn start(threads: usize, queue: usize) -> Result<Self> {
        let (jobs, waiting) = crossbeam_channel::bounded::<Job>(queue);
        let hashed = Arc::new(AtomicU64::new(0));
        for number in 0..threads {
            let (waiting, memory) = (waiting.clone(), Memory::counting(Arc::clone(&hashed)));
            let thread = thread::Builder::new().name(format!("password-{number}"));
            thread.spawn(move || work(&waiting, memory)).map_err(Error::internal)?;
        }
        Ok(Self { jobs, hashed })
    }

    /// How many hashes were computed so far.
    pub(super) fn hashed(&self) -> u64 {
        self.hashed.load(Ordering::Relaxed)
    }

    /// Errors: 503 when the queue is full.
    pub(super) fn check_room(&self) -> Result<()> {
        if self.jobs.is_full() { Err(full()) } else { Ok(()) }
    }

    /// Runs `work` on one of the threads. Errors: 503 at once when the queue is full.
    pub(super) async fn run<T, F>(&self, work: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&mut Memory) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |memory| {
            // Nobody waits any more when the client went away.
            if !reply.is_closed() {
                let _ = reply.send(work(memory));
            }
        });
        self.jobs.try_send(job).map_err(|error| match error {
            TrySendError::Full(_) => full(),
            TrySendError::Disconnected(_) => Error::internal("the threads that hash passwords have ended"),
        })?;
        answer.await.map_err(|_| Error::internal("a password could not be hashed"))?
    }
}

fn full() -> Error {
    Error::overloaded("the queue of passwords to hash is full")
}

fn work(waiting: &Receiver<Job>, mut memory: Memory) {
    yield_to_requests();
    while let Some(job) = next(waiting, &mut memory) {
        // One bad job must not cost the pool a thread; what it left in the memory is overwritten by the next.
        if catch_unwind(AssertUnwindSafe(|| job(&mut memory))).is_err() {
            tracing::error!("hashing a password panicked");
        }
    }
}

/// A hash takes a core for 15 ms: whatever else wants to run, here or in a database beside, goes first.
fn yield_to_requests() {
    // Only there it is a matter of the thread, elsewhere of the whole process.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::nice(NICE) {
        tracing::warn!(%error, "hashing keeps the priority of requests");
    }
}

/// The next job. Memory is used again while jobs keep coming, and given back when none does.
fn next(waiting: &Receiver<Job>, memory: &mut Memory) -> Option<Job> {
    match waiting.recv_timeout(KEPT) {
        Ok(job) => Some(job),
        Err(RecvTimeoutError::Disconnected) => None,
        Err(RecvTimeoutError::Timeout) => {
            memory.release();
            waiting.recv().ok()
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use kernel::Code;

    use super::*;

    #[tokio::test]
    async fn a_full_queue_refuses_at_once() {
        let pool = Arc::new(Pool::start(1, 1).unwrap());
        let (release, held) = crossbeam_channel::bounded::<()>(0);
        let (started, begun) = oneshot::channel();
        let busy = tokio::spawn({
            let (pool, held) = (pool.clone(), held.clone());
            async move {
                pool.run(move |_| {
                    let _ = started.send(());
                    held.recv().map_err(Error::internal)
                })
                .await
            }
        });
        begun.await.unwrap();
        let mut queued = Box::pin(pool.run(|_| Ok(())));
        assert!((&mut queued).now_or_never().is_none());
        let refused = pool.run(|_| Ok(())).await.unwrap_err();
        assert_eq!(refused.code(), Code::Overloaded);
        assert!(refused.retry_after().is_some());
        assert_eq!(pool.check_room().unwrap_err().code(), Code::Overloaded);
        release.send(()).unwrap();
        busy.await.unwrap().unwrap();
        queued.await.unwrap();
        pool.check_room().unwrap();
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn only_its_own_threads_step_back() {
        let pool = Pool::start(1, 1).unwrap();
        let priority = || rustix::process::getpriority_process(None).map_err(Error::internal);
        let before = priority().unwrap();
        assert_eq!(pool.run(move |_| priority()).await.unwrap(), (before + NICE).min(19));
        assert_eq!(priority().unwrap(), before);
    }

    #[tokio::test]
    async fn a_panic_fails_its_own_job_alone() {
        let pool = Pool::start(1, 8).unwrap();
        let failed: Result<()> = pool.run(|_| panic!("on purpose")).await;
        assert_eq!(failed.unwrap_err().code(), Code::Internal);
        assert_eq!(pool.run(|_| Ok(7)).await.unwrap(), 7);
    }
}

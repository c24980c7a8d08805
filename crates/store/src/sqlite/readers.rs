//! The reader threads: each with its own connection, all fed by one queue.
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
};

use crossbeam_channel::Receiver;
use kernel::Error;

use super::{connection::Session, job::Job};

/// More gain nothing: they share the file's cache with the operating system and the cores with everyone else.
const MOST_THREADS: usize = 8;

pub(super) fn count() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS)
}

/// Works until the queue is closed and empty.
pub(super) fn run(mut session: Session, queue: &Receiver<Box<dyn Job>>, busy: &AtomicU64) {
    while let Ok(job) = queue.recv() {
        if job.claim() {
            busy.fetch_add(1, Ordering::Relaxed);
            // Bodies are caught one by one; this is for what an answer's destructor may do.
            let outcome = catch_unwind(AssertUnwindSafe(|| read(&mut session, job)));
            if outcome.is_err() {
                end(&session);
            }
            busy.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// One transaction around the body, so that all its statements see one moment.
fn read(session: &mut Session, mut job: Box<dyn Job>) {
    let begun = session.control("BEGIN");
    let failure = begun.err().map(Error::unavailable);
    if failure.is_none() {
        job.run(session);
    }
    end(session);
    job.answer(failure);
}

/// There is nothing to keep, so ending badly and ending well are the same.
fn end(session: &Session) {
    if session.connection.is_autocommit() {
        return;
    }
    if let Err(error) = session.control("ROLLBACK") {
        tracing::error!(%error, "a reader could not leave its transaction");
    }
}

//! What is sent to a database thread: a closure, and the way back for its answer.
use std::{
    any::Any,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll, Waker},
};

use futures_util::future::BoxFuture;
use kernel::{Error, Result};
use tokio::sync::oneshot;

use super::{connection::Session, tx};
use crate::{
    Tx,
    tx::{Access, Engine},
};

/// A job of any answer's type.
pub(super) trait Job: Send {
    /// Takes the job's turn. False: nobody waits for it any more, and it must not run.
    fn claim(&self) -> bool;

    /// What the job was sent for.
    fn access(&self) -> Access;

    /// Runs it and keeps its answer. False: what it wrote must be undone.
    fn run(&mut self, session: &mut Session) -> bool;

    /// Hands out the answer, or `failure` when the transaction around the job came to nothing.
    fn answer(self: Box<Self>, failure: Option<Error>);
}

/// Whether a job is waiting, was started or was given up. Settles the race between a thread that starts
/// and a waiter whose patience ends: a job answered with "too busy" never runs.
#[derive(Default)]
pub(super) struct Turn(AtomicU8);

const WAITING: u8 = 0;
const STARTED: u8 = 1;
const GIVEN_UP: u8 = 2;

impl Turn {
    fn start(&self) -> bool {
        self.settle(STARTED)
    }

    pub fn give_up(&self) -> bool {
        self.settle(GIVEN_UP)
    }

    fn settle(&self, state: u8) -> bool {
        self.0.compare_exchange(WAITING, state, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }
}

/// A transaction of a service.
pub(super) struct Task<T, F> {
    body: Option<F>,
    access: Access,
    answer: Option<Result<T>>,
    sender: oneshot::Sender<Result<T>>,
    turn: Arc<Turn>,
}

impl<T, F> Task<T, F> {
    pub fn new(access: Access, body: F) -> (Self, oneshot::Receiver<Result<T>>, Arc<Turn>) {
        let (sender, receiver) = oneshot::channel();
        let turn = Arc::new(Turn::default());
        (Self { body: Some(body), access, answer: None, sender, turn: Arc::clone(&turn) }, receiver, turn)
    }
}

impl<T, F> Job for Task<T, F>
where
    T: Send + 'static,
    F: for<'t, 'c> FnOnce(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
{
    fn claim(&self) -> bool {
        !self.sender.is_closed() && self.turn.start()
    }

    fn access(&self) -> Access {
        self.access
    }

    fn run(&mut self, session: &mut Session) -> bool {
        let Some(body) = self.body.take() else { return false };
        let access = self.access;
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            let engine = Engine::Sqlite(tx::Tx::new(session, access.is_timed()));
            let mut tx = Tx::new(engine, access);
            let answer = in_one_poll(body(&mut tx));
            if answer.is_ok() && tx.is_spoiled() {
                return Err(Error::internal("a transaction ended well although one of its statements had failed"));
            }
            answer
        }));
        let answer = outcome.unwrap_or_else(|payload| Err(panicked(&*payload)));
        let is_kept = answer.is_ok();
        self.answer = Some(answer);
        is_kept
    }

    fn answer(self: Box<Self>, failure: Option<Error>) {
        let answer = match (failure, self.answer) {
            (None, Some(answer)) => answer,
            (Some(error), _) => Err(error),
            (None, None) => Err(Error::internal("a database job ended without an answer")),
        };
        // Nobody may be waiting any more.
        let _ = self.sender.send(answer);
    }
}

/// Every statement on SQLite answers at once, so whatever is not ready waits for something else.
fn in_one_poll<T>(mut body: BoxFuture<'_, Result<T>>) -> Result<T> {
    match body.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => Err(Error::internal("a transaction waited for something else than its database")),
    }
}

/// A panic's message as an error.
pub(crate) fn panicked(payload: &(dyn Any + Send)) -> Error {
    let message =
        payload.downcast_ref::<&str>().copied().or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    Error::internal(format!("a transaction panicked: {}", message.unwrap_or("(without a message)")))
}

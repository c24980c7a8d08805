//! What is put into the outbox, what comes out of it, and who takes it from there.
use std::{borrow::Cow, time::Duration};

use futures_util::future::BoxFuture;
use kernel::{Id, Secret, Timestamp, id};

/// One thing to be told.
pub struct Outboxed;
impl id::Kind for Outboxed {
    const PREFIX: &'static str = "msg";
}
pub type OutboxId = Id<Outboxed>;

/// Something to tell the outside.
#[derive(Clone, Debug)]
pub struct Message {
    /// Which [`Deliver`] takes it.
    pub kind: &'static str,
    /// JSON, mostly. It is kept sealed: addresses are personal, and links hold tokens.
    pub payload: Secret<Vec<u8>>,
    /// When it is of no use any more, as a code that is no longer valid. It is not delivered after that.
    pub expires_at: Option<Timestamp>,
}

/// A message on its way.
#[derive(Debug)]
pub struct Parcel {
    /// The same at every attempt: by it the other side can tell that it has it already.
    pub id: OutboxId,
    pub payload: Secret<Vec<u8>>,
    pub created_at: Timestamp,
    /// 1 at the first.
    pub attempt: i64,
}

/// Takes messages of one kind to where they belong.
pub trait Deliver: Send + Sync {
    fn kind(&self) -> &'static str;

    /// How long one attempt may take. Nobody else tries before that is over, so what the other side takes within it is sent once.
    fn patience(&self) -> Duration {
        Duration::from_secs(30)
    }

    /// Sends it. May be called again for one that arrived: the process may die before that is written down.
    fn deliver<'a>(&'a self, parcel: &'a Parcel) -> BoxFuture<'a, Result<(), Failure>>;
}

/// Why a message did not leave. The reason is logged and kept: it never holds what was sent, nor to whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It may work later; `after` when the other side said so.
    Retry { reason: Cow<'static, str>, after: Option<Duration> },
    /// It never will.
    Permanent { reason: Cow<'static, str> },
}

impl Failure {
    pub fn retry(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Retry { reason: reason.into(), after: None }
    }

    pub fn permanent(reason: impl Into<Cow<'static, str>>) -> Self {
        Self::Permanent { reason: reason.into() }
    }
}

/// How messages of one kind stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub kind: String,
    /// Not delivered yet.
    pub waiting: i64,
    /// Those of them that failed at least once.
    pub failing: i64,
    /// When the oldest of those waiting was written.
    pub oldest: Option<Timestamp>,
    /// Given up.
    pub dead: i64,
    /// Why the last of those failing or dead did.
    pub failure: Option<String>,
}

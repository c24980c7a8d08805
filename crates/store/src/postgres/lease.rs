//! A connection on loan: in whatever way the loan ends, no open transaction goes back to the pool.
use std::time::Duration;

use deadpool::managed::Object;
use kernel::{Error, Result};
use tokio::{runtime, time::timeout};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{
    classify,
    connection::{Connection, Manager},
    position::Position,
};

/// A connection taken from the pool.
pub(super) struct Lease {
    /// Nothing only while it is dropped.
    object: Option<Object<Manager>>,
    pub state: State,
    /// How long an answer is waited for: somewhat longer than the server works on it.
    pub patience: Duration,
}

/// What the session is in the middle of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Idle,
    /// A statement outside of a transaction was sent and has not ended.
    Busy,
    /// A transaction was begun.
    Open,
}

impl Lease {
    pub const fn new(object: Object<Manager>, patience: Duration) -> Self {
        Self { object: Some(object), state: State::Idle, patience }
    }

    pub fn connection(&mut self) -> Result<&mut Connection> {
        match &mut self.object {
            Some(object) if !object.is_broken => Ok(object),
            _ => Err(Error::unavailable("the connection to PostgreSQL is gone")),
        }
    }

    pub fn client(&mut self) -> Result<&Client> {
        self.connection().map(|connection| &connection.client)
    }

    /// Never to be used again.
    pub fn break_off(&mut self) {
        if let Some(object) = &mut self.object {
            object.is_broken = true;
        }
    }

    /// Ends the transaction well. Errors: 503, whatever the reason; after a lost connection nobody knows what became of it.
    pub async fn commit(&mut self) -> Result<()> {
        self.end("COMMIT").await.map(|_| ())
    }

    /// As [`Lease::commit`], and says where the log stands afterwards, in the same flight. The end of what was inserted is never before
    /// the commit, be it flushed or not.
    pub async fn commit_and_tell(&mut self) -> Result<Position> {
        let answer = self.end("COMMIT; SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint").await?;
        let told = answer.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
            _ => None,
        });
        // Without an answer no replica will do.
        Ok(told.unwrap_or(Position::MAX))
    }

    /// Ends the transaction without a trace. A connection that does not manage is discarded.
    pub async fn roll_back(&mut self) {
        if self.object.as_ref().is_none_or(|object| object.is_broken) {
            return;
        }
        if let Err(error) = self.end("ROLLBACK").await {
            tracing::warn!(?error, "a roll-back failed");
            self.break_off();
        }
    }

    async fn end(&mut self, sql: &str) -> Result<Vec<SimpleQueryMessage>> {
        let patience = self.patience;
        match timeout(patience, self.client()?.simple_query(sql)).await {
            Ok(Ok(answer)) => {
                self.state = State::Idle;
                Ok(answer)
            }
            Ok(Err(error)) => {
                // The server ends a transaction that it cannot commit; anything else leaves the session in doubt.
                if classify::leaves_the_session(&error) {
                    self.state = State::Idle;
                } else {
                    self.break_off();
                }
                Err(Error::unavailable(error))
            }
            Err(_) => {
                self.break_off();
                Err(Error::unavailable("PostgreSQL did not answer in time"))
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(object) = self.object.take() else { return };
        if object.is_broken || object.client.is_closed() {
            drop(Object::take(object));
            return;
        }
        if self.state == State::Idle {
            return;
        }
        // Someone stopped waiting midway. What was sent is still to be answered, and what was begun to be undone.
        let unfinished = Unfinished { object: Some(object), state: self.state, patience: self.patience };
        if let Ok(runtime) = runtime::Handle::try_current() {
            runtime.spawn(unfinished.finish());
        }
    }
}

/// A connection that was let go midway. Unless it is brought in order, it does not come back.
struct Unfinished {
    object: Option<Object<Manager>>,
    state: State,
    patience: Duration,
}

impl Unfinished {
    async fn finish(mut self) {
        let Some(object) = &self.object else { return };
        // An empty statement is answered when everything before it has been.
        let sql = if self.state == State::Open { "ROLLBACK" } else { "" };
        if matches!(timeout(self.patience, object.client.batch_execute(sql)).await, Ok(Ok(()))) {
            drop(self.object.take());
        }
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(mut object) = self.object.take() {
            object.is_broken = true;
            drop(Object::take(object));
        }
    }
}

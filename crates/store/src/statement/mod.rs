//! What is known of each statement: its name, its metrics, and when it was slow. Never a value.
mod name;
mod plan;
mod recording;
mod slow;

use std::{
    collections::HashMap,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kernel::Error;
use metrics::{Counter, Histogram, Unit, counter, describe_counter, describe_histogram, histogram};

use self::slow::{Sender, Slow};
pub(crate) use self::slow::{channel as slow_log, run as log_slow};
pub use self::{
    plan::{Plan, Reach, Step},
    recording::Recording,
};
use crate::RequestInfo;

/// A statement's name: its verb and its tables.
pub fn name(sql: &str) -> String {
    name::of(sql)
}

/// Texts remembered; when there are more, all are forgotten and learnt anew.
const MOST_TEXTS: usize = 2048;
/// Names told apart; all others are one.
const MOST_NAMES: usize = 512;
const OTHER: &str = "other";

/// How long each statement took, by name and engine, in seconds.
pub const SECONDS: &str = "hardpan_db_statement_seconds";
/// Rows answered or changed.
pub const ROWS: &str = "hardpan_db_rows_total";
/// Statements that failed, by the code of the error.
pub const ERRORS: &str = "hardpan_db_errors_total";

/// Every statement a database has run. A recorder of metrics must be installed before the database is opened.
pub(crate) struct Statements {
    engine: &'static str,
    slow: Option<Slow>,
    recording: Option<Recording>,
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    by_text: HashMap<Box<str>, Arc<Statement>>,
    by_name: HashMap<Arc<str>, Arc<Statement>>,
}

/// One name and where it is counted.
struct Statement {
    name: Arc<str>,
    seconds: Histogram,
    rows: Counter,
}

impl Statements {
    pub fn new(engine: &'static str, slow: Option<(Duration, Sender)>, recording: Option<Recording>) -> Self {
        describe_histogram!(SECONDS, Unit::Seconds, "Time a statement took, its queue not included");
        describe_counter!(ROWS, "Rows a statement answered or changed");
        describe_counter!(ERRORS, "Statements that failed, by the code of the error");
        let slow = slow.map(|(threshold, sender)| Slow { threshold, sender });
        Self { engine, slow, recording, known: RwLock::default() }
    }

    /// Whether the statement is only heard and not run.
    pub fn is_rehearsed(&self, sql: &str) -> bool {
        self.recording.as_ref().is_some_and(|recording| recording.hear(sql))
    }

    /// Counts a statement that has ended, and logs it if it was slow and its request is given. Nothing is allocated for one that is known, fast
    /// and good.
    pub fn ended(
        &self,
        sql: &str,
        took: Duration,
        rows: u64,
        error: Option<&Error>,
        request: Option<&Arc<RequestInfo>>,
    ) {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(statement) = known.by_text.get(sql) {
            return self.count(statement, sql, took, rows, error, request);
        }
        drop(known);
        let statement = self.learn(sql);
        self.count(&statement, sql, took, rows, error, request);
    }

    fn count(
        &self,
        statement: &Statement,
        sql: &str,
        took: Duration,
        rows: u64,
        error: Option<&Error>,
        request: Option<&Arc<RequestInfo>>,
    ) {
        statement.seconds.record(took);
        statement.rows.increment(rows);
        if let Some(error) = error {
            let (name, code) = (statement.name.to_string(), error.code().as_str());
            counter!(ERRORS, "statement" => name, "engine" => self.engine, "code" => code).increment(1);
        }
        if let (Some(slow), Some(request)) = (self.slow.as_ref().filter(|slow| took >= slow.threshold), request) {
            slow.tell(&statement.name, sql, took, rows, request);
        }
    }

    fn learn(&self, sql: &str) -> Arc<Statement> {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut name: Arc<str> = name::of(sql).into();
        if known.by_name.len() >= MOST_NAMES && !known.by_name.contains_key(&name) {
            name = OTHER.into();
        }
        let statement = known.by_name.entry(Arc::clone(&name)).or_insert_with(|| {
            let labels = [("statement", name.to_string()), ("engine", self.engine.to_owned())];
            let seconds = histogram!(SECONDS, &labels);
            Arc::new(Statement { name, seconds, rows: counter!(ROWS, &labels) })
        });
        let statement = Arc::clone(statement);
        if known.by_text.len() >= MOST_TEXTS {
            known.by_text.clear();
        }
        known.by_text.insert(sql.into(), Arc::clone(&statement));
        statement
    }
}

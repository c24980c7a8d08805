//! A transaction: the same few calls on both engines.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Instant,
};

use kernel::{Error, Result, Value};

use crate::{
    Dialect, RequestInfo, Row, postgres,
    row::Part,
    sql, sqlite,
    statement::{Plan, Statements},
};

/// A running transaction. After its first failed statement it can only be rolled back, on both engines.
pub struct Tx<'c> {
    engine: Engine<'c>,
    access: Access,
    is_spoiled: bool,
    watch: Option<Watch>,
}

/// Who is told of each statement, and on whose behalf it runs.
pub(crate) struct Watch {
    pub statements: Arc<Statements>,
    pub request: Arc<RequestInfo>,
    pub afterwards: Afterwards,
}

/// What is done once the transaction is committed.
#[derive(Clone, Default)]
pub(crate) struct Afterwards(Arc<Mutex<Vec<Then>>>);

type Then = Box<dyn FnOnce() + Send>;

impl Afterwards {
    pub(crate) fn run(&self) {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        for then in all {
            then();
        }
    }
}

pub(crate) enum Engine<'c> {
    Sqlite(sqlite::Tx<'c>),
    Postgres(postgres::Tx<'c>),
}

/// What a transaction was opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    Write,
    /// A change of the schema: alone, and without the bound on time.
    Alter,
    /// As `Alter`, with references that are not looked at.
    Load,
    /// All statements see one moment, and may take their time.
    Snapshot,
}

impl Access {
    pub(crate) const fn only_reads(self) -> bool {
        matches!(self, Self::Read | Self::Snapshot)
    }

    /// Whether a statement's time is bounded.
    pub(crate) const fn is_timed(self) -> bool {
        matches!(self, Self::Read | Self::Write)
    }
}

impl<'c> Tx<'c> {
    pub(crate) const fn new(engine: Engine<'c>, access: Access) -> Self {
        Self { engine, access, is_spoiled: false, watch: None }
    }

    pub(crate) fn watch(&mut self, watch: Watch) {
        self.watch = Some(watch);
    }

    pub(crate) const fn is_spoiled(&self) -> bool {
        self.is_spoiled
    }

    /// Whose SQL it speaks: for stores, where the engines really differ.
    pub const fn dialect(&self) -> Dialect {
        match self.engine {
            Engine::Sqlite(_) => Dialect::Sqlite,
            Engine::Postgres(_) => Dialect::Postgres,
        }
    }

    /// Runs a statement and says how many rows it changed. Parameters are `$1`, `$2`, ...
    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        if self.is_rehearsed(sql) {
            return Ok(0);
        }
        let begun = self.begin_statement(sql)?;
        let answer = match &mut self.engine {
            Engine::Sqlite(tx) => tx.execute(sql, params),
            Engine::Postgres(tx) => tx.execute(sql, params).await,
        };
        self.end_statement(sql, begun, answer, |changed| *changed)
    }

    /// All rows of an answer. Errors: internal, past the bound on rows.
    pub async fn query(&mut self, sql: &str, params: &[Value]) -> Result<Vec<Row>> {
        self.query_part(sql, params, usize::MAX).await.map(|part| part.rows)
    }

    /// The first rows of an answer, up to the one with which they take `most_bytes`: for rows that are longer than those before them.
    /// Errors: internal, past the bound on rows.
    pub async fn query_part(&mut self, sql: &str, params: &[Value], most_bytes: usize) -> Result<Part> {
        if self.is_rehearsed(sql) {
            return Ok(Part::default());
        }
        let begun = self.begin_statement(sql)?;
        let answer = match &mut self.engine {
            Engine::Sqlite(tx) => tx.query(sql, params, most_bytes),
            Engine::Postgres(tx) => tx.query(sql, params, most_bytes).await,
        };
        self.end_statement(sql, begun, answer, |part| part.rows.len() as u64)
    }

    /// The first row of an answer, if there is one.
    pub async fn query_opt(&mut self, sql: &str, params: &[Value]) -> Result<Option<Row>> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// The first row of an answer. Errors: internal, when there is none.
    pub async fn query_one(&mut self, sql: &str, params: &[Value]) -> Result<Row> {
        self.query_opt(sql, params).await?.ok_or_else(|| Error::internal("a row was expected and none came"))
    }

    /// Runs several statements without parameters, separated by `;`. For schemas: use it inside [`crate::Ctx::alter`],
    /// where a statement may take its time.
    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        let begun = self.begin_statement(sql)?;
        let answer = match &mut self.engine {
            _ if self.access.only_reads() => Err(Error::internal("a read cannot change the schema")),
            Engine::Sqlite(tx) => tx.batch(sql),
            Engine::Postgres(tx) => tx.batch(sql).await,
        };
        self.end_statement(sql, begun, answer, |()| 0)
    }

    /// Inserts rows into the columns `columns`, quoted and separated by commas: for many rows at once.
    pub(crate) async fn insert_all(&mut self, table: &str, columns: &str, rows: Vec<Vec<Value>>) -> Result<()> {
        let values: Vec<String> = (1..=rows.first().map_or(0, Vec::len)).map(|place| format!("${place}")).collect();
        let insert = format!("INSERT INTO \"{table}\" ({columns}) VALUES ({})", values.join(", "));
        let begun = self.begin_statement(&insert)?;
        let answer = match &mut self.engine {
            Engine::Sqlite(tx) => rows.iter().try_for_each(|row| tx.execute(&insert, row).map(|_| ())),
            Engine::Postgres(tx) => tx.copy_in(table, columns, &rows).await,
        };
        self.end_statement(&insert, begun, answer, |()| rows.len() as u64)
    }

    /// Holds `key` until the transaction ends, so that what is checked stays true until it is written.
    /// Nothing on SQLite, which has one writer; an advisory lock on PostgreSQL. Errors: internal, in a read.
    pub async fn lock(&mut self, key: &str) -> Result<()> {
        if self.access.only_reads() {
            self.is_spoiled = true;
            return Err(Error::internal("a read holds no locks"));
        }
        match &mut self.engine {
            Engine::Sqlite(_) => self.refuse_if_spoiled(),
            Engine::Postgres(_) => self
                .query("SELECT 1 FROM pg_advisory_xact_lock(hashtextextended($1, 0))", &[key.into()])
                .await
                .map(|_| ()),
        }
    }

    /// Does `then` once the transaction is committed. It may come not to it: when the caller no longer waits, or the process dies.
    /// For what makes things sooner and for lines of the log, never for what must happen: the audit trail alone is complete.
    pub fn after_commit(&mut self, then: impl FnOnce() + Send + 'static) {
        if let Some(watch) = &self.watch {
            watch.afterwards.0.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(then));
        }
    }

    /// How the engine would run `sql`, without running it. `is_forced` keeps PostgreSQL from reading whole tables and from sorting where
    /// an index would do: on small tables it would rather. SQLite plans without looking at the table's size.
    pub(crate) async fn explain(&mut self, sql: &str, is_forced: bool) -> Result<Plan> {
        match &mut self.engine {
            Engine::Sqlite(tx) => tx.explain(sql),
            Engine::Postgres(tx) => tx.explain(sql, is_forced).await,
        }
    }

    fn is_rehearsed(&self, sql: &str) -> bool {
        self.watch.as_ref().is_some_and(|watch| watch.statements.is_rehearsed(sql))
    }

    /// Spoils the transaction until the statement is known to have ended well: one that was dropped midway may have failed.
    fn begin_statement(&mut self, sql: &str) -> Result<Instant> {
        self.refuse_if_spoiled()?;
        self.is_spoiled = true;
        if sql::controls_transactions(sql) {
            return Err(Error::internal("a transaction is a closure; it is not begun or ended by a statement"));
        }
        Ok(Instant::now())
    }

    fn end_statement<T>(
        &mut self,
        sql: &str,
        begun: Instant,
        answer: Result<T>,
        rows: impl FnOnce(&T) -> u64,
    ) -> Result<T> {
        self.is_spoiled = answer.is_err();
        if let Some(watch) = &self.watch {
            let (rows, error) = (answer.as_ref().map_or(0, rows), answer.as_ref().err());
            // What may take its time is not slow.
            let request = self.access.is_timed().then_some(&watch.request);
            watch.statements.ended(sql, begun.elapsed(), rows, error, request);
        }
        if let Err(error) = &answer {
            // Without its parameters, which are nobody's business.
            tracing::debug!(sql, ?error, "a statement failed");
        }
        answer
    }

    fn refuse_if_spoiled(&self) -> Result<()> {
        if self.is_spoiled {
            return Err(Error::internal("the transaction was spoiled by an earlier statement that failed"));
        }
        Ok(())
    }
}

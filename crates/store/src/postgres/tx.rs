//! Statements on one PostgreSQL connection.
use std::{pin::pin, time::Duration};

use futures_util::{TryStreamExt as _, future::join};
use kernel::{Error, Result, Value};
use tokio::time::timeout;
use tokio_postgres::{Client, Statement, binary_copy::BinaryCopyInWriter, types::Type};

use super::{
    bind::{Param, values_of},
    classify,
    connection::Prepared,
    lease::{Lease, State},
};
use crate::{Row, row::Part, sql, tx::Access};

/// A transaction on a leased connection. `BEGIN` is sent with the first statement.
pub struct Tx<'c> {
    lease: &'c mut Lease,
    access: Access,
    most_rows: usize,
}

/// What a statement answered.
#[derive(Default)]
struct Answer {
    part: Part,
    changed: u64,
}

/// How many of a query's rows are kept.
#[derive(Clone, Copy)]
struct Most {
    rows: usize,
    bytes: usize,
}

impl<'c> Tx<'c> {
    pub(super) const fn new(lease: &'c mut Lease, access: Access, most_rows: usize) -> Self {
        Self { lease, access, most_rows }
    }

    pub(super) const fn lease(&mut self) -> &mut Lease {
        self.lease
    }

    pub async fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        self.run(sql, params, None).await.map(|answer| answer.changed)
    }

    /// Rows until they take `most_bytes`.
    pub async fn query(&mut self, sql: &str, params: &[Value], most_bytes: usize) -> Result<Part> {
        let most = Most { rows: self.most_rows, bytes: most_bytes };
        self.run(sql, params, Some(most)).await.map(|answer| answer.part)
    }

    pub async fn batch(&mut self, sql: &str) -> Result<()> {
        match self.patience() {
            Some(patience) => {
                let answer = timeout(patience, self.batch_unbounded(sql)).await;
                answer.unwrap_or_else(|_| Err(self.unheard()))
            }
            None => self.batch_unbounded(sql).await,
        }
    }

    async fn batch_unbounded(&mut self, sql: &str) -> Result<()> {
        if self.lease.state != State::Open {
            self.lease.state = State::Open;
            let begun = self.lease.client()?.batch_execute("BEGIN").await;
            self.check(begun)?;
        }
        let answer = self.lease.client()?.batch_execute(sql).await;
        self.check(answer)
    }

    async fn run(&mut self, sql: &str, params: &[Value], most: Option<Most>) -> Result<Answer> {
        match self.patience() {
            Some(patience) => {
                let answer = timeout(patience, self.run_unbounded(sql, params, most)).await;
                answer.unwrap_or_else(|_| Err(self.unheard()))
            }
            None => self.run_unbounded(sql, params, most).await,
        }
    }

    /// How long an answer is waited for: somewhat longer than the server works on it, for when it is not to be heard.
    fn patience(&self) -> Option<Duration> {
        self.access.is_timed().then_some(self.lease.patience)
    }

    fn unheard(&mut self) -> Error {
        self.lease.break_off();
        Error::unavailable("PostgreSQL did not answer in time")
    }

    async fn run_unbounded(&mut self, sql: &str, params: &[Value], most: Option<Most>) -> Result<Answer> {
        let must_begin = self.access != Access::Read && self.lease.state == State::Idle;
        self.lease.state = if self.access == Access::Read { State::Busy } else { State::Open };
        let (prepared, has_begun) = self.prepare(sql, must_begin).await?;
        let expected = prepared.statement.params().len();
        if expected != params.len() {
            return Err(Error::internal(format!(
                "the statement has {expected} parameters and was given {}",
                params.len()
            )));
        }
        if self.access == Access::Read && !prepared.only_reads {
            return Err(Error::internal("a read cannot change anything"));
        }
        let client = self.lease.client()?;
        let answer = if has_begun {
            send(client, &prepared.statement, params, most).await
        } else {
            // Together in one flight. Only a statement that reads: should BEGIN fail, a change would be committed alone.
            let (begun, answer) =
                join(client.batch_execute("BEGIN"), send(client, &prepared.statement, params, most)).await;
            begun.map_err(Failure::Driver).and(answer)
        };
        let answer = match answer {
            Ok(answer) => answer,
            Err(Failure::Driver(error)) => return Err(self.failed(error)),
            Err(Failure::Ours(error)) => return Err(error),
        };
        if self.access == Access::Read {
            self.lease.state = State::Idle;
        }
        Ok(answer)
    }

    /// Rows by PostgreSQL's binary COPY, which takes many times more of them than inserts do.
    pub async fn copy_in(&mut self, table: &str, columns: &str, rows: &[Vec<Value>]) -> Result<()> {
        if self.lease.state != State::Open {
            return Err(Error::internal("rows are copied in within a transaction that has begun"));
        }
        let copied = copy_in(self.lease.client()?, table, columns, rows).await;
        self.check(copied)
    }

    /// The prepared statement, and whether the transaction was begun along the way where `must_begin`.
    async fn prepare(&mut self, sql: &str, must_begin: bool) -> Result<(Prepared, bool)> {
        let connection = self.lease.connection()?;
        if let Some(prepared) = connection.statements.get(sql) {
            if must_begin && !prepared.only_reads {
                let begun = connection.client.batch_execute("BEGIN").await;
                self.check(begun)?;
            }
            let has_begun = !must_begin || !prepared.only_reads;
            return Ok((prepared, has_begun));
        }
        let statement = if must_begin {
            let (begun, statement) =
                join(connection.client.batch_execute("BEGIN"), connection.client.prepare(sql)).await;
            begun.and(statement)
        } else {
            connection.client.prepare(sql).await
        };
        let prepared = Prepared { statement: self.check(statement)?, only_reads: sql::only_reads(sql) };
        self.lease.connection()?.statements.put(sql, prepared.clone());
        Ok((prepared, true))
    }

    fn check<T>(&mut self, answer: std::result::Result<T, tokio_postgres::Error>) -> Result<T> {
        answer.map_err(|error| self.failed(error))
    }

    fn failed(&mut self, error: tokio_postgres::Error) -> Error {
        if !classify::leaves_the_session(&error) {
            self.lease.break_off();
        } else if self.access == Access::Read {
            self.lease.state = State::Idle;
        }
        classify::error(error)
    }
}

async fn copy_in(
    client: &Client,
    table: &str,
    columns: &str,
    rows: &[Vec<Value>],
) -> std::result::Result<(), tokio_postgres::Error> {
    let statement = client.prepare(&format!("SELECT {columns} FROM \"{table}\"")).await?;
    let types: Vec<Type> = statement.columns().iter().map(|column| column.type_().clone()).collect();
    let sink = client.copy_in(&format!("COPY \"{table}\" ({columns}) FROM STDIN BINARY")).await?;
    let mut writer = pin!(BinaryCopyInWriter::new(sink, &types));
    for row in rows {
        let values: Vec<Param<'_>> = row.iter().map(Param).collect();
        writer.as_mut().write_raw(values).await?;
    }
    writer.finish().await.map(|_| ())
}

/// The driver's failures say what became of the session; ours do not touch it.
enum Failure {
    Driver(tokio_postgres::Error),
    Ours(Error),
}

async fn send(
    client: &Client,
    statement: &Statement,
    params: &[Value],
    most: Option<Most>,
) -> std::result::Result<Answer, Failure> {
    let stream = client.query_raw(statement, params.iter().map(Param)).await.map_err(Failure::Driver)?;
    let mut stream = pin!(stream);
    let mut answer = Answer::default();
    while let Some(row) = stream.try_next().await.map_err(Failure::Driver)? {
        // What is too much is passed over, not kept: the server sends it all the same, and may fail on the way.
        let Some(most) = most.filter(|_| !answer.part.is_cut) else { continue };
        if answer.part.rows.len() == most.rows {
            let message = format!("a statement answered with more than {} rows", most.rows);
            return Err(Failure::Ours(Error::internal(message)));
        }
        let _ = answer.part.take(Row::new(values_of(&row).map_err(Failure::Ours)?), most.bytes);
    }
    answer.changed = stream.rows_affected().unwrap_or(0);
    Ok(answer)
}

//! Statements on one SQLite connection: parameters in, rows out.
use std::ops::ControlFlow;

use kernel::{Error, Result, Value};
use rusqlite::{
    Statement,
    types::{ToSqlOutput, ValueRef},
};

use super::{classify, connection::Session};
use crate::{Row, row::Part, sql};

/// A transaction on the thread that owns the connection; every call answers at once.
pub struct Tx<'c> {
    session: &'c mut Session,
    is_timed: bool,
}

impl<'c> Tx<'c> {
    pub(super) const fn new(session: &'c mut Session, is_timed: bool) -> Self {
        Self { session, is_timed }
    }

    pub(super) const fn session(&self) -> &Session {
        self.session
    }

    pub fn execute(&mut self, sql: &str, params: &[Value]) -> Result<u64> {
        let read = self.run(sql, params, |_| Ok(ControlFlow::Continue(())))?;
        // SQLite's count is about the last statement that changed rows, which a DDL statement or a query is not.
        Ok(if !read.is_reading && sql::changes_rows(sql) { self.session.connection.changes() } else { read.rows })
    }

    /// Rows until they take `most_bytes`.
    pub fn query(&mut self, sql: &str, params: &[Value], most_bytes: usize) -> Result<Part> {
        let bound = self.session.bounds.rows;
        let mut part = Part::default();
        self.run(sql, params, |row| {
            if part.rows.len() == bound {
                return Err(Error::internal(format!("a statement answered with more than {bound} rows")));
            }
            Ok(part.take(row, most_bytes))
        })?;
        Ok(part)
    }

    pub fn batch(&mut self, sql: &str) -> Result<()> {
        self.begin_statement();
        self.session.connection.execute_batch(sql).map_err(|error| classify::error(self.session, error))
    }

    fn begin_statement(&self) {
        if self.is_timed {
            self.session.limit();
        } else {
            self.session.unlimit();
        }
    }

    fn run(&self, sql: &str, params: &[Value], mut each: impl FnMut(Row) -> Result<ControlFlow<()>>) -> Result<Read> {
        self.begin_statement();
        let refused = |error| classify::error(self.session, error);
        let mut statement = self.session.connection.prepare_cached(sql).map_err(refused)?;
        bind(&mut statement, params)?;
        let mut read = Read { is_reading: statement.readonly(), rows: 0 };
        let mut rows = statement.raw_query();
        while let Some(row) = rows.next().map_err(refused)? {
            // Counted now: the first step prepares a statement anew that the schema has outgrown.
            let columns = row.as_ref().column_count();
            let value = |column| value_of(row.get_ref(column).map_err(refused)?);
            let values = (0..columns).map(value).collect::<Result<_>>()?;
            read.rows += 1;
            if each(Row::new(values))?.is_break() {
                break;
            }
        }
        Ok(read)
    }
}

struct Read {
    is_reading: bool,
    rows: u64,
}

/// Binds by number: to SQLite `$1` is a name, and it numbers names by where they first stand.
fn bind(statement: &mut Statement<'_>, params: &[Value]) -> Result<()> {
    let mut highest = 0;
    for index in 1..=statement.parameter_count() {
        let number = statement.parameter_name(index).and_then(|name| name.get(1..)?.parse::<usize>().ok());
        let Some(number) = number.filter(|number| *number > 0) else {
            return Err(Error::internal("parameters are written $1, $2, ..."));
        };
        highest = highest.max(number);
        if let Some(value) = params.get(number - 1) {
            statement.raw_bind_parameter(index, storable(value)?).map_err(Error::internal)?;
        }
    }
    if highest != params.len() {
        return Err(Error::internal(format!("the statement has {highest} parameters and was given {}", params.len())));
    }
    Ok(())
}

/// How SQLite stores `value`.
fn storable(value: &Value) -> Result<ToSqlOutput<'_>> {
    let stored = match value {
        Value::Null => ValueRef::Null,
        Value::Bool(truth) => ValueRef::Integer(i64::from(*truth)),
        Value::Int(number) => ValueRef::Integer(*number),
        // SQLite would store NULL instead.
        Value::Float(number) if number.is_nan() => {
            return Err(Error::internal("a number that is none cannot be stored"));
        }
        Value::Float(number) => ValueRef::Real(*number),
        Value::Decimal(number) => ValueRef::Integer(
            i64::try_from(number.mantissa())
                .map_err(|_| Error::internal("a decimal has more digits than 64 bits hold"))?,
        ),
        Value::Text(text) | Value::Json(text) => ValueRef::Text(text.as_bytes()),
        Value::Bytes(bytes) => ValueRef::Blob(bytes),
        Value::Uuid(uuid) => ValueRef::Blob(uuid.as_bytes()),
        Value::Timestamp(at) => ValueRef::Integer(at.micros()),
    };
    Ok(ToSqlOutput::Borrowed(stored))
}

fn value_of(stored: ValueRef<'_>) -> Result<Value> {
    Ok(match stored {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Real(number) => Value::Float(number),
        ValueRef::Text(text) => Value::Text(std::str::from_utf8(text).map_err(Error::internal)?.to_owned()),
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
    })
}

//! What an SQLite error means to the caller.
use kernel::{Code, Error};
use rusqlite::{Connection, ErrorCode, ffi};

use super::connection::{Role, Session};
use crate::Violation;

/// The error to answer with. Looks up the name of a unique index, so it needs the connection that failed.
pub(super) fn error(session: &Session, error: rusqlite::Error) -> Error {
    let Some(code) = error.sqlite_error_code() else { return Error::internal(error) };
    match code {
        ErrorCode::ConstraintViolation => {
            session.limit();
            match violation(&session.connection, &error) {
                Some(violation) => violation.into_error(),
                None => Error::internal(error),
            }
        }
        ErrorCode::OperationInterrupted => Error::new(Code::Timeout).with_source(error),
        // `query_only` is on: somebody writes in a read.
        ErrorCode::ReadOnly if session.role == Role::Reader => Error::internal(error),
        ErrorCode::DatabaseBusy
        | ErrorCode::DatabaseLocked
        | ErrorCode::FileLockingProtocolFailed
        | ErrorCode::DiskFull
        | ErrorCode::SystemIoFailure
        | ErrorCode::CannotOpen
        | ErrorCode::PermissionDenied
        | ErrorCode::OutOfMemory
        | ErrorCode::ReadOnly => Error::unavailable(error),
        _ => Error::internal(error),
    }
}

/// SQLite tells what was broken in words: <https://sqlite.org/rescode.html#constraint_unique>.
fn violation(connection: &Connection, error: &rusqlite::Error) -> Option<Violation> {
    let message = error.to_string();
    let broken = message.split_once("failed: ").map(|(_, broken)| broken);
    match error.sqlite_extended_error_code()? {
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => Some(Violation::ForeignKey(None)),
        // ON DELETE RESTRICT is a trigger inside.
        ffi::SQLITE_CONSTRAINT_TRIGGER if message.starts_with("FOREIGN KEY") => Some(Violation::ForeignKey(None)),
        ffi::SQLITE_CONSTRAINT_CHECK => Some(Violation::Check(broken?.to_owned())),
        ffi::SQLITE_CONSTRAINT_NOTNULL => Some(Violation::NotNull(broken?.rsplit('.').next()?.to_owned())),
        ffi::SQLITE_CONSTRAINT_UNIQUE | ffi::SQLITE_CONSTRAINT_PRIMARYKEY | ffi::SQLITE_CONSTRAINT_ROWID => {
            Some(Violation::Unique(unique_name(connection, broken?)))
        }
        _ => None,
    }
}

/// The name of the unique index over `broken`: `users.email, users.tenant`, or `index 'name'` when it is over an expression.
fn unique_name(connection: &Connection, broken: &str) -> String {
    if let Some(name) = broken.strip_prefix("index '").and_then(|rest| rest.strip_suffix('\'')) {
        return name.to_owned();
    }
    let pairs: Vec<(&str, &str)> = broken.split(", ").filter_map(|pair| pair.split_once('.')).collect();
    let table = pairs.first().map_or("", |(table, _)| table);
    let columns: Vec<&str> = pairs.iter().map(|(_, column)| *column).collect();
    // Without an index of a name of its own, the name PostgreSQL would give.
    match index_over(connection, table, &columns) {
        Ok(Some((name, origin))) if origin == "c" => name,
        Ok(Some((_, origin))) if origin == "u" => format!("{table}_{}_key", columns.join("_")),
        // The primary key; a rowid is one without an index.
        Ok(_) => format!("{table}_pkey"),
        Err(_) => broken.to_owned(),
    }
}

/// Name and origin (`c` created, `u` from a UNIQUE, `pk` from a PRIMARY KEY) of the unique index over these columns.
fn index_over(connection: &Connection, table: &str, columns: &[&str]) -> rusqlite::Result<Option<(String, String)>> {
    let mut list = connection.prepare_cached("SELECT name, origin FROM pragma_index_list(?1) WHERE \"unique\" = 1")?;
    let mut info = connection.prepare_cached("SELECT name FROM pragma_index_info(?1) ORDER BY seqno")?;
    let indexes = list.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
    for index in indexes {
        let (name, origin) = index?;
        let parts =
            info.query_map([&name], |row| row.get::<_, Option<String>>(0))?.collect::<rusqlite::Result<Vec<_>>>()?;
        if parts.len() == columns.len()
            && parts.iter().zip(columns).all(|(part, column)| part.as_deref() == Some(column))
        {
            return Ok(Some((name, origin)));
        }
    }
    Ok(None)
}

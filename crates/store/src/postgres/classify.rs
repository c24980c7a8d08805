//! What a PostgreSQL error means to the caller.
use kernel::{Code, Error};
use tokio_postgres::error::{DbError, Severity, SqlState};

use super::bind::Unfit;
use crate::{Violation, violation::Contended};

/// Whether the session goes on after this error: the server answered, and neither ends the session nor lost its footing.
pub(super) fn leaves_the_session(error: &tokio_postgres::Error) -> bool {
    if is_unfit(error) {
        return true;
    }
    let Some(told) = error.as_db_error() else { return false };
    let ends = matches!(told.parsed_severity(), Some(Severity::Fatal | Severity::Panic));
    // A plan or a statement that the schema has outgrown, or a primary that became a standby: a new connection is right.
    let outgrown = [&SqlState::INVALID_SQL_STATEMENT_NAME, &SqlState::READ_ONLY_SQL_TRANSACTION];
    let is_stale = outgrown.contains(&told.code()) || is_outgrown_plan(told);
    !ends && !is_stale && !error.is_closed()
}

/// The error to answer with.
pub(super) fn error(error: tokio_postgres::Error) -> Error {
    if is_unfit(&error) {
        return Error::internal(error);
    }
    // Without an answer of the server it is the network, TLS or the protocol.
    let Some(told) = error.as_db_error() else { return Error::unavailable(error) };
    if let Some(violation) = violation(told) {
        return violation.into_error();
    }
    match told.code() {
        &SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE => {
            Error::unavailable(Contended(error.into()))
        }
        &SqlState::QUERY_CANCELED => Error::new(Code::Timeout).with_source(error),
        code if is_passing(code.code()) || is_outgrown_plan(told) => Error::unavailable(error),
        _ => Error::internal(error),
    }
}

fn violation(told: &DbError) -> Option<Violation> {
    let name = || told.constraint().unwrap_or_default().to_owned();
    let code = told.code();
    if *code == SqlState::UNIQUE_VIOLATION {
        Some(Violation::Unique(name()))
    } else if *code == SqlState::FOREIGN_KEY_VIOLATION || *code == SqlState::RESTRICT_VIOLATION {
        Some(Violation::ForeignKey(told.constraint().map(str::to_owned)))
    } else if *code == SqlState::CHECK_VIOLATION {
        Some(Violation::Check(name()))
    } else if *code == SqlState::NOT_NULL_VIOLATION {
        Some(Violation::NotNull(told.column().unwrap_or_default().to_owned()))
    } else {
        None
    }
}

/// Conditions that pass, by PostgreSQL's classes of errors (its documentation, appendix A).
fn is_passing(code: &str) -> bool {
    // Connection, authorisation, resources, operator's intervention, system.
    const CLASSES: [&str; 5] = ["08", "28", "53", "57", "58"];
    // Serialisation, deadlock, lock not available, read-only, idle in transaction, unknown statement.
    const CODES: [&str; 6] = ["40001", "40P01", "55P03", "25006", "25P03", "26000"];
    CLASSES.iter().any(|class| code.starts_with(class)) || CODES.contains(&code)
}

/// "cached plan must not change result type": the table was altered after the statement was prepared.
fn is_outgrown_plan(told: &DbError) -> bool {
    *told.code() == SqlState::FEATURE_NOT_SUPPORTED && told.routine() == Some("RevalidateCachedQuery")
}

/// Whether a parameter did not fit its place, which is found before anything is sent.
fn is_unfit(error: &tokio_postgres::Error) -> bool {
    std::error::Error::source(error).and_then(<dyn std::error::Error>::downcast_ref::<Unfit>).is_some()
}

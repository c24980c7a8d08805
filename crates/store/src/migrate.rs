//! Migrations: one ordered list for both engines, checksummed and applied once.
use kernel::{Error, Result};

use crate::Ctx;

/// One migration: SQL for both engines, with the type placeholders of [`crate::Dialect::fill`].
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Sorts by time: `202611210900_create_users`.
    pub id: &'static str,
    /// Statements separated by `;` at the end of a line.
    pub sql: &'static str,
}

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Applied,
    Pending,
    /// Applied, and its text is another one since.
    Changed,
    /// In the database and not in the list.
    Unknown,
}

/// A migration and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub id: String,
    pub state: State,
}

/// Applies what is pending, in order, and says what was applied.
pub async fn apply(_ctx: &Ctx, _list: &[Migration]) -> Result<Vec<String>> {
    Err(Error::internal("not built yet"))
}

/// Every migration of the list and of the database, in order.
pub async fn status(_ctx: &Ctx, _list: &[Migration]) -> Result<Vec<Status>> {
    Err(Error::internal("not built yet"))
}

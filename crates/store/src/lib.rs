//! The data layer: one `Db` over SQLite and PostgreSQL. The only crate that names a driver.
pub mod claim;
pub mod copy;
pub mod ctx;
pub mod db;
pub mod dialect;
pub mod idempotency;
pub mod migrate;
mod postgres;
pub mod row;
pub mod schema;
mod sql;
mod sqlite;
pub mod statement;
pub mod tx;
pub mod violation;

pub use ctx::{Ctx, RequestInfo, Source};
pub use db::{Db, Options};
pub use dialect::Dialect;
pub use idempotency::{Codec, Once};
pub use migrate::Migration;
pub use row::{FromValue, Row};
pub use tx::Tx;
pub use violation::{Violation, violated};

/// What this crate itself keeps in a database.
pub fn migrations() -> Vec<Migration> {
    idempotency::MIGRATIONS.to_vec()
}

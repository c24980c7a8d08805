//! Records of declared resources: create, read, list, change, delete, each under its access rule.
mod codec;
mod cursor;
mod input;
mod model;
mod purge;
mod routes;
mod service;
mod shown;
mod store;
pub mod transfer;

use model::SortKey;
pub use model::{ListQuery, Record};
pub use purge::Report;
pub use routes::routes;
use service::MOST_OPERATIONS;
pub use service::{Batched, Records, Upserted};
pub use shown::Shown;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210740_create_hidden_owners",
    sql: include_str!("migrations/202611210740_create_hidden_owners.sql"),
}];

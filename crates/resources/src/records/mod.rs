//! Records of declared resources: create, read, list, change, delete, each under its access rule.
mod cursor;
mod input;
mod model;
mod purge;
mod routes;
mod service;
mod shown;
mod store;

use model::SortKey;
pub use model::{ListQuery, Record};
pub use routes::routes;
pub use service::Records;
pub use shown::Shown;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210740_create_hidden_owners",
    sql: include_str!("migrations/202611210740_create_hidden_owners.sql"),
}];

//! Records of declared resources: create, read, list, change, delete, each under its access rule.
mod cursor;
mod input;
mod model;
mod purge;
mod routes;
mod service;
mod store;

pub use model::{ListQuery, Record, SortKey};
pub use routes::routes;
pub use service::Records;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210740_create_hidden_owners",
    sql: include_str!("migrations/202611210740_create_hidden_owners.sql"),
}];

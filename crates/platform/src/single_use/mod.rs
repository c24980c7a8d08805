//! Single-use things: links, codes, states and challenges, each good once, for a time, for one purpose.
mod model;
mod service;
mod store;

pub use model::{Issue, PURPOSES, Purpose, Ticket};
pub use service::{SingleUse, rewrap};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211531_create_single_use",
    sql: include_str!("migrations/202611211531_create_single_use.sql"),
}];

//! Records of declared resources: create, read, list, change, delete, each under its access rule.
mod aggregate;
mod codec;
mod cursor;
mod input;
mod model;
mod paths;
mod purge;
mod referrers;
mod routes;
mod scope;
mod service;
mod shown;
mod store;
pub mod transfer;
mod view;

pub use aggregate::{AggregateQuery, Group};
use model::SortKey;
pub use model::{Condition, Count, Counting, ListQuery, Listing, Parts, Record};
pub use paths::{ListPath, list_paths};
pub use purge::Report;
pub use routes::routes;
use scope::{Scope, Search};
use service::MOST_OPERATIONS;
#[cfg(feature = "fuzzing")]
pub use service::fuzzing;
pub use service::{Batched, Records, Upserted};
pub use shown::Shown;
use view::{Selection, Sight, View, bad_query};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 2] = [
    ::store::Migration {
        id: "202611210740_create_hidden_owners",
        sql: include_str!("migrations/202611210740_create_hidden_owners.sql"),
    },
    ::store::Migration {
        id: "202611211440_hold_hidden_owners",
        sql: include_str!("migrations/202611211440_hold_hidden_owners.sql"),
    },
];

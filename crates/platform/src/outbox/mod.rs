//! The outbox: what is told to the outside is a row in the transaction that is its reason, delivered after the commit, at least once.
mod backoff;
mod lane;
mod model;
mod service;
mod store;

pub use model::{Deliver, Failure, Message, OutboxId, Parcel, Standing};
pub use service::{Delivering, Outbox, purge, rewrap};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211510_create_outbox",
    sql: include_str!("migrations/202611211510_create_outbox.sql"),
}];

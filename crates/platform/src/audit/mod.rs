//! The audit trail: one row in the same transaction as what it describes.
mod model;
mod service;
mod store;

pub use model::Entry;
pub use service::record;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210700_create_audit_log",
    sql: include_str!("migrations/202611210700_create_audit_log.sql"),
}];

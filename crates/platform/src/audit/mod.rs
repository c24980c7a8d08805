//! The audit trail: one row in the same transaction as what it describes.
mod model;
mod service;
mod store;

pub use model::Entry;
pub use service::record;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 2] = [
    ::store::Migration {
        id: "202611210700_create_audit_log",
        sql: include_str!("migrations/202611210700_create_audit_log.sql"),
    },
    ::store::Migration {
        id: "202611211540_add_api_key_to_audit_log",
        sql: include_str!("migrations/202611211540_add_api_key_to_audit_log.sql"),
    },
];

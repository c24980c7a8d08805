//! Second factors: generators of codes, codes that travel, and backup codes.
mod backup_codes;
mod codes;
mod model;
mod routes;
mod service;
mod store;
mod totp;

pub use model::{FactorKind, FactorView};
pub use routes::routes;
pub use service::{Factors, Keeper, rewrap};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211532_create_factors",
    sql: include_str!("migrations/202611211532_create_factors.sql"),
}];

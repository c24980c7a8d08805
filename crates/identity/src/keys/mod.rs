//! Signing keys: what access tokens are signed with, and the public halves for whoever verifies them.
mod model;
mod routes;
mod service;
mod store;

pub use routes::routes;
pub use service::Keys;

pub(crate) use model::SigningKey;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210702_create_signing_keys",
    sql: include_str!("migrations/202611210702_create_signing_keys.sql"),
}];

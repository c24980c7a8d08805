//! API keys: how programs act for a person, within scopes, until they expire or are revoked.
mod model;
mod routes;
mod service;
mod state;
mod store;
pub(crate) mod token;

pub use model::{ApiKey, IssuedApiKey};
pub(crate) use routes::api_key_schema;
pub use routes::routes;
pub use service::ApiKeys;
pub(crate) use token::PREFIX;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211541_create_api_keys",
    sql: include_str!("migrations/202611211541_create_api_keys.sql"),
}];

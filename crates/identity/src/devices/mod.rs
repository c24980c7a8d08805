//! Devices: where an account has logged in, known again by a secret they keep, and which of them are trusted.
mod model;
mod routes;
mod service;
mod store;

pub use model::DeviceView;
pub use routes::routes;
pub(crate) use service::Trust;
pub use service::{Devices, Seen};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211620_create_devices",
    sql: include_str!("migrations/202611211620_create_devices.sql"),
}];

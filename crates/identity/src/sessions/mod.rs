//! Sessions: one log-in on one device, its refresh generations, and whether it still stands.
mod model;
mod rotation;
mod routes;
mod service;
mod state;
mod store;

pub use model::SessionView;
pub(crate) use model::{NewSession, Session, Transport};
pub(crate) use rotation::Rotation;
pub use routes::routes;
pub(crate) use routes::session_schema;
pub use service::{Lifetimes, Sessions};

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210705_create_sessions",
    sql: include_str!("migrations/202611210705_create_sessions.sql"),
}];

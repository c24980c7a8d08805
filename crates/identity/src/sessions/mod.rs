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
pub const MIGRATIONS: [::store::Migration; 3] = [
    ::store::Migration {
        id: "202611210705_create_sessions",
        sql: include_str!("migrations/202611210705_create_sessions.sql"),
    },
    ::store::Migration {
        id: "202611211720_add_device_to_sessions",
        sql: include_str!("migrations/202611211720_add_device_to_sessions.sql"),
    },
    ::store::Migration {
        id: "202611211721_add_place_to_sessions",
        sql: include_str!("migrations/202611211721_add_place_to_sessions.sql"),
    },
];

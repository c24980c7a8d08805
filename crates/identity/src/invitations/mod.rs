//! Invitations: accounts that administrators offer by mail, with the roles they will have.
mod model;
mod routes;
mod service;
mod store;

pub use model::Invitation;
pub use routes::routes;
pub use service::Invitations;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211710_create_invitations",
    sql: include_str!("migrations/202611211710_create_invitations.sql"),
}];

//! Roles: which ones there are, and who holds them. There is always an administrator once there was one.
mod model;
mod routes;
mod service;
mod store;

pub use model::RoleTerms;
pub use routes::routes;
pub use service::Roles;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210704_create_user_roles",
    sql: include_str!("migrations/202611210704_create_user_roles.sql"),
}];

//! Log-ins: registering, logging in, refreshing and logging out, by bearer tokens and by cookies.
mod answers;
mod cookies;
mod model;
mod registration;
mod routes;
mod service;
mod store;

pub(crate) use cookies::CookieNames;
pub use model::Registration;
pub use routes::routes;
pub use service::Logins;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210706_create_failed_logins",
    sql: include_str!("migrations/202611210706_create_failed_logins.sql"),
}];

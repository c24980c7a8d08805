//! Log-ins: registering, logging in, second factors, refreshing and logging out, by bearer tokens and by cookies.
mod answers;
mod arrival;
mod challenge;
mod codes;
mod cookies;
mod model;
mod registration;
mod routes;
mod second_factor;
mod second_factor_routes;
mod service;
mod store;

#[cfg(feature = "passkeys")]
pub(crate) use self::{
    answers::grant_schema,
    challenge::Begun,
    model::Grant,
    routes::{check_origin, transport_field},
};
#[cfg(any(feature = "oidc", feature = "passkeys"))]
pub(crate) use self::{answers::outcome_schema, model::Outcome};
pub(crate) use cookies::CookieNames;
pub use model::{OnSuspicion, Registration};
pub use service::Logins;
pub(crate) use service::Parts;

/// Every route of this slice.
pub fn routes(logins: &Logins) -> web::Routes {
    [routes::routes(logins), second_factor_routes::routes(logins)].concat()
}

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611210706_create_failed_logins",
    sql: include_str!("migrations/202611210706_create_failed_logins.sql"),
}];

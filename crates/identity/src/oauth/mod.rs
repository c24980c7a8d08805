//! Log-in by others: OpenID Connect providers and GitHub. An identity is an issuer and a subject there, never an address. Log-ins are built
//! in with the feature `oidc`; without it identities that were linked are kept, and go with their account.
#[cfg(feature = "oidc")]
mod claim;
#[cfg(feature = "oidc")]
mod exchange;
#[cfg(feature = "oidc")]
mod flow;
#[cfg(feature = "oidc")]
mod github;
#[cfg(feature = "oidc")]
pub(crate) mod id_token;
#[cfg(feature = "oidc")]
mod identities;
#[cfg(feature = "oidc")]
pub(crate) mod jws;
mod keeper;
#[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "log-ins are not built in"))]
mod model;
#[cfg(feature = "oidc")]
mod providers;
#[cfg(feature = "oidc")]
mod redirects;
#[cfg(feature = "oidc")]
mod routes;
#[cfg(feature = "oidc")]
mod service;
#[cfg(feature = "oidc")]
mod sign_in;
#[cfg_attr(not(feature = "oidc"), expect(dead_code, reason = "log-ins are not built in"))]
mod store;

#[cfg(feature = "oidc")]
pub use self::{
    model::{Provider, ProviderKind, Settings},
    redirects::fault as redirect_fault,
    routes::routes,
    service::Oauth,
};
pub use keeper::Keeper;

/// This slice's migrations.
pub const MIGRATIONS: [::store::Migration; 1] = [::store::Migration {
    id: "202611211600_create_identities",
    sql: include_str!("migrations/202611211600_create_identities.sql"),
}];

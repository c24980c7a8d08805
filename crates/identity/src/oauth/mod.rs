//! Log-in by others: OpenID Connect providers and GitHub. An identity is an issuer and a subject there, never an address.
mod claim;
mod exchange;
mod flow;
mod github;
mod id_token;
mod identities;
mod jws;
mod model;
mod providers;
mod redirects;
mod routes;
mod service;
mod sign_in;
mod store;

pub use identities::Keeper;
pub use model::{Provider, ProviderKind, Settings};
pub use redirects::fault as redirect_fault;
pub use routes::routes;
pub use service::Oauth;

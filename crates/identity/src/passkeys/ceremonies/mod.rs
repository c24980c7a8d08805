//! Ceremonies with authenticators: registering a passkey, logging in with it, and giving it as a second factor.
mod assertion;
mod ceremony;
mod login;
mod registration;
mod relying_party;
mod routes;
mod second_factor;

pub(crate) use ceremony::Ceremonies;
pub(crate) use relying_party::RelyingParty;
pub(crate) use routes::routes;

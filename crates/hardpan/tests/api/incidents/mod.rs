//! What happened to others, held against Hardpan; `docs/incidents.md` says which test holds which.
#[cfg(feature = "oidc")]
mod assurance;
mod canaries;
#[cfg(feature = "oidc")]
mod endings;
mod half;
mod hosts;
#[cfg(feature = "oidc")]
mod processes;
mod sources;
mod table;
mod tokens;
mod tries;
mod users;

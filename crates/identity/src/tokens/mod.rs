//! Tokens: signed access tokens, refresh tokens, and the CSRF token of a session with cookies.
mod access;
mod model;
mod refresh;
mod service;

pub use service::Tokens;

//! What holds for every route, generated from the list of routes.
pub mod access;
mod api_keys;
mod bad_input;
mod tokens;

pub use access::expected;

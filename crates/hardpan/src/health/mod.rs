//! Whether the process lives, whether it may take traffic, and how its parts are.
mod routes;
mod service;

pub use routes::routes;
pub use service::Health;

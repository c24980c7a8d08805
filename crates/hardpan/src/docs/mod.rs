//! The OpenAPI document and a page that shows it.
mod page;
mod routes;

pub use routes::{Docs, routes};

//! Validation: what reaches a handler is bounded, well-formed and fits the route's schema.
mod body;
mod query;

pub use body::{Bounds, Room, drain, read};
pub use query::query;

//! Places: roughly where an address is, by a database that the operator brings, and how far apart two of them are.
mod model;
mod service;

pub(crate) use model::{Place, Travel};
pub use service::Places;

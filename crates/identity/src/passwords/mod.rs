//! Passwords: Argon2id on a bounded pool of threads of its own, so that log-ins starve nothing else.
mod argon;
mod breached;
mod common;
pub(crate) mod foreign;
mod model;
mod policy;
mod pool;
mod range_service;
mod service;

pub use breached::BreachedRange;
pub use model::Verified;
pub use policy::Assurance;
pub use range_service::RangeService;
pub use service::{MAX_BYTES, Passwords, Policy};

//! Passwords: Argon2id on a bounded pool of threads of its own, so that log-ins starve nothing else.
mod argon;
mod foreign;
mod model;
mod pool;
mod service;

pub use model::Verified;
pub use service::{MAX_BYTES, Passwords};

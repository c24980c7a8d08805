//! Passwords: Argon2id on a bounded pool of threads of its own, so that log-ins starve nothing else.
mod model;
mod pool;
mod service;

pub use service::{MAX_BYTES, Passwords};

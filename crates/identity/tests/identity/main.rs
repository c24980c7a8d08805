//! Identity over HTTP, in process, on both engines.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends by panicking")]
mod account;
mod administration;
mod cookies;
mod log_in;
mod log_out;
mod master_key;
mod refresh;
mod register;
mod sessions;
mod support;
mod tokens;

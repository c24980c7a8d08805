//! Tests of the other crates: a database of its own for each test on either engine, a clock that is held, repeatable randomness.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    reason = "tests alone use this crate, and a test ends by panicking"
)]
mod database;
mod pair;
mod server;

pub use database::{Engine, TestDb, on_both};
pub use pair::{Pair, Server};

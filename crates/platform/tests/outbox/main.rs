//! The outbox on both engines: nothing is lost, nothing blocks, each is delivered once where nobody dies.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that fails should say where"
)]
mod delivery;
mod nodes;
mod rest;
mod support;

//! Everything a client can rely on, over HTTP and on both engines, in process.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::indexing_slicing,
    reason = "a test that fails should say where"
)]

mod binary;
mod copies;
mod credentials;
mod edge;
mod identity;
mod incidents;
mod messages;
#[cfg(feature = "oidc")]
mod oauth;
mod openapi;
mod passkeys;
mod records;
mod routes;
mod support;

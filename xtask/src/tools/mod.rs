//! Programs that tests need, installed when they are missing.
mod chromium;
pub mod debian;
mod node;
#[cfg(feature = "live")]
pub mod python;

/// Where they are, for the environment of the tests.
pub async fn all() -> Vec<(&'static str, String)> {
    [node::tools().await, chromium::tools().await].concat()
}

//! Hardpan as a library: configuration, logs and the command line over the crates below.
pub mod archive;
pub mod assemble;
pub mod cli;
pub mod config;
mod docs;
mod health;
pub mod logs;
mod messages;
pub mod migrations;
pub mod plans;
mod runtime;

/// The slices of this crate; neither calls the other.
pub const SLICES: [&str; 2] = ["health", "docs"];

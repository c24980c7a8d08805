//! Hardpan as a library: configuration, logs and the command line over the crates below.
pub mod cli;
pub mod config;
pub mod logs;

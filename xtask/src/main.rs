//! Tasks of this repository: `cargo xtask test [arguments of cargo test]`, `check`, `bench` and `torture`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
use std::process::ExitCode;

#[cfg(feature = "live")]
mod bench;
mod check;
mod folder;
#[cfg_attr(not(feature = "live"), path = "relay.rs")]
mod live;
mod postgres;
mod test;
mod tools;
#[cfg(feature = "live")]
mod torture;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test::run(arguments.collect()),
        Some("check") => check::run(),
        Some(task @ ("bench" | "torture")) => live::run(task, arguments.collect()),
        _ => {
            eprintln!("cargo xtask test|check|bench|torture [arguments]");
            ExitCode::from(2)
        }
    }
}

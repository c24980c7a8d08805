//! Tasks of this repository: `cargo xtask test [arguments of cargo test]`, `cargo xtask check` and `cargo xtask torture`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
use std::process::ExitCode;

mod check;
mod postgres;
mod test;
#[cfg_attr(not(feature = "torture"), path = "torture/relay.rs")]
mod torture;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test::run(arguments.collect()),
        Some("check") => check::run(),
        Some("torture") => torture::run(arguments.collect()),
        _ => {
            eprintln!("cargo xtask test [arguments of cargo test]\ncargo xtask check\ncargo xtask torture [arguments]");
            ExitCode::from(2)
        }
    }
}

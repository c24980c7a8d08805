//! Tasks of this repository: `cargo xtask test [arguments of cargo test]` and `cargo xtask check`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
use std::process::ExitCode;

mod check;
mod postgres;
mod test;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test::run(arguments.collect()),
        Some("check") => check::run(),
        _ => {
            eprintln!("cargo xtask test [arguments of cargo test]\ncargo xtask check");
            ExitCode::from(2)
        }
    }
}

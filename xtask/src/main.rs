//! Tasks of this repository: `cargo xtask test [arguments of cargo test]`, `check`, `fuzz`, `bench` and `torture`.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line program")]
#[cfg(feature = "live")]
mod bench;
mod check;
mod folder;
mod fuzz;
#[cfg_attr(not(feature = "live"), path = "relay.rs")]
mod live;
mod postgres;
mod test;
mod tools;
#[cfg(feature = "live")]
mod torture;

fn main() -> std::process::ExitCode {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        Some("test") => test::run(arguments.collect()),
        Some("check") => check::run(),
        Some("fuzz") => fuzz::run(arguments.collect()),
        Some(task @ ("bench" | "torture")) => live::run(task, arguments.collect()),
        _ => {
            eprintln!("cargo xtask test|check|fuzz|bench|torture [arguments]");
            2.into()
        }
    }
}

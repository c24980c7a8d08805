//! The `hardpan` program.
use std::process::ExitCode;

fn main() -> ExitCode {
    hardpan::cli::main()
}

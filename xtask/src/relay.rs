//! Stands in where this program was built without the data layer, and calls the build that has it.
use std::process::{Command, ExitCode};

/// Ends as the other build ends.
pub fn run(task: &str, arguments: Vec<String>) -> ExitCode {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    // Optimised, so that what drives the load takes little from what is measured.
    command
        .args(["run", "--quiet", "--release", "--package", "xtask", "--features", "live", "--", task])
        .args(arguments);
    match command.status() {
        Ok(status) => status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from),
        Err(error) => {
            eprintln!("xtask: cargo could not be run: {error}");
            ExitCode::FAILURE
        }
    }
}

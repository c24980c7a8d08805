//! `hardpan check`: every finding about the app file and the environment.
use std::{path::PathBuf, process::ExitCode};

use super::{Format, output};
use crate::{assemble, config::Loaded};

/// Checks the app file and the environment, and reports every problem with its reason and its fix
#[derive(clap::Args)]
#[command(
    after_help = "Example: HARDPAN_PROFILE=production hardpan check notes --format json\n\nExits with 1 if there is any error."
)]
pub struct Args {
    /// The app's folder, the one with hardpan.toml [default: the current one]
    pub dir: Option<PathBuf>,
    /// json also shows every key's value and where it came from
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: &Loaded) -> ExitCode {
    let report = loaded.report(assemble::declare(loaded).1);
    match args.format {
        Format::Text => output::text(&report.to_text()),
        Format::Json => {
            let mut json = report.to_json();
            json["values"] = loaded.values();
            output::json(&json);
        }
    }
    if report.has_errors() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

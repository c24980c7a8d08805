//! `hardpan check`: every finding about the app file and the environment.
use std::{path::PathBuf, process::ExitCode};

use super::{Format, Outcome, output};
use crate::{
    assemble,
    config::Loaded,
    plans::{self, Coverage},
    runtime,
};

/// Checks the app file and the environment, and reports every problem with its reason and its fix
#[derive(clap::Args)]
#[command(
    after_help = "Example: HARDPAN_PROFILE=production hardpan check notes --format json\n\nExits with 1 if there is any error, and with --plans if a declared list or more \
                  than five statements of a hundred are served by no index."
)]
pub struct Args {
    /// The app's folder, the one with hardpan.toml [default: the current one]
    pub dir: Option<PathBuf>,
    /// json also shows every key's value and where it came from
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// Also asks for the plan of every declared list and of Hardpan's own statements, and names what no index serves
    #[arg(long)]
    pub plans: bool,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let report = loaded.report(findings.clone());
    let mut json = report.to_json();
    json["values"] = loaded.values();
    let mut text = report.to_text();
    let mut is_good = !report.has_errors();
    if args.plans
        && let Ok((config, _)) = loaded.ready(findings)
    {
        let coverages = runtime::single_threaded()?.block_on(plans::coverage(config, declaration))?;
        is_good = coverages.iter().all(Coverage::is_enough);
        json["plans"] = plans::json(&coverages);
        text.push('\n');
        text.push_str(&plans::text(&coverages));
    }
    match args.format {
        Format::Text => output::text(&text),
        Format::Json => output::json(&json),
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

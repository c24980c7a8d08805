//! `hardpan migrate`: the state of the database's tables, and bringing them up to date.
use clap::Subcommand;

use super::{Failure, Format, Outcome};
use crate::config::Loaded;

/// Shows or applies migrations
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Shows every migration and whether it is applied; exits with 1 if something is not in order
    #[command(after_help = "Example: hardpan migrate status --app notes --format json")]
    Status(Options),
    /// Applies what is pending, in order
    #[command(after_help = "Example: hardpan migrate apply --app notes")]
    Apply(Options),
}

#[derive(clap::Args)]
pub struct Options {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(_args: Args, _loaded: Loaded) -> Outcome {
    // body follows with assemble
    Err(Failure::Failed("migrate is not wired yet".into()))
}

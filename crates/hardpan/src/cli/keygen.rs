//! `hardpan keygen`: strong values for every secret production requires.
use std::process::ExitCode;

use kernel::OsRandom;
use zeroize::Zeroizing;

use super::output;
use crate::config;

/// Makes strong values for every secret that staging and production require, as lines for the environment
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan keygen >> /etc/hardpan/environment")]
pub struct Args {}

pub fn run() -> ExitCode {
    let key = config::encode_master_key(&config::generate_master_key(&OsRandom));
    let line = Zeroizing::new(format!("{}={}\n", config::MASTER_KEY, *key));
    output::text(&line);
    ExitCode::SUCCESS
}

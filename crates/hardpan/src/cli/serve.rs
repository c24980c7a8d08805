//! `hardpan serve`: serves the app until it is told to stop.
use std::path::PathBuf;

use super::{Failure, Outcome};
use crate::config::Loaded;

/// Serves the app: in development at once, in staging and production only if everything is in order
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan serve notes --listen 127.0.0.1:8081")]
pub struct Args {
    /// The app's folder, the one with hardpan.toml [default: the current one]
    pub dir: Option<PathBuf>,
    /// Where to listen, in place of server.listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: Option<String>,
}

impl Args {
    /// What the arguments change in the configuration.
    pub fn flags(&self) -> Vec<(String, String)> {
        self.listen.iter().map(|listen| ("server.listen".to_owned(), listen.clone())).collect()
    }
}

pub fn run(_args: Args, _loaded: Loaded) -> Outcome {
    // body follows with assemble
    Err(Failure::Failed("serve is not wired yet".into()))
}

//! `hardpan openapi`: the document of the app's API.
use super::{Failure, Outcome};
use crate::config::Loaded;

/// Prints the OpenAPI 3.1 document of the app
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan openapi --app notes > openapi.json")]
pub struct Args {}

pub fn run(_args: Args, _loaded: Loaded) -> Outcome {
    // body follows with assemble
    Err(Failure::Failed("openapi is not wired yet".into()))
}

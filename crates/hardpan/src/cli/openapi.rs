//! `hardpan openapi`: the document of the app's API.
use std::process::ExitCode;

use super::{Failure, Outcome, output};
use crate::{assemble, config::Loaded, runtime};

/// Prints the OpenAPI 3.1 document of the app
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan openapi --app notes > openapi.json")]
pub struct Args {}

pub fn run(loaded: Loaded) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let document = runtime::single_threaded()?.block_on(assemble::offline_document(config, declaration))?;
    output::json(&document);
    Ok(ExitCode::SUCCESS)
}

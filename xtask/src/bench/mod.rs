//! `cargo xtask bench`: what the real program costs, measured over HTTP with everything on.
mod cases;
mod growth;
mod lists;
mod log_ins;
mod measure;
mod offered;
mod options;
mod peers;
mod report;
mod store;
mod table;

use std::process::ExitCode;

use clap::{Args, Subcommand};
use options::Options;

use crate::live::{self, Format};

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(flatten)]
    peers: peers::Options,
    #[command(subcommand)]
    measurement: Option<Measurement>,
}

#[derive(Subcommand)]
pub enum Measurement {
    Lists(Options),
    Growth(growth::Options),
    LogIns(log_ins::Options),
}

/// Ends well when everything is as fast as promised.
pub async fn run(arguments: Arguments) -> ExitCode {
    let outcome = match &arguments.measurement {
        None => Box::pin(peers::run(&arguments.peers)).await.map(|()| true),
        Some(Measurement::Lists(options)) => lists(options).await,
        Some(Measurement::Growth(options)) => Box::pin(growth::run(options)).await,
        Some(Measurement::LogIns(options)) => Box::pin(log_ins::run(options)).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => live::failed(&why),
    }
}

/// Prints a report for each engine; whether all are well.
async fn lists(options: &Options) -> Result<bool, String> {
    let binary = options.target.binary()?;
    let mut are_well = true;
    for engine in &options.target.engines {
        let report = Box::pin(lists::run(&binary, *engine, options)).await?;
        match options.format {
            Format::Text => println!("{report}"),
            Format::Json => println!("{}", report.json()),
        }
        are_well &= report.is_well();
    }
    Ok(are_well)
}

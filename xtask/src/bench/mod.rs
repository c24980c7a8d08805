//! `cargo xtask bench`: what the real program costs, measured over HTTP with everything on.
mod cases;
mod lists;
mod log_ins;
mod measure;
mod options;
mod report;
mod store;
mod table;

use std::process::ExitCode;

use options::{Format, Options, USAGE};

use crate::live;

/// Ends well when everything is as fast as promised.
pub async fn run(mut arguments: Vec<String>) -> ExitCode {
    if arguments.first().is_some_and(|name| name == "log-ins") {
        return Box::pin(log_ins::run(arguments.split_off(1))).await;
    }
    let options = match Options::parse(arguments) {
        Ok(options) => options,
        Err(why) => return live::misused(&why, USAGE),
    };
    match lists(&options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(why) => live::failed(&why),
    }
}

/// Prints a report for each engine; whether all are well.
async fn lists(options: &Options) -> Result<bool, String> {
    let binary = live::binary(options.hardpan.as_deref())?;
    let mut are_well = true;
    for engine in &options.engines {
        let report = Box::pin(lists::run(&binary, *engine, options)).await?;
        match options.format {
            Format::Text => println!("{report}"),
            Format::Json => println!("{}", report.json()),
        }
        are_well &= report.is_well();
    }
    Ok(are_well)
}

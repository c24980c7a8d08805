//! `hardpan purge`: removes for good what is over.
use std::{
    collections::BTreeMap,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use serde_json::json;

use super::{Format, Outcome, offline::with_database, output};
use crate::{
    assemble::{Part, Purge},
    config::Loaded,
};

/// Removes what is over: softly deleted records past their time, what deleted accounts left, expired sessions and keys
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan purge --app notes --format json")]
pub struct Args {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    with_database(loaded, async |foundation| {
        foundation.prepare().await?;
        let records = foundation.records()?;
        let identity = foundation.identity(&records).await?;
        let removed = Mutex::new(BTreeMap::<String, u64>::new());
        let report = |what: &str, rows: u64| {
            let mut removed = removed.lock().unwrap_or_else(PoisonError::into_inner);
            let total = removed.entry(what.to_owned()).or_default();
            *total += rows;
            output::note(&format!("removed {total} of {what}"));
        };
        let total = Purge::new(&foundation.source, &records, &identity).run(&Part::ALL, &report).await?;
        let removed = removed.into_inner().unwrap_or_else(PoisonError::into_inner);
        match args.format {
            Format::Json => output::json(&json!({"removed": total, "by": removed})),
            Format::Text if total == 0 => output::line("Nothing to do: nothing is over."),
            Format::Text => removed.iter().for_each(|(what, rows)| output::line(&format!("removed  {rows} of {what}"))),
        }
        Ok(ExitCode::SUCCESS)
    })
}

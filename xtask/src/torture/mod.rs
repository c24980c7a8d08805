//! `cargo xtask torture`: crashes, outages and measurements of the real program.
mod chaos;
mod drain;
mod footprint;
mod fsync;
mod kill;
mod ledger;
mod listing;
mod load;
mod migrate;
mod options;
mod outage;
mod stage;
mod start;
mod store;

use std::{path::Path, process::ExitCode, time::Instant};

pub use options::Options;
use options::Part;

use crate::live::{self, engine::Engine};

/// What a part found: its name and what is wrong.
struct Verdict {
    name: String,
    faults: Vec<String>,
}

/// Ends well when nothing was found wrong.
pub async fn run(options: &Options) -> ExitCode {
    match torture(options).await {
        Ok(verdicts) => summarise(&verdicts),
        Err(why) => live::failed(&why),
    }
}

async fn torture(options: &Options) -> Result<Vec<Verdict>, String> {
    let binary = options.target.binary()?;
    let mut verdicts = Vec::new();
    for part in options.parts() {
        match part {
            // Of SQLite alone, or of PostgreSQL alone.
            Part::Start | Part::Fsync => verdicts.extend(one(&binary, *part, Engine::Sqlite, options).await),
            Part::Outage => verdicts.extend(one(&binary, *part, Engine::Postgres, options).await),
            Part::Kill | Part::Drain | Part::Footprint | Part::Migrate | Part::Chaos => {
                for engine in &options.target.engines {
                    verdicts.extend(one(&binary, *part, *engine, options).await);
                }
            }
        }
    }
    Ok(verdicts)
}

async fn one(binary: &Path, part: Part, engine: Engine, options: &Options) -> Option<Verdict> {
    if !options.target.engines.contains(&engine) {
        return None;
    }
    let name = format!("{part:?} on {}", engine.name()).to_lowercase();
    println!("{name}");
    let begun = Instant::now();
    let outcome = match part {
        Part::Kill => kill::run(binary, engine, options).await,
        Part::Start => start::run(binary, options).await,
        Part::Outage => outage::run(binary, options).await,
        Part::Drain => drain::run(binary, engine, options).await,
        Part::Fsync => fsync::run(binary, options).await,
        Part::Footprint => footprint::run(binary, engine, options).await,
        Part::Migrate => migrate::run(binary, engine, options).await,
        Part::Chaos => chaos::run(binary, engine, options).await,
    };
    println!("  took {} s", begun.elapsed().as_secs());
    Some(Verdict { name, faults: outcome.unwrap_or_else(|why| vec![why]) })
}

fn summarise(verdicts: &[Verdict]) -> ExitCode {
    println!("\nsummary");
    for Verdict { name, faults } in verdicts {
        println!("  {name}: {}", if faults.is_empty() { "well" } else { "NOT WELL" });
        for fault in faults {
            println!("    {fault}");
        }
    }
    if verdicts.iter().all(|verdict| verdict.faults.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

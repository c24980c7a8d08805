//! `cargo xtask torture`: crashes, outages and measurements of the real program.
mod chaos;
mod dice;
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
mod soak;
mod stage;
mod start;
mod store;

use std::{path::Path, process::ExitCode, time::Instant};

use clap::{Args, Subcommand};
use options::{Options, Part};

use crate::live::{self, engine::Engine};

/// What a part found: its name and what is wrong.
struct Verdict {
    name: String,
    faults: Vec<String>,
}

#[derive(Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Arguments {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    endurance: Option<Endurance>,
}

/// What takes as long as one likes.
#[derive(Subcommand)]
enum Endurance {
    Soak(soak::Options),
}

/// Ends well when nothing was found wrong.
pub async fn run(arguments: &Arguments) -> ExitCode {
    let outcome = match &arguments.endurance {
        None => torture(&arguments.options).await.map(|verdicts| summarise(&verdicts)),
        Some(Endurance::Soak(options)) => soak::run(options).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
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

/// Whether all are well.
fn summarise(verdicts: &[Verdict]) -> bool {
    println!("\nsummary");
    for Verdict { name, faults } in verdicts {
        println!("  {name}: {}", if faults.is_empty() { "well" } else { "NOT WELL" });
        for fault in faults {
            println!("    {fault}");
        }
    }
    verdicts.iter().all(|verdict| verdict.faults.is_empty())
}

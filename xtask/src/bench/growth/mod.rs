//! `cargo xtask bench growth`: whether a get and a list cost the same however many rows there are.
mod options;
mod plot;
mod probe;
mod report;

use std::path::Path;

pub use options::Options;
use probe::{Kind, Probe};
use report::{Line, Report};

use super::{lists, table::Table};
use crate::{
    live::{self, Format, engine::Engine},
    postgres::Server,
};

/// Prints a report for each engine; whether all are well.
pub async fn run(options: &Options) -> Result<bool, String> {
    if !cfg!(target_os = "linux") {
        return Err("what processes take is read from /proc, which only Linux has".to_owned());
    }
    let (binary, sizes) = (options.target.binary()?, options.sizes()?);
    let mut reports = Vec::new();
    for engine in &options.target.engines {
        let report = Box::pin(on(*engine, &binary, &sizes, options.rounds)).await?;
        match options.format {
            Format::Text => println!("{report}"),
            Format::Json => println!("{}", report.json()),
        }
        reports.push(report);
    }
    if let Some(path) = &options.plot {
        std::fs::write(path, plot::draw(&reports)?).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    Ok(reports.iter().all(Report::is_well))
}

async fn on(engine: Engine, binary: &Path, sizes: &[u64], rounds: usize) -> Result<Report, String> {
    eprintln!("{}", engine.name());
    let cache = live::target()?.join("bench");
    let mut postgres = lists::server(engine, &cache).await?;
    let lines = measure(binary, &cache, postgres.as_ref(), sizes, rounds).await;
    if let Some(postgres) = &mut postgres {
        postgres.stop().await;
    }
    Ok(Report { engine, rounds, lines: lines? })
}

async fn measure(
    binary: &Path,
    cache: &Path,
    postgres: Option<&Server>,
    sizes: &[u64],
    rounds: usize,
) -> Result<Vec<Line>, String> {
    let mut tables = Vec::new();
    for rows in sizes {
        tables.push(Table::open(binary, cache, postgres, *rows).await?);
    }
    let mut probes = Vec::new();
    for kind in [Kind::Get, Kind::List] {
        for (rows, table) in sizes.iter().zip(&tables) {
            // PostgreSQL serves one table at a time, so that what its processes take is taken for that one.
            let processes = table.pid().into_iter().chain(postgres.and_then(Server::pid));
            probes.push(Probe::new(kind, *rows, table, processes.collect()));
        }
    }
    in_turns(&mut probes, rounds).await?;
    let lines = probes.into_iter().map(Probe::line).collect();
    for table in tables {
        table.close().await;
    }
    Ok(lines)
}

/// All of them in each round, each round beginning with another, so that a machine that slows down slows them all.
async fn in_turns(probes: &mut [Probe], rounds: usize) -> Result<(), String> {
    for probe in &mut *probes {
        probe.warm_up().await?;
    }
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        for turn in 0..probes.len() {
            let next = (round + turn) % probes.len();
            probes[next].ask().await?;
        }
    }
    Ok(())
}

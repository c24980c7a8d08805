//! `cargo xtask torture soak`: whether memory, descriptors and threads stay as they are while rows, sessions and time go on.
mod load;
mod options;
mod person;
mod plot;
mod report;
mod sample;

use std::{path::Path, time::Duration};

pub use options::Options;
use person::Person;
use report::Report;
use sample::Sample;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::stage;
use crate::{
    live::{Format, engine::Engine, program::Program},
    postgres::{Durability, Server},
};

/// Each with a connection of their own.
const PEOPLE: u64 = 32;
/// Of the resident memory, for a sample.
const READINGS: u32 = 10;

/// Prints a report for each engine; whether all are well.
pub async fn run(options: &Options) -> Result<bool, String> {
    if !cfg!(target_os = "linux") {
        return Err("what a process takes is read from /proc, which only Linux has".to_owned());
    }
    let binary = options.target.binary()?;
    let mut reports = Vec::new();
    for engine in &options.target.engines {
        let report = Box::pin(on(*engine, &binary, options)).await?;
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

async fn on(engine: Engine, binary: &Path, options: &Options) -> Result<Report, String> {
    eprintln!("{}: {} min", engine.name(), options.length().as_secs() / 60);
    let mut postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Server::start(Durability::Full).await?),
    };
    let report = soak(engine, binary, postgres.as_ref(), options).await;
    if let Some(postgres) = &mut postgres {
        postgres.stop().await;
    }
    report
}

async fn soak(engine: Engine, binary: &Path, postgres: Option<&Server>, options: &Options) -> Result<Report, String> {
    let mut program = stage::program(binary, postgres.map(Server::url))?;
    program.set("HARDPAN_AUTH__ACCESS_TTL", person::ACCESS_TTL);
    program.start()?;
    program.wait_until_ready().await?;
    let mut newcomers: JoinSet<_> = (0..PEOPLE).map(|number| Person::new(program.port, number)).collect();
    let mut people = Vec::new();
    while let Some(person) = newcomers.join_next().await {
        people.push(person.map_err(|error| error.to_string())??);
    }
    let sampled = samples(&program, postgres, people, options).await;
    let (samples, held_up) = sampled.map_err(|why| format!("{why}\n{}", program.log_end()))?;
    program.stop().await?;
    let (rate, length, complaints) = (options.rate, options.length(), program.faults());
    Ok(Report { engine, rate, length, samples, held_up, complaints })
}

/// One for each interval of the run, and how late the harness itself was at worst.
async fn samples(
    program: &Program,
    postgres: Option<&Server>,
    people: Vec<Person>,
    options: &Options,
) -> Result<(Vec<Sample>, Duration), String> {
    let (begun, heard) = (Instant::now(), load::Heard::default());
    let mut load = load::start(people, begun, options.rate, options.length(), &heard);
    let (mut samples, mut resident, mut held_up) = (Vec::new(), Vec::new(), Duration::ZERO);
    for reading in 1.. {
        let at = options.interval() / READINGS * reading;
        if at > options.length() {
            break;
        }
        sleep_until(begun + at).await;
        held_up = held_up.max((begun + at).elapsed());
        resident.push(program.resident_kib()?);
        if reading % READINGS == 0 {
            if at == options.length() {
                // The last sample has every answer.
                while load.join_next().await.is_some() {}
            }
            samples.push(Sample::take(program, postgres, at, &std::mem::take(&mut resident), heard.take())?);
            tell(samples.last());
        }
    }
    Ok((samples, held_up))
}

/// Now and then, to whoever waits.
fn tell(sample: Option<&Sample>) {
    if let Some(Sample { at, resident, p99, database, failures, .. }) = sample
        && at.as_secs().is_multiple_of(60)
    {
        let failures: u64 = failures.values().sum();
        eprintln!(
            "  {:>3} min: {resident:.1} MiB resident, database {database:.0} MiB, p99 {p99:.1} ms, {failures} failures",
            at.as_secs() / 60,
        );
    }
}

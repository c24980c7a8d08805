//! `cargo xtask bench`: Hardpan beside its peers, over the same rows, with the same requests, in turns.
mod contender;
mod fastapi;
mod framework;
mod hardpan;
mod options;
mod plot;
mod pocketbase;
mod report;
mod rows;
mod workload;
mod wrk;

use std::{path::Path, time::Duration};

use contender::Contender;
pub use options::Options;
use report::{Line, Report};
use tokio::time::{Instant, sleep};
use workload::Workload;

use crate::{
    folder::Folder,
    live::{self, Format, http::Client, usage},
    tools::python,
};

/// For a peer to answer; far beyond what any of them takes.
const PATIENCE: Duration = Duration::from_mins(1);

/// Prints the report. Errors: a contender cannot be had, or answered anything but success.
pub async fn run(options: &Options) -> Result<(), String> {
    if !cfg!(target_os = "linux") {
        return Err("what processes take is read from /proc, which only Linux has".to_owned());
    }
    let binary = options.target.binary()?;
    wrk::install().await?;
    let contenders = start(&binary, options).await?;
    let report = measure(&contenders, options).await;
    for contender in contenders {
        contender.stop().await;
    }
    let report = report?;
    match options.format {
        Format::Text => println!("{report}"),
        Format::Json => println!("{}", report.json()),
    }
    match &options.plot {
        Some(path) => {
            std::fs::write(path, plot::draw(&report)?).map_err(|error| format!("{}: {error}", path.display()))
        }
        None => Ok(()),
    }
}

async fn start(binary: &Path, options: &Options) -> Result<Vec<Contender>, String> {
    let is_wanted = |name: &str| !options.without.iter().any(|without| name.starts_with(without.as_str()));
    let mut contenders = Vec::new();
    for engine in &options.target.engines {
        eprintln!("starting Hardpan on {}", engine.name());
        contenders.push(hardpan::start(binary, *engine, options.rows).await?);
    }
    let packages = [&fastapi::PACKAGES[..], &[pocketbase::PACKAGE]].concat();
    if is_wanted("PocketBase") {
        eprintln!("starting PocketBase");
        contenders.push(pocketbase::start(&python::install(&live::target()?, &packages).await?, options.rows).await?);
    }
    if is_wanted("FastAPI") {
        eprintln!("starting FastAPI");
        contenders.push(fastapi::start(&python::install(&live::target()?, &packages).await?, options.rows).await?);
    }
    if is_wanted("framework") {
        eprintln!("starting the framework alone");
        contenders.push(framework::start().await?);
    }
    Ok(contenders)
}

/// Each workload against each contender, as often as there are rounds; every round begins with another one.
async fn measure(contenders: &[Contender], options: &Options) -> Result<Report, String> {
    let folder = Folder::temporary("hardpan-bench")?;
    let requests = folder.path().join("requests");
    let many = if options.quick { workload::QUICK } else { workload::ALL.len() };
    let is_meant = |workload: &Workload| {
        options.only.is_empty() || options.only.iter().any(|only| workload.to_string().starts_with(only.as_str()))
    };
    let workloads: Vec<Workload> = workload::ALL.into_iter().take(many).filter(is_meant).collect();
    let mut lines: Vec<Line> =
        workloads.iter().flat_map(|workload| contenders.iter().map(|one| Line::new(*workload, one.name))).collect();
    for round in 0..options.rounds {
        for (number, workload) in workloads.iter().enumerate() {
            for turn in 0..contenders.len() {
                let chosen = (round + turn) % contenders.len();
                let contender = &contenders[chosen];
                contender.write_requests(&requests, *workload, options.rows, round)?;
                let line = &mut lines[number * contenders.len() + chosen];
                let seconds = options.seconds;
                if workload.is_mixed() {
                    let among = wrk::drive_among(contender, *workload, &requests, options.rows, seconds, round).await?;
                    let Some((run, gets)) = among else { continue };
                    line.runs.push(run);
                    line.gets.push(gets);
                } else {
                    line.runs.push(wrk::drive(contender, *workload, &requests, seconds, round).await?);
                }
                eprintln!("round {}: {workload}, {}: {:.0}/s", round + 1, contender.name, line.rate());
            }
        }
    }
    lines.retain(|line| !line.runs.is_empty());
    let mut fsyncs = Vec::new();
    for contender in contenders {
        contender.write_requests(&requests, workload::WRITES, options.rows, options.rounds)?;
        fsyncs.extend(wrk::fsyncs(contender, &requests).await?.map(|each| (contender.name, each)));
    }
    let memory = |one: &Contender| Ok((one.name, usage::memory(&one.processes)?));
    Ok(Report {
        rows: options.rows,
        rounds: options.rounds,
        seconds: options.seconds,
        lines,
        fsyncs,
        memory: contenders.iter().map(memory).collect::<Result<_, String>>()?,
    })
}

/// Waits for the first answer with 200.
async fn ready(port: u16, path: &str) -> Result<(), String> {
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if Client::new(port).get(path).await.is_ok_and(|answer| answer.status == 200) {
            return Ok(());
        }
        sleep(Duration::from_millis(50)).await;
    }
    Err(format!("nothing answers {path} on port {port}"))
}

/// Puts rows into the table of a peer.
async fn fill(programs: &Path, rows: &Path, database: &Path) -> Result<(), String> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/fill.py");
    let mut python = tokio::process::Command::new(programs.join("python"));
    let output = python.arg(script).arg(rows).arg(database).output().await.map_err(|error| error.to_string())?;
    let why = || format!("fill.py: {}", String::from_utf8_lossy(&output.stderr));
    output.status.success().then_some(()).ok_or_else(why)
}

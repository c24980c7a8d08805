//! How soon the program answers, and how much memory it holds.
use std::{path::Path, time::Duration};

use tokio::time::sleep;

use super::{load, options::Options, stage::Stage};
use crate::live::engine::Engine;

const STARTS: usize = 10;
const LOG_INS: usize = 1000;
const LOG_INS_AT_ONCE: usize = 16;
/// Log-ins that come one by one, each after a rest: memory given back and taken again must be the same memory.
const LONE_LOG_INS: usize = 12;
/// Time for a process to come to rest.
const REST: Duration = Duration::from_secs(1);

const READY_MILLISECONDS: u128 = 300;
const IDLE_MIB: f64 = 30.0;
const USED_MIB: f64 = 90.0;

/// Returns what is wrong.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Vec<String>, String> {
    if !cfg!(target_os = "linux") {
        println!("  resident memory is read from /proc: skipped");
        return Ok(Vec::new());
    }
    let mut stage = Stage::open(binary, engine, options).await?;
    let outcome = measure(&mut stage, engine).await;
    stage.close().await;
    outcome
}

async fn measure(stage: &mut Stage, engine: Engine) -> Result<Vec<String>, String> {
    let mut faults = Vec::new();
    stage.program.start()?;
    let first = stage.program.wait_until_ready().await?;
    sleep(REST).await;
    let fresh = resident(stage)?;
    println!("  first start, on nothing: ready in {} ms, {fresh:.1} MiB", first.as_millis());
    load::register(stage.program.port, "client").await?;

    let mut times = Vec::new();
    for _ in 0..STARTS {
        stage.program.stop().await?;
        stage.program.start()?;
        times.push(stage.program.wait_until_ready().await?.as_millis());
    }
    times.sort_unstable();
    let (median, worst) = (times[STARTS / 2], times[STARTS - 1]);
    println!("  {STARTS} more starts: ready in {median} ms (median), {worst} ms (worst)");
    sleep(REST).await;
    let idle = resident(stage)?;
    for _ in 0..LONE_LOG_INS {
        load::log_in_often(stage.program.port, "client", 1, 1).await?;
        sleep(REST / 2).await;
    }
    let lone = resident(stage)?;
    load::log_in_often(stage.program.port, "client", LOG_INS, LOG_INS_AT_ONCE).await?;
    let busy = resident(stage)?;
    sleep(REST).await;
    let used = resident(stage)?;
    println!(
        "  before the first log-in {idle:.1} MiB, after {LONE_LOG_INS} one by one {lone:.1} MiB, after {LOG_INS} more \
         {busy:.1} MiB, a second later {used:.1} MiB"
    );
    // How soon PostgreSQL makes tables durable is its own affair.
    let first = if engine == Engine::Sqlite { first.as_millis() } else { 0 };
    for (what, milliseconds) in [("the first start", first), ("a start", median)] {
        if milliseconds >= READY_MILLISECONDS {
            faults.push(format!("{what} took {milliseconds} ms; promised are less than {READY_MILLISECONDS}"));
        }
    }
    for (what, mib, most) in [
        ("after the first start", fresh, IDLE_MIB),
        ("before the first log-in", idle, IDLE_MIB),
        ("after a thousand log-ins", busy.max(used), USED_MIB),
        ("after log-ins one by one", lone, USED_MIB),
    ] {
        if mib >= most {
            faults.push(format!("{mib:.1} MiB resident {what}; promised are less than {most}"));
        }
    }
    faults.extend(stage.end().await?);
    Ok(faults)
}

/// In MiB.
fn resident(stage: &Stage) -> Result<f64, String> {
    stage.program.resident_kib().map(|kib| f64::from(kib) / 1024.0)
}

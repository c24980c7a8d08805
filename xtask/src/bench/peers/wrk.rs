//! Load by wrk: <https://github.com/wg/wrk>.
use std::{path::Path, thread::available_parallelism};

use serde_json::Value as Json;
use tokio::process::Command;

use super::{
    contender::Contender,
    workload::{Kind, WRITES, Workload},
};
use crate::{
    bench::offered,
    live::{
        strace::{self, Strace},
        usage,
    },
    tools::debian,
};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/peers/requests.lua");

/// What a run gave.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub requests: f64,
    pub seconds: f64,
    /// Milliseconds.
    pub p50: f64,
    pub p99: f64,
    /// Seconds of a core that the processes of the contender took.
    pub cpu: f64,
}

/// How long gets took that were asked for meanwhile, in milliseconds.
#[derive(Clone, Copy, Debug)]
pub struct Gets {
    pub p50: f64,
    pub p99: f64,
}

/// How often a contender asks the disk to be durable for each row it creates, if strace is there to tell. It slows everything down, so
/// nothing else is measured meanwhile.
pub async fn fsyncs(contender: &Contender, requests: &Path) -> Result<Option<f64>, String> {
    if !strace::is_there().await {
        return Ok(None);
    }
    let processes: Vec<u32> = usage::family(&contender.processes)?.into_iter().collect();
    let traced = Strace::attach(&processes).await?;
    let run = drive(contender, WRITES, requests, 2, 0).await;
    Ok(Some(f64::from(traced.end().await?) / run?.requests))
}

pub async fn install() -> Result<(), String> {
    // It has no option that does nothing and succeeds.
    let is_there = Command::new("wrk").arg("--version").output().await.is_ok();
    if is_there { Ok(()) } else { debian::install("wrk is not installed (package `wrk`)", &["wrk"]).await }
}

/// Gets a second that tell how long one takes among other load: few enough to be no load of their own.
const GETS: usize = 200;
/// Log-ins a second for each core, which hashes some sixty.
const LOG_INS: usize = 250;

/// Drives `workload` as [`drive`] does, and asks for rows one by one meanwhile, beside log-ins where it is a storm.
pub async fn drive_among(
    contender: &Contender,
    workload: Workload,
    requests: &Path,
    rows: usize,
    seconds: usize,
    seed: usize,
) -> Result<Option<(Run, Gets)>, String> {
    let log_ins = match (workload.kind, contender.log_in) {
        (Kind::Storm, None) => return Ok(None),
        (Kind::Storm, Some(log_in)) => {
            let a_second = LOG_INS * available_parallelism().map_or(1, usize::from);
            Some(tokio::spawn(offered::log_ins(contender.port, log_in, a_second, seconds)))
        }
        _ => None,
    };
    let reads = contender.reads(rows);
    let (run, gets) = tokio::join!(
        drive(contender, workload, requests, seconds, seed),
        offered::reads(contender.port, &reads, GETS, seconds)
    );
    if let Some(log_ins) = log_ins {
        log_ins.await.map_err(|error| error.to_string())??;
    }
    let mut gets = gets?;
    gets.sort_unstable();
    let millis = |hundredth| offered::at(&gets, hundredth).as_secs_f64() * 1e3;
    Ok(Some((run?, Gets { p50: millis(50), p99: millis(99) })))
}

/// Drives `workload` for so long with the requests in a file. Errors: any answer that is no success.
pub async fn drive(
    contender: &Contender,
    workload: Workload,
    requests: &Path,
    seconds: usize,
    seed: usize,
) -> Result<Run, String> {
    let before = usage::cpu(&contender.processes)?;
    let connections = workload.connections.to_string();
    let output = Command::new("wrk")
        .args(["--threads", "1", "--connections", &connections, "--duration", &format!("{seconds}s")])
        .args(["--timeout", "30s", "--latency", "--script", SCRIPT])
        .arg(format!("http://127.0.0.1:{}", contender.port))
        .arg("--")
        .arg(requests)
        .arg(seed.to_string())
        .output()
        .await
        .map_err(|error| format!("wrk: {error}"))?;
    let after = usage::cpu(&contender.processes)?;
    let text = String::from_utf8_lossy(&output.stdout);
    let what = || format!("{workload} against {}: {text}{}", contender.name, String::from_utf8_lossy(&output.stderr));
    let told: Json = text.lines().last().and_then(|line| serde_json::from_str(line).ok()).ok_or_else(what)?;
    let figure = |name: &str| told[name].as_f64().ok_or_else(what);
    if figure("failures")? > 0.0 || figure("requests")? < 1.0 {
        return Err(what());
    }
    Ok(Run {
        requests: figure("requests")?,
        seconds: figure("micros")? / 1e6,
        p50: figure("p50")? / 1e3,
        p99: figure("p99")? / 1e3,
        cpu: after - before,
    })
}

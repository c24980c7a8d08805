//! Counts how often the disk is asked to be durable while many clients create at once.
use std::{
    fs,
    path::Path,
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::{load::Load, options::Options, stage::Stage};
use crate::live::{accounts::log_in, engine::Engine, http::Client, program::signal};

const CLIENTS: usize = 64;
const CREATES: u32 = 2000;
/// More than this share of a call for each document, and group commit does not work.
const PROMISE: f64 = 0.5;

/// Returns what is wrong.
pub async fn run(binary: &Path, options: &Options) -> Result<Vec<String>, String> {
    if !has_strace().await {
        println!("  strace is not installed: skipped (package `strace`)");
        return Ok(Vec::new());
    }
    let mut stage = Stage::open(binary, Engine::Sqlite, options).await?;
    let outcome = count(&mut stage).await;
    stage.close().await;
    outcome
}

async fn has_strace() -> bool {
    let version = Command::new("strace").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().await;
    version.is_ok_and(|status| status.success())
}

async fn count(stage: &mut Stage) -> Result<Vec<String>, String> {
    let (email, password) = stage.program.create_administrator().await?;
    stage.begin().await?;
    let port = stage.program.port;
    let token = log_in(&mut Client::new(port), &email, &password).await?;
    let mut administrator = Client::with_token(port, &token);

    let commits = commits(&mut administrator).await?;
    let (created, took) = burst(stage).await;
    let commits = self::commits(&mut administrator).await? - commits;
    println!("  alone: {created} documents in {} ms, {commits} commits", took.as_millis());

    let traced = Strace::attach(stage.program.pid().ok_or("the program does not run")?).await?;
    let (created, took) = burst(stage).await;
    let calls = traced.end().await?;
    println!("  watched: {created} documents in {} ms, {calls} calls of fsync and fdatasync", took.as_millis());
    let share = f64::from(calls) / f64::from(created.max(1));
    println!("  {:.1} documents for each call, {share:.3} calls for each document", 1.0 / share.max(f64::EPSILON));

    let mut faults = stage.ledger.pages().faults(&[]);
    if created < CREATES {
        faults.push(format!("{created} documents were created, not {CREATES}"));
    }
    if calls == 0 || share > PROMISE {
        faults.push(format!("{share:.3} calls for each document; promised are more than none and at most {PROMISE}"));
    }
    faults.extend(stage.end().await?);
    Ok(faults)
}

/// How many documents were created, in what time.
async fn burst(stage: &Stage) -> (u32, Duration) {
    let (begun, before) = (Instant::now(), stage.ledger.acknowledged());
    let most = stage.ledger.titles() + u64::from(CREATES);
    Load::start(stage.clients(CLIENTS), &stage.ledger, Some(most)).finish().await;
    let created = stage.ledger.acknowledged() - before;
    (u32::try_from(created).unwrap_or(u32::MAX), begun.elapsed())
}

/// Commits so far, as the program counts them.
async fn commits(administrator: &mut Client) -> Result<u64, String> {
    let answer = administrator.get("/health").await.map_err(|failure| format!("/health: {failure}"))?;
    let commits = answer.body["parts"]["database"]["commits"].as_u64();
    commits.ok_or_else(|| format!("/health does not count commits: {}", answer.body))
}

/// A strace that watches a process.
struct Strace {
    child: Child,
    folder: tempfile::TempDir,
}

impl Strace {
    async fn attach(pid: u32) -> Result<Self, String> {
        let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-e", "trace=fsync,fdatasync", "-o"]).arg(folder.path().join("calls"));
        command.args(["-p", &pid.to_string()]).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let child = command.spawn().map_err(|error| format!("strace: {error}"))?;
        let traced = Self { child, folder };
        for _ in 0..500 {
            if is_watched(pid) {
                return Ok(traced);
            }
            sleep(Duration::from_millis(10)).await;
        }
        Err("strace could not attach to the program".to_owned())
    }

    /// How many calls there were.
    async fn end(mut self) -> Result<u32, String> {
        signal("INT", self.child.id().ok_or("strace has ended by itself")?).await?;
        let ended = timeout(Duration::from_secs(10), self.child.wait()).await;
        ended.map_err(|_| "strace does not end".to_owned())?.map_err(|error| error.to_string())?;
        let table = fs::read_to_string(self.folder.path().join("calls")).map_err(|error| error.to_string())?;
        Ok(calls(&table))
    }
}

/// Whether every thread of the process is watched.
fn is_watched(pid: u32) -> bool {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else { return false };
    threads.flatten().all(|thread| {
        let status = fs::read_to_string(thread.path().join("status")).unwrap_or_default();
        status.lines().any(|line| line.strip_prefix("TracerPid:").is_some_and(|pid| pid.trim() != "0"))
    })
}

/// The calls of strace's table: `% time, seconds, usecs/call, calls, [errors,] syscall`.
fn calls(table: &str) -> u32 {
    let rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let counted = rows.filter(|row| matches!(row.last(), Some(&("fsync" | "fdatasync"))));
    counted.filter_map(|row| row.get(3).and_then(|calls| calls.parse::<u32>().ok())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read() {
        let table = "% time     seconds  usecs/call     calls    errors syscall\n\
                     ------ ----------- ----------- --------- --------- ----------------\n \
                     98.56    0.127491         637       200         1 fdatasync\n  \
                     1.44    0.001863         931         2           fsync\n\
                     ------ ----------- ----------- --------- --------- ----------------\n\
                     100.00    0.129354         640       202         1 total\n";
        assert_eq!(calls(table), 202);
        assert_eq!(calls(""), 0);
    }
}

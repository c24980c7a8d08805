//! Counts how often the disk is asked to be durable while many clients create at once.
use std::{
    path::Path,
    time::{Duration, Instant},
};

use super::{load::Load, options::Options, stage::Stage};
use crate::live::{
    accounts::log_in,
    engine::Engine,
    http::Client,
    strace::{self, Strace},
};

const CLIENTS: usize = 64;
const CREATES: u32 = 2000;
/// More than this share of a call for each document, and group commit does not work.
const PROMISE: f64 = 0.5;

/// Returns what is wrong.
pub async fn run(binary: &Path, options: &Options) -> Result<Vec<String>, String> {
    if !strace::is_there().await {
        println!("  strace is not installed: skipped (package `strace`)");
        return Ok(Vec::new());
    }
    let mut stage = Stage::open(binary, Engine::Sqlite, options).await?;
    let outcome = count(&mut stage).await;
    stage.close().await;
    outcome
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

    let traced = Strace::attach(&[stage.program.pid().ok_or("the program does not run")?]).await?;
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

//! Durable inserts, look-ups and lists a second: `cargo run --release -p store --example throughput -- URL [CALLERS] [SECONDS]`.
#![allow(
    clippy::cast_precision_loss,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measurement, which ends where it cannot go on"
)]
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures_util::{FutureExt as _, future::join_all};
use kernel::{OsRandom, Result, SystemClock, Uuid};
use store::{Ctx, Db, Options, Source};

#[derive(Clone, Copy, Debug)]
enum Call {
    Insert,
    Get,
    List,
    /// One insert to nine look-ups.
    Mixed,
}

fn main() {
    let mut arguments = std::env::args().skip(1);
    let url = arguments.next().expect("a URL");
    let callers = arguments.next().map_or(64, |text| text.parse().expect("a number of callers"));
    let seconds = arguments.next().map_or(5, |text| text.parse().expect("a number of seconds"));
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(measure(url, callers, Duration::from_secs(seconds)));
}

async fn measure(url: String, callers: u64, span: Duration) {
    let db = Db::open(Options::new(url)).await.unwrap();
    let source = Source { db: db.clone(), clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
    let ctx = source.system("throughput");
    let sql = db.dialect().fill(
        "DROP TABLE IF EXISTS items;
         CREATE TABLE items (id {id} NOT NULL PRIMARY KEY, n {int} NOT NULL, body {text} NOT NULL) {strict};",
    );
    ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await.unwrap();
    println!("{} MiB resident", resident());
    let rows = Arc::new(AtomicU64::new(0));
    for call in [Call::Insert, Call::Get, Call::List, Call::Mixed] {
        let (end, cpu) = (Instant::now() + span, processor_seconds());
        let work = join_all((0..callers).map(|seed| {
            let (ctx, rows) = (ctx.clone(), Arc::clone(&rows));
            tokio::spawn(async move { caller(call, seed, &ctx, &rows, end).await })
        }));
        let mut times: Vec<Duration> = work.await.into_iter().flat_map(Result::unwrap).collect();
        times.sort();
        let micros = (processor_seconds() - cpu) * 1e6 / times.len() as f64;
        println!(
            "{call:?}: {:.0} a second, median {:?}, p99 {:?}, {micros:.0} µs of processor each, {} MiB resident",
            times.len() as f64 / span.as_secs_f64(),
            times[times.len() / 2],
            times[times.len() * 99 / 100],
            resident(),
        );
    }
    let stats = db.stats();
    println!("{} rows, {} writes in {} commits", rows.load(Ordering::Relaxed), stats.writes, stats.commits);
    db.close().await;
}

async fn caller(call: Call, seed: u64, ctx: &Ctx, rows: &AtomicU64, end: Instant) -> Vec<Duration> {
    let mut times = Vec::new();
    let mut number = seed;
    while Instant::now() < end {
        let begun = Instant::now();
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        match call {
            Call::Insert => insert(ctx, rows).await,
            Call::Mixed if (number >> 33).is_multiple_of(10) => insert(ctx, rows).await,
            Call::Get | Call::Mixed => get(ctx, (number >> 33) % rows.load(Ordering::Relaxed)).await,
            Call::List => list(ctx, (number >> 33) % rows.load(Ordering::Relaxed)).await,
        }
        .unwrap();
        times.push(begun.elapsed());
    }
    times
}

async fn insert(ctx: &Ctx, rows: &AtomicU64) -> Result<()> {
    let number = rows.fetch_add(1, Ordering::Relaxed);
    let sql = "INSERT INTO items (id, n, body) VALUES ($1, $2, $3)";
    let values = [id(number).into(), i64::try_from(number).unwrap().into(), "x".repeat(180).into()];
    ctx.write(move |_, tx| async move { tx.execute(sql, &values).await.map(|_| ()) }.boxed()).await
}

async fn get(ctx: &Ctx, number: u64) -> Result<()> {
    let sql = "SELECT id, n, body FROM items WHERE id = $1";
    ctx.read(move |_, tx| async move { tx.query(sql, &[id(number).into()]).await.map(|_| ()) }.boxed()).await
}

async fn list(ctx: &Ctx, number: u64) -> Result<()> {
    let sql = "SELECT id, n, body FROM items WHERE id > $1 ORDER BY id LIMIT 20";
    ctx.read(move |_, tx| async move { tx.query(sql, &[id(number).into()]).await.map(|_| ()) }.boxed()).await
}

const fn id(number: u64) -> Uuid {
    Uuid::from_u64_pair(number, 0)
}

/// Of this process, on Linux.
fn resident() -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap_or_default();
    line.split_whitespace().nth(1).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0) / 1024
}

/// User and system time of this process, on Linux: fields 14 and 15, in hundredths.
fn processor_seconds() -> f64 {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<f64> = stat.split_whitespace().map(|text| text.parse().unwrap_or(0.0)).collect();
    fields.get(13..15).map_or(0.0, |times| times.iter().sum::<f64>() / 100.0)
}

//! What the program holds at a moment, and what was heard since the moment before.
#![allow(clippy::cast_precision_loss, reason = "figures for people")]

use std::{collections::BTreeMap, fs, path::Path, time::Duration};

use super::load::Window;
use crate::{
    live::{program::Program, usage},
    postgres::Server,
};

const MIB: f64 = 1024.0 * 1024.0;

/// Sizes are in MiB, times of answers in ms.
pub struct Sample {
    /// Since the load began.
    pub at: Duration,
    /// The least since the sample before: what stays between two log-ins. Hashing a password takes some 19 MiB on each of a few
    /// threads, which give them back a quarter of a second later.
    pub resident: f64,
    /// The most since then.
    pub peak: f64,
    /// Resident at this moment, and of what it shares with other processes its part.
    pub proportional: f64,
    /// The same of all processes of PostgreSQL.
    pub postgres: f64,
    pub descriptors: f64,
    pub threads: f64,
    /// The files of the database but for its write-ahead log.
    pub database: f64,
    pub wal: f64,
    /// CPU of the program and of PostgreSQL, in seconds since they began.
    pub cpu: f64,
    pub answered: f64,
    pub failures: BTreeMap<String, u64>,
    pub p50: f64,
    pub p99: f64,
}

impl Sample {
    /// `resident`: readings since the sample before, in KiB.
    pub fn take(
        program: &Program,
        postgres: Option<&Server>,
        at: Duration,
        resident: &[u32],
        heard: Window,
    ) -> Result<Self, String> {
        let pid = program.pid().ok_or("the program does not run")?;
        let server = postgres.and_then(Server::pid);
        let (database, wal) = sizes(program, postgres);
        let mut times = heard.times;
        times.sort_unstable();
        let percentile = |hundredth| times.get(times.len() * hundredth / 100).map_or(0.0, Duration::as_secs_f64);
        Ok(Self {
            at,
            resident: f64::from(resident.iter().copied().min().unwrap_or(0)) / 1024.0,
            peak: f64::from(resident.iter().copied().max().unwrap_or(0)) / 1024.0,
            proportional: usage::memory(&[pid])?,
            postgres: server.map_or(Ok(0.0), |server| usage::memory(&[server]))?,
            descriptors: entries(&format!("/proc/{pid}/fd"))?,
            threads: entries(&format!("/proc/{pid}/task"))?,
            database,
            wal,
            cpu: usage::cpu(&[Some(pid), server].into_iter().flatten().collect::<Vec<_>>())?,
            answered: times.len() as f64,
            failures: heard.failures,
            p50: percentile(50) * 1000.0,
            p99: percentile(99) * 1000.0,
        })
    }
}

/// Of the database but for its write-ahead log, and of that.
fn sizes(program: &Program, postgres: Option<&Server>) -> (f64, f64) {
    if let Some(postgres) = postgres {
        let (all, wal) = (bytes(&postgres.data()), bytes(&postgres.data().join("pg_wal")));
        return ((all - wal) / MIB, wal / MIB);
    }
    let file = program.database_url().trim_start_matches("sqlite:").to_owned();
    (bytes(Path::new(&file)) / MIB, bytes(Path::new(&format!("{file}-wal"))) / MIB)
}

fn entries(folder: &str) -> Result<f64, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{folder}: {error}"))?;
    Ok(entries.count() as f64)
}

/// Of a file, or of all files below a folder; what is gone by now has none.
fn bytes(path: &Path) -> f64 {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::symlink_metadata(path).map_or(0.0, |file| file.len() as f64);
    };
    entries.flatten().map(|entry| bytes(&entry.path())).sum()
}

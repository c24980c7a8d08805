//! Reads offered at a fixed rate, with and without a storm of log-ins larger than the machine can hash.
use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::options::Options;
use crate::live::{accounts::register, http::Client};

/// Reads a second.
const READS: usize = 1000;
/// Connections they come by.
const READERS: usize = 32;
/// The storm is so many times what can be hashed.
const TIMES: usize = 4;
/// Connections it comes by: more than may wait.
const STORMERS: usize = 400;
/// What the p99 of reads may grow to.
const BOUND: f64 = 2.0;

/// What the reads cost, and what became of the storm.
pub struct Report {
    calm: Vec<Duration>,
    stormy: Vec<Duration>,
    offered: usize,
    answers: BTreeMap<u16, u64>,
    without_advice: u64,
}

impl Report {
    pub fn is_well(&self) -> bool {
        self.ratio() <= BOUND && self.without_advice == 0
    }

    fn ratio(&self) -> f64 {
        at(&self.stormy, 99).as_secs_f64() / at(&self.calm, 99).as_secs_f64()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  {READS} reads a second: p50 {:.3?}, p99 {:.3?}", at(&self.calm, 50), at(&self.calm, 99))?;
        write!(f, "  with {} log-ins a second besides: p50 {:.3?}, ", self.offered, at(&self.stormy, 50))?;
        writeln!(f, "p99 {:.3?}, {:.2} times as long", at(&self.stormy, 99), self.ratio())?;
        write!(
            f,
            "  log-ins answered by status: {:?}; refused without Retry-After: {}",
            self.answers, self.without_advice
        )
    }
}

/// Calm and storm in turns, so that a machine that slows down slows both.
pub async fn run(port: u16, options: &Options) -> Result<Report, String> {
    let reader = register(&mut Client::new(port), "reader@example.com").await?;
    let mut client = Client::with_token(port, &reader.token);
    let made = client.post("/api/v1/notes", &json!({"title": "read often"})).await;
    let made = made.map_err(|failure| failure.to_string())?;
    let path = format!("/api/v1/notes/{}", made.body["id"].as_str().ok_or_else(|| made.body.to_string())?);
    let offered = TIMES * capacity(port).await?;
    let mut report =
        Report { calm: Vec::new(), stormy: Vec::new(), offered, answers: BTreeMap::new(), without_advice: 0 };
    for _ in 0..options.rounds {
        report.calm.extend(reads(port, &reader.token, &path, options.seconds).await?);
        let storm = tokio::spawn(storm(port, offered, options.seconds));
        report.stormy.extend(reads(port, &reader.token, &path, options.seconds).await?);
        for (status, advice) in storm.await.map_err(|error| error.to_string())?? {
            *report.answers.entry(status).or_default() += 1;
            report.without_advice += u64::from(!advice && matches!(status, 429 | 503));
        }
    }
    report.calm.sort_unstable();
    report.stormy.sort_unstable();
    Ok(report)
}

/// Log-ins a second that the machine can hash, when it does nothing else.
async fn capacity(port: u16) -> Result<usize, String> {
    let answers = storm(port, 1000, 2).await?;
    let hashed = answers.iter().filter(|(status, _)| *status == 401).count();
    Ok((hashed / 2).max(1))
}

/// How long each read took from when it was due, so that a server which stalls is not spared the wait.
async fn reads(port: u16, token: &str, path: &str, seconds: usize) -> Result<Vec<Duration>, String> {
    let (begun, mut readers) = (Instant::now() + Duration::from_millis(50), JoinSet::new());
    for reader in 0..READERS {
        let (mut client, path) = (Client::with_token(port, token), path.to_owned());
        readers.spawn(async move {
            let mut times = Vec::new();
            for turn in (reader..READS * seconds).step_by(READERS) {
                let due = due(begun, turn, READS);
                sleep_until(due).await;
                let answer = client.get(&path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
                if answer.status != 200 {
                    return Err(format!("GET {path}: {} {}", answer.status, answer.body));
                }
                times.push(due.elapsed());
            }
            Ok(times)
        });
    }
    let times: Result<Vec<Vec<Duration>>, String> = readers.join_all().await.into_iter().collect();
    Ok(times?.concat())
}

/// Wrong passwords for nobody: the status of each answer, and whether it said when to come again.
async fn storm(port: u16, a_second: usize, seconds: usize) -> Result<Vec<(u16, bool)>, String> {
    let (begun, mut clients) = (Instant::now() + Duration::from_millis(50), JoinSet::new());
    for number in 0..STORMERS {
        let mut client = Client::new(port).patience(Duration::from_mins(1));
        clients.spawn(async move {
            let mut answers = Vec::new();
            for turn in (number..a_second * seconds).step_by(STORMERS) {
                sleep_until(due(begun, turn, a_second)).await;
                if Instant::now() > due(begun, a_second * seconds, a_second) {
                    break;
                }
                let body = json!({"email": format!("nobody{turn}@example.com"), "password": "wrong, and long enough"});
                let answer =
                    client.post("/auth/v1/login", &body).await.map_err(|failure| format!("storm: {failure}"))?;
                answers.push((answer.status, answer.retry_after.is_some()));
            }
            Ok(answers)
        });
    }
    let answers: Result<Vec<Vec<(u16, bool)>>, String> = clients.join_all().await.into_iter().collect();
    Ok(answers?.concat())
}

/// When it is the turn of the so-manieth of so many a second.
fn due(begun: Instant, turn: usize, a_second: usize) -> Instant {
    let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    begun + Duration::from_secs(1) / whole(a_second) * whole(turn)
}

/// Of sorted times.
fn at(times: &[Duration], hundredth: usize) -> Duration {
    times.get(times.len() * hundredth / 100).copied().unwrap_or_default()
}

//! Reads offered at a fixed rate, with and without a storm of log-ins larger than the machine can hash.
use std::{collections::BTreeMap, fmt, time::Duration};

use serde_json::json;

use super::options::Options;
use crate::{
    bench::offered::{LogIn, Read, at, log_ins, reads},
    live::{accounts::register, http::Client},
};

/// Reads a second.
const READS: usize = 1000;
/// The storm is so many times what can be hashed.
const TIMES: usize = 4;
/// What the p99 of reads may grow to.
const BOUND: f64 = 2.0;

/// By nobody.
const LOG_IN: LogIn = LogIn {
    path: "/auth/v1/login",
    body: |turn| json!({"email": format!("nobody{turn}@example.com"), "password": "wrong, and long enough"}),
};

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
    let notes = [Read { path, token: reader.token }];
    let offered = TIMES * capacity(port).await?;
    let mut report =
        Report { calm: Vec::new(), stormy: Vec::new(), offered, answers: BTreeMap::new(), without_advice: 0 };
    for _ in 0..options.rounds {
        report.calm.extend(reads(port, &notes, READS, options.seconds).await?);
        let storm = tokio::spawn(log_ins(port, LOG_IN, offered, options.seconds));
        report.stormy.extend(reads(port, &notes, READS, options.seconds).await?);
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
    let answers = log_ins(port, LOG_IN, 1000, 2).await?;
    let hashed = answers.iter().filter(|(status, _)| *status == 401).count();
    Ok((hashed / 2).max(1))
}

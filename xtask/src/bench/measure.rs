//! Asking the same things again and again, in turns, so that a machine that slows down slows them all.
use std::time::{Duration, Instant};

use crate::live::http::Client;

/// Asked before the clock counts.
const WARM_UP: usize = 20;
/// Longest page there is.
const STRIDE: u64 = 200;
/// Before it there is a full page, and another one.
const LEAST_PAGE: u64 = 3;
/// Rows of a page that is measured.
pub const PAGE: u64 = 20;
/// What is asked for less often says nothing.
const LEAST: usize = 3;

/// One request, and how long it took each time.
pub struct Probe {
    client: Client,
    path: String,
    times: Vec<Duration>,
}

/// What the times amount to.
#[derive(Clone, Copy)]
pub struct Summary {
    pub p50: Duration,
    pub p99: Duration,
}

impl Probe {
    pub const fn new(client: Client, path: String) -> Self {
        Self { client, path, times: Vec::new() }
    }

    /// Errors: any answer but a full page.
    async fn ask(&mut self) -> Result<(), String> {
        let path = &self.path;
        let answer = self.client.get(path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
        let items = answer.body["items"].as_array().map_or(0, Vec::len);
        if items as u64 != PAGE {
            return Err(format!("GET {path}: {} with {items} rows, not {PAGE}: {}", answer.status, answer.body));
        }
        self.times.push(answer.took);
        Ok(())
    }

    /// Asks `most` times, or until it has taken longer than `enough`.
    pub async fn repeat(&mut self, most: usize, enough: Duration) -> Result<(), String> {
        let begun = Instant::now();
        for round in 0..most {
            if round >= LEAST && begun.elapsed() > enough {
                break;
            }
            self.ask().await?;
        }
        Ok(())
    }

    pub fn summary(&self) -> Summary {
        Summary::of(self.times.clone())
    }
}

impl Summary {
    pub fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |hundredth: usize| times.get(times.len() * hundredth / 100).copied().unwrap_or_default();
        Self { p50: at(50), p99: at(99) }
    }
}

/// Asks all of them in each round, each round beginning with another.
pub async fn in_turns(probes: &mut [Probe], rounds: usize) -> Result<(), String> {
    for round in 0..WARM_UP + rounds {
        if round == WARM_UP {
            for probe in &mut *probes {
                probe.times.clear();
            }
        }
        for turn in 0..probes.len() {
            let next = (round + turn) % probes.len();
            probes[next].ask().await?;
        }
    }
    Ok(())
}

/// Goes to page `page` of a list in long strides, or to one near its end: `(page, cursor)`. `path` tells where the list is
/// served in pages of so many.
pub async fn walk(client: &mut Client, path: impl Fn(u64) -> String, page: u64) -> Result<(u64, String), String> {
    let (mut before, mut here) = ((0, String::new()), (0, String::new()));
    while here.0 < (page - 1) * PAGE {
        let limit = STRIDE.min((page - 1) * PAGE - here.0);
        let after = if here.0 == 0 { String::new() } else { format!("&after={}", here.1) };
        let Some(next) = stride(client, &format!("{}{after}", path(limit))).await? else {
            // A stride before the last there is a full page for sure.
            here = before;
            break;
        };
        let rows = here.0 + limit;
        before = std::mem::replace(&mut here, (rows, next));
    }
    match here.0 {
        0 if page > LEAST_PAGE => Box::pin(walk(client, path, LEAST_PAGE)).await,
        0 => Err(format!("{} is too short", path(PAGE))),
        rows => Ok((rows / PAGE + 1, here.1)),
    }
}

/// The cursor behind a page, unless the list ends there.
async fn stride(client: &mut Client, path: &str) -> Result<Option<String>, String> {
    let answer = client.get(path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
    if answer.status != 200 {
        return Err(format!("GET {path}: {} {}", answer.status, answer.body));
    }
    Ok(answer.body["next"].as_str().map(str::to_owned))
}

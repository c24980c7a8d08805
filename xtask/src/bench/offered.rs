//! Load at a fixed rate: each request counts from when it was due, so that a server which stalls is not spared the wait.
use std::time::Duration;

use serde_json::Value as Json;
use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use crate::live::http::Client;

/// Connections reads come by.
const READERS: usize = 32;
/// Connections log-ins come by: more than may wait.
const STORMERS: usize = 400;

/// What is read, and who reads it.
#[derive(Clone, Debug)]
pub struct Read {
    pub path: String,
    pub token: String,
}

/// How one logs in.
#[derive(Clone, Copy, Debug)]
pub struct LogIn {
    pub path: &'static str,
    pub body: fn(usize) -> Json,
}

/// How long each of so many reads a second took; it is their turn one after the other.
pub async fn reads(port: u16, reads: &[Read], a_second: usize, seconds: usize) -> Result<Vec<Duration>, String> {
    let (begun, mut readers) = (soon(), JoinSet::new());
    for reader in 0..READERS {
        let turns = (reader..a_second * seconds).step_by(READERS);
        let turns: Vec<(usize, Read)> = turns.map(|turn| (turn, reads[turn % reads.len()].clone())).collect();
        readers.spawn(async move {
            let (mut client, mut times) = (Client::new(port), Vec::new());
            for (turn, Read { path, token }) in turns {
                let due = due(begun, turn, a_second);
                sleep_until(due).await;
                let token = format!("authorization: Bearer {token}\r\n");
                let answer =
                    client.ask("GET", &path, &token, None).await.map_err(|failure| format!("GET {path}: {failure}"))?;
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

/// The status of each answer to so many log-ins a second, and whether it said when to come again.
pub async fn log_ins(port: u16, log_in: LogIn, a_second: usize, seconds: usize) -> Result<Vec<(u16, bool)>, String> {
    let (begun, mut clients) = (soon(), JoinSet::new());
    for number in 0..STORMERS {
        let mut client = Client::new(port).patience(Duration::from_mins(1));
        clients.spawn(async move {
            let mut answers = Vec::new();
            for turn in (number..a_second * seconds).step_by(STORMERS) {
                sleep_until(due(begun, turn, a_second)).await;
                if Instant::now() > due(begun, a_second * seconds, a_second) {
                    break;
                }
                let answer = client.post(log_in.path, &(log_in.body)(turn)).await;
                let answer = answer.map_err(|failure| format!("POST {}: {failure}", log_in.path))?;
                answers.push((answer.status, answer.retry_after.is_some()));
            }
            Ok(answers)
        });
    }
    let answers: Result<Vec<Vec<(u16, bool)>>, String> = clients.join_all().await.into_iter().collect();
    Ok(answers?.concat())
}

/// Of sorted times.
pub fn at(times: &[Duration], hundredth: usize) -> Duration {
    times.get(times.len() * hundredth / 100).copied().unwrap_or_default()
}

fn soon() -> Instant {
    Instant::now() + Duration::from_millis(50)
}

/// When it is the turn of the so-manieth of so many a second.
fn due(begun: Instant, turn: usize, a_second: usize) -> Instant {
    let whole = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    begun + Duration::from_secs(1) / whole(a_second) * whole(turn)
}

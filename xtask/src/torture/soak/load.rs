//! The load at a fixed rate: each request counts from when it was due, so that a server which stalls is not spared the wait.
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{Instant, sleep_until},
};

use super::person::Person;

/// What is still due so long after the end is given up.
const GRACE: Duration = Duration::from_secs(1);

/// What was heard since somebody last looked.
#[derive(Default)]
pub struct Window {
    /// Of each request that was answered well.
    pub times: Vec<Duration>,
    /// What went wrong, and how often.
    pub failures: BTreeMap<String, u64>,
}

/// The window that people write to and the sampler takes away.
#[derive(Clone, Default)]
pub struct Heard(Arc<Mutex<Window>>);

impl Heard {
    pub fn take(&self) -> Window {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn enter(&self, outcome: Result<Duration, String>) {
        let mut window = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(time) => window.times.push(time),
            Err(why) => *window.failures.entry(why).or_default() += 1,
        }
    }
}

/// The people at work, in turns: together they ask `rate` times a second, for so long.
pub fn start(people: Vec<Person>, begun: Instant, rate: u64, length: Duration, heard: &Heard) -> JoinSet<()> {
    let (all, end, count) = (rate * length.as_secs(), begun + length, people.len());
    let mut load = JoinSet::new();
    for (mut person, first) in people.into_iter().zip(0..) {
        let heard = heard.clone();
        load.spawn(async move {
            for turn in (first..all).step_by(count) {
                let due = begun + Duration::from_nanos(turn * 1_000_000_000 / rate);
                sleep_until(due).await;
                if Instant::now() > end + GRACE {
                    heard.enter(Err("never sent, for those before took too long".to_owned()));
                    continue;
                }
                heard.enter(person.turn().await.map(|()| due.elapsed()));
            }
        });
    }
    load
}

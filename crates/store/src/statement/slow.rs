//! The log of slow statements: written after the caller has its answer, with the plan, a bounded number of lines and of plans.
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::mpsc;

use crate::{RequestInfo, db::Engine};

/// Lines that may wait to be written; one more is counted alone.
const QUEUE: usize = 64;
/// How long a plan is good for.
const FRESH: Duration = Duration::from_mins(1);
/// Plans remembered.
const MOST_PLANS: usize = 256;
/// Bytes of a statement's text that are shown.
const MOST_TEXT: usize = 4_000;

/// The way to the log.
pub(super) struct Slow {
    pub threshold: Duration,
    pub sender: Sender,
}

/// The two ends of the way to the log.
pub(crate) fn channel() -> (Sender, Receiver) {
    let (events, waiting) = mpsc::channel(QUEUE);
    let dropped = Arc::<AtomicU64>::default();
    (Sender { events, dropped: Arc::clone(&dropped) }, Receiver { waiting, dropped })
}

pub(crate) struct Sender {
    events: mpsc::Sender<Event>,
    /// Lines that found no room.
    dropped: Arc<AtomicU64>,
}

pub(crate) struct Receiver {
    waiting: mpsc::Receiver<Event>,
    dropped: Arc<AtomicU64>,
}

/// A statement that was slow.
struct Event {
    name: Arc<str>,
    sql: Box<str>,
    took: Duration,
    rows: u64,
    request: Arc<RequestInfo>,
}

impl Slow {
    /// Never waits.
    pub fn tell(&self, name: &Arc<str>, sql: &str, took: Duration, rows: u64, request: &Arc<RequestInfo>) {
        match self.sender.events.try_reserve() {
            Ok(place) => {
                let (name, request) = (Arc::clone(name), Arc::clone(request));
                place.send(Event { name, sql: sql.into(), took, rows, request });
            }
            Err(_) => {
                self.sender.dropped.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

/// Writes what comes, until nobody is left to send: one at a time, so that there is never more than one plan in the making.
pub(crate) async fn run(mut log: Receiver, engine: Engine) {
    let mut plans: HashMap<Box<str>, (Instant, String)> = HashMap::new();
    while let Some(event) = log.waiting.recv().await {
        let is_fresh = plans.get(&event.sql).is_some_and(|(at, _)| at.elapsed() < FRESH);
        if !is_fresh {
            let plan = match engine.explain(&event.sql, false).await {
                Ok(plan) => plan.to_string(),
                Err(error) => {
                    tracing::debug!(?error, statement = &*event.name, "no plan could be made");
                    "unknown".to_owned()
                }
            };
            if plans.len() >= MOST_PLANS {
                plans.clear();
            }
            plans.insert(event.sql.clone(), (Instant::now(), plan));
        }
        let plan = plans.get(&event.sql).map_or("unknown", |(_, plan)| plan.as_str());
        tracing::warn!(
            target: "slow_query",
            statement = &*event.name,
            duration_ms = u64::try_from(event.took.as_millis()).unwrap_or(u64::MAX),
            rows = event.rows,
            request_id = event.request.id.as_str(),
            sql = shown(&event.sql),
            plan,
            not_shown = log.dropped.swap(0, Ordering::Relaxed),
            "a statement was slow"
        );
    }
}

fn shown(sql: &str) -> &str {
    let mut end = sql.len().min(MOST_TEXT);
    while !sql.is_char_boundary(end) {
        end -= 1;
    }
    &sql[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_counted_by_its_own_database() {
        let (sender, log) = channel();
        let (_, other) = channel();
        let slow = Slow { threshold: Duration::ZERO, sender };
        for _ in 0..QUEUE + 3 {
            slow.tell(&"select".into(), "SELECT 1", Duration::ZERO, 1, &Arc::default());
        }
        assert_eq!(log.waiting.len(), QUEUE);
        assert_eq!([log, other].map(|log| log.dropped.load(Ordering::Relaxed)), [3, 0]);
    }
}

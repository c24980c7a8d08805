//! What was answered, under which fault, and whether it may be.
use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::{fault::Fault, ledger::Ledger};
use crate::live::http::{Answer, Failure};

/// Answers of one kind that are kept for the report.
const MOST_SAMPLES: usize = 3;

/// Whoever looks ten times a second and has not for so long did not run.
pub const LATE: Duration = Duration::from_secs(1);

/// By then every client has used its connection.
const OLD_CONNECTION: Duration = Duration::from_secs(10);

/// Shared by all clients.
#[derive(Default)]
pub struct Book {
    pages: Mutex<Pages>,
    acknowledged: AtomicU64,
    /// The process that serves, for whoever watches it, and whether it is us who stopped it.
    pub pid: AtomicU32,
    pub is_stopped_by_us: AtomicBool,
}

#[derive(Default)]
pub struct Pages {
    pub ledger: Ledger,
    /// What is being done; `None` while all should be well.
    pub fault: Option<Fault>,
    /// Since when no write can become durable, so that none may be acknowledged.
    pub unwritable_since: Option<Instant>,
    /// When anything but success last came, and what it was.
    pub troubled_at: Option<Instant>,
    pub trouble: String,
    /// When this machine last stopped the program or us, which is none of the program's faults.
    pub disturbed_at: Option<Instant>,
    /// When whoever watches for that last looked.
    pub looked_at: Option<Instant>,
    /// When the program was last started: connections to the one before it may come to light as cut a little later.
    pub killed_at: Option<Instant>,
    /// How often each answer came under each fault, and how long it took at most.
    pub figures: BTreeMap<(Option<Fault>, String), (u64, Duration)>,
    /// What must never be, and examples of it.
    pub wrongs: BTreeMap<String, (u64, Vec<String>)>,
}

/// A request on its way.
pub struct Sent {
    at: Instant,
    fault: Option<Fault>,
    writes: bool,
}

/// What an answer says about what was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Word {
    Done,
    /// It has not happened.
    Refused,
    /// Nobody knows.
    Unknown,
}

impl Sent {
    pub fn is_under(&self, fault: Fault) -> bool {
        self.fault == Some(fault)
    }
}

impl Book {
    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn acknowledged(&self) -> u64 {
        self.acknowledged.load(Ordering::Relaxed)
    }

    pub fn send(&self, writes: bool) -> Sent {
        Sent { at: Instant::now(), fault: self.pages().fault, writes }
    }

    /// Enters what came for a request that is done when one of `wanted` is answered.
    pub fn hear(&self, sent: &Sent, what: &str, wanted: &[u16], outcome: &Result<Answer, Failure>) -> Word {
        let mut pages = self.pages();
        let fault = sent.fault.or(pages.fault);
        let took = sent.at.elapsed();
        let is_disturbed = pages.is_disturbed_since(sent.at);
        let is_excused = fault.is_some() || is_disturbed;
        let (name, word, is_fine) = match outcome {
            Ok(answer) if wanted.contains(&answer.status) => (answer.status.to_string(), Word::Done, true),
            Ok(answer @ Answer { status: 429 | 503 | 504, .. }) => {
                let word = if answer.status == 429 { Word::Refused } else { Word::Unknown };
                (answer.status.to_string(), word, is_excused && answer.retry_after.is_some())
            }
            // Nobody takes a token of the future for a good one.
            Ok(answer @ Answer { status: 401, .. }) => {
                ("401".to_owned(), Word::Refused, fault == Some(Fault::Clock) && answer.body["code"] == "invalid_token")
            }
            Ok(answer) => (answer.status.to_string(), Word::Unknown, false),
            Err(Failure::Unreachable) => ("unreachable".to_owned(), Word::Refused, fault == Some(Fault::Killed)),
            Err(Failure::Lost(_)) => {
                // The program closes connections that said nothing while we were stopped.
                let is_old =
                    [pages.killed_at, pages.disturbed_at].iter().flatten().any(|at| at.elapsed() < OLD_CONNECTION);
                ("cut".to_owned(), Word::Unknown, is_excused || is_old)
            }
            Err(Failure::Hung(_)) => ("hung".to_owned(), Word::Unknown, is_disturbed),
        };
        let figure = pages.figures.entry((fault, name.clone())).or_default();
        figure.0 += 1;
        figure.1 = figure.1.max(took);
        if word == Word::Done {
            self.acknowledged.fetch_add(1, Ordering::Relaxed);
            if sent.writes && pages.unwritable_since.is_some_and(|since| sent.at > since) {
                pages.wrong("a write was acknowledged while none could become durable", what.to_owned());
            }
        } else {
            pages.troubled_at = Some(Instant::now());
            pages.trouble = format!("{what}: {name}");
        }
        if !is_fine {
            let kind = format!("{} under {}", name, fault.map_or("no fault", Fault::name));
            let example = match outcome {
                Ok(answer) => {
                    format!("{what}: {} {} (Retry-After: {:?})", answer.status, answer.body, answer.retry_after)
                }
                Err(failure) => format!("{what}: {failure}"),
            };
            pages.wrong(&kind, example);
        }
        word
    }
}

impl Pages {
    /// Somebody else stopped us or the program. Where nobody has looked for long we have just begun to run again.
    pub fn is_disturbed_since(&self, since: Instant) -> bool {
        self.disturbed_at.is_some_and(|at| at >= since) || self.looked_at.is_some_and(|at| at.elapsed() > LATE)
    }

    pub fn wrong(&mut self, kind: &str, example: String) {
        println!("    WRONG {kind}: {example}");
        let (count, examples) = self.wrongs.entry(kind.to_owned()).or_default();
        *count += 1;
        if examples.len() < MOST_SAMPLES {
            examples.push(example);
        }
    }

    /// One line for each thing that must not be.
    pub fn faults(&self) -> Vec<String> {
        let line = |(kind, (count, examples)): (&String, &(u64, Vec<String>))| {
            format!("{count} × {kind}; for example: {}", examples.join(" | "))
        };
        self.wrongs.iter().map(line).collect()
    }

    /// One line for each fault: what was answered, how often, and how long it took at most.
    pub fn table(&self) -> Vec<String> {
        let mut lines: BTreeMap<Option<Fault>, Vec<String>> = BTreeMap::new();
        for ((fault, name), (count, longest)) in &self.figures {
            lines.entry(*fault).or_default().push(format!("{name}: {count} (at most {} ms)", longest.as_millis()));
        }
        let name = |fault: Option<Fault>| fault.map_or("no fault", Fault::name);
        lines.into_iter().map(|(fault, figures)| format!("{}: {}", name(fault), figures.join(", "))).collect()
    }
}

//! What the clients were told, to hold the program to it.
use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use crate::live::http::{Answer, Failure};

/// Answers of one kind that are kept for the report.
const MOST_SAMPLES: usize = 3;

/// Shared by all clients.
#[derive(Default)]
pub struct Ledger {
    titles: AtomicU64,
    pages: Mutex<Pages>,
}

/// What stands in the ledger.
#[derive(Default)]
pub struct Pages {
    /// Documents answered with 201.
    pub acknowledged: Vec<Document>,
    /// How often each status was answered.
    pub answers: BTreeMap<u16, u64>,
    /// Titles answered with 503.
    pub refused: HashSet<String>,
    /// Titles sent whose answer never came, and when they were sent.
    pub lost: HashMap<String, Instant>,
    pub hung: u64,
    /// Answers nobody can explain.
    pub samples: Vec<String>,
    /// When something other than success last came back.
    pub troubled_at: Option<Instant>,
}

/// A document the program said it had stored.
#[derive(Clone)]
pub struct Document {
    pub id: String,
    pub title: String,
}

impl Ledger {
    /// A title nobody else uses.
    pub fn title(&self) -> String {
        format!("t{}", self.titles.fetch_add(1, Ordering::Relaxed))
    }

    /// How many titles were given out.
    pub fn titles(&self) -> u64 {
        self.titles.load(Ordering::Relaxed)
    }

    pub fn pages(&self) -> MutexGuard<'_, Pages> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn acknowledged(&self) -> usize {
        self.pages().acknowledged.len()
    }

    /// Enters what came back for a document with this title, and returns the document if it was stored.
    pub fn enter_creation(
        &self,
        title: String,
        sent_at: Instant,
        outcome: &Result<Answer, Failure>,
    ) -> Option<Document> {
        let mut pages = self.pages();
        match outcome {
            Ok(answer) => {
                *pages.answers.entry(answer.status).or_default() += 1;
                match (answer.status, answer.body["id"].as_str()) {
                    (201, Some(id)) => {
                        let document = Document { id: id.to_owned(), title };
                        pages.acknowledged.push(document.clone());
                        return Some(document);
                    }
                    (503, _) => {
                        pages.refused.insert(title);
                    }
                    _ => pages.sample(format!("POST answered {} {}", answer.status, answer.body)),
                }
                pages.troubled_at = Some(Instant::now());
            }
            Err(failure) => pages.enter_failure(failure, Some((title, sent_at))),
        }
        None
    }

    /// Enters what came back when `document` was read.
    pub fn enter_reading(&self, document: &Document, outcome: &Result<Answer, Failure>) {
        let mut pages = self.pages();
        match outcome {
            Ok(answer) => {
                *pages.answers.entry(answer.status).or_default() += 1;
                let is_found = answer.status == 200 && answer.body["title"] == document.title.as_str();
                if !is_found {
                    pages.troubled_at = Some(Instant::now());
                    if answer.status != 503 {
                        pages.sample(format!("GET {} answered {} {}", document.id, answer.status, answer.body));
                    }
                }
            }
            Err(failure) => pages.enter_failure(failure, None),
        }
    }
}

impl Pages {
    fn enter_failure(&mut self, failure: &Failure, sent: Option<(String, Instant)>) {
        self.troubled_at = Some(Instant::now());
        match failure {
            Failure::Unreachable => {}
            Failure::Lost(_) => self.lost.extend(sent),
            Failure::Hung(_) => {
                self.hung += 1;
                self.lost.extend(sent);
            }
        }
    }

    fn sample(&mut self, text: String) {
        if self.samples.len() < MOST_SAMPLES {
            self.samples.push(text);
        }
    }

    /// What was answered that must never be: anything but success and `allowed`, and nothing at all in good time.
    pub fn faults(&self, allowed: &[u16]) -> Vec<String> {
        let is_fault = |status: u16| !matches!(status, 200 | 201) && !allowed.contains(&status);
        let statuses = self.answers.iter().filter(|(status, _)| is_fault(**status));
        let mut faults: Vec<String> =
            statuses.map(|(status, count)| format!("{count} answers were {status}")).collect();
        if !faults.is_empty() || !self.samples.is_empty() {
            faults.extend(self.samples.iter().map(|sample| format!("for example: {sample}")));
        }
        if self.hung > 0 {
            faults.push(format!("{} requests hung", self.hung));
        }
        faults
    }

    /// `201: 5000, 503: 12`.
    pub fn tally(&self) -> String {
        let counts: Vec<_> = self.answers.iter().map(|(status, count)| format!("{status}: {count}")).collect();
        counts.join(", ")
    }
}

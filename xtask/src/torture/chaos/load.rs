//! The clients: each creates, changes, deletes and reads documents of its own, and says what it was told.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::{Value as Json, json};
use tokio::{sync::RwLock, time::sleep};

use super::{
    book::{Book, Word},
    ledger::State,
};
use crate::{
    live::http::{Answer, Client, Failure},
    torture::dice::Dice,
};

const DOCUMENTS: &str = "/api/v1/documents";
/// So many documents a client has, more or less.
const FEW: usize = 4;
const MANY: usize = 12;

/// What all clients share.
#[derive(Clone)]
pub struct Shared {
    pub book: Arc<Book>,
    /// Held for reading by whoever has a request under way.
    pub gate: Arc<RwLock<()>>,
    pub is_ending: Arc<AtomicBool>,
}

pub struct Worker {
    pub number: usize,
    pub client: Client,
    pub shared: Shared,
    pub dice: Dice,
    /// A creation that is sent again under its key until it is done: title, key, body.
    pending: Option<(String, String, Json)>,
}

/// A document whose state is certain.
struct Known {
    title: String,
    path: String,
    version: u64,
    body: String,
}

impl Worker {
    pub const fn new(number: usize, client: Client, shared: Shared, dice: Dice) -> Self {
        Self { number, client, shared, dice, pending: None }
    }

    /// Works until it is told to end, and nothing of its own is under way.
    pub async fn run(mut self) {
        while !self.shared.is_ending.load(Ordering::Relaxed) || self.pending.is_some() {
            {
                let gate = Arc::clone(&self.shared.gate);
                let _open = gate.read().await;
                self.turn().await;
            }
            sleep(self.dice.time(30, 130)).await;
        }
    }

    async fn turn(&mut self) {
        if self.pending.is_some() {
            return self.create_under_key(false).await;
        }
        let held = self.shared.book.pages().ledger.held(self.number);
        let roll = self.dice.below(100);
        if held < FEW || (held < MANY && roll < 25) {
            return self.create().await;
        }
        let Some(known) = self.take() else { return };
        if held >= MANY || roll < 40 {
            self.delete(known).await;
        } else if roll < 75 {
            self.change(known).await;
        } else if roll < 80 {
            self.change_too_late(known).await;
        } else {
            self.read(known).await;
        }
    }

    fn take(&mut self) -> Option<Known> {
        let choice = self.dice.below(1000);
        let ledger = &mut self.shared.book.pages().ledger;
        let title = ledger.take(self.number, choice)?;
        let entry = ledger.entries.get(&title)?;
        let (Some(id), [State::Live { version, body }]) = (&entry.id, entry.possible.as_slice()) else { return None };
        Some(Known { path: format!("{DOCUMENTS}/{id}"), version: *version, body: body.clone(), title })
    }

    /// Sends a write and hears what came of it.
    async fn write(
        &mut self,
        (method, path): (&str, &str),
        fields: &str,
        body: Option<&Json>,
        wanted: u16,
    ) -> (Word, Result<Answer, Failure>) {
        let sent = self.shared.book.send(true);
        let outcome = self.client.ask(method, path, fields, body).await;
        let word = self.shared.book.hear(&sent, &format!("{method} {path} {fields:?}"), &[wanted], &outcome);
        (word, outcome)
    }

    fn wrong(&self, kind: &str, example: String) {
        self.shared.book.pages().wrong(kind, example);
    }

    async fn create(&mut self) {
        let text = format!("b{}", self.dice.below(1_000_000_000));
        let is_keyed = self.dice.percent(50);
        let title = self.shared.book.pages().ledger.begin(self.number, &text, is_keyed);
        let body = json!({"title": title, "body": text});
        if is_keyed {
            let key = format!("idempotency-key: {title}-{}\r\n", self.dice.below(1_000_000_000));
            self.pending = Some((title, key, body));
            return self.create_under_key(true).await;
        }
        let (word, outcome) = self.write(("POST", DOCUMENTS), "", Some(&body), 201).await;
        if let (Word::Done, Ok(answer)) = (word, outcome) {
            self.created(&title, &body, &answer);
        }
    }

    /// Under its key; once it is done, now and then once more.
    async fn create_under_key(&mut self, is_first: bool) {
        let Some((title, key, body)) = self.pending.take() else { return };
        let (word, outcome) = self.post(&key, &body, is_first).await;
        let (Word::Done, Ok(answer)) = (word, outcome) else {
            self.pending = Some((title, key, body));
            return;
        };
        self.created(&title, &body, &answer);
        if self.dice.percent(30) {
            let (word, outcome) = self.post(&key, &body, false).await;
            if let (Word::Done, Ok(answer)) = (word, outcome) {
                self.created(&title, &body, &answer);
            }
        }
    }

    /// What is sent again may have become durable the first time: the answer is read then, and nothing is written.
    async fn post(&mut self, key: &str, body: &Json, is_first: bool) -> (Word, Result<Answer, Failure>) {
        let sent = self.shared.book.send(is_first);
        let outcome = self.client.ask("POST", DOCUMENTS, key, Some(body)).await;
        (self.shared.book.hear(&sent, &format!("POST {DOCUMENTS} {key:?}"), &[201], &outcome), outcome)
    }

    fn created(&self, title: &str, body: &Json, answer: &Answer) {
        let text = body["body"].as_str().unwrap_or_default().to_owned();
        let id = answer.body["id"].as_str();
        let is_right = id.is_some() && answer.body["title"] == title && answer.body["version"] == 1;
        let told = self.shared.book.pages().ledger.settle(title, id, State::Live { version: 1, body: text });
        if let Some(told) = told {
            self.wrong("created twice", told);
        }
        if !is_right {
            self.wrong("another document than the one that was sent", format!("{title}: {}", answer.body));
        }
    }

    async fn change(&mut self, known: Known) {
        let text = format!("b{}", self.dice.below(1_000_000_000));
        let state = State::Live { version: known.version + 1, body: text.clone() };
        let fields = format!("if-match: \"{}\"\r\n", known.version);
        let body = json!({"body": text});
        let (word, outcome) = self.write(("PATCH", &known.path), &fields, Some(&body), 200).await;
        if let (Word::Done, Ok(answer)) = (word, &outcome)
            && (answer.body["version"] != known.version + 1 || answer.body["body"] != text)
        {
            self.wrong("another change than the one that was sent", format!("{}: {}", known.title, answer.body));
        }
        self.enter(&known.title, word, state);
    }

    /// As somebody who has read an older version: the change must be refused.
    async fn change_too_late(&mut self, known: Known) {
        let state = State::Live { version: known.version + 1, body: "too late".to_owned() };
        let body = json!({"body": "too late"});
        // Not entered as a write: nothing has to be durable for a refusal.
        let sent = self.shared.book.send(false);
        let outcome = self.client.ask("PATCH", &known.path, "if-match: \"1000000\"\r\n", Some(&body)).await;
        let word = self.shared.book.hear(&sent, &format!("PATCH {} too late", known.path), &[412], &outcome);
        let word = if word == Word::Done { Word::Refused } else { word };
        self.enter(&known.title, word, state);
    }

    async fn delete(&mut self, known: Known) {
        let fields = format!("if-match: \"{}\"\r\n", known.version);
        let (word, _) = self.write(("DELETE", &known.path), &fields, None, 204).await;
        self.enter(&known.title, word, State::Deleted);
    }

    fn enter(&self, title: &str, word: Word, state: State) {
        let ledger = &mut self.shared.book.pages().ledger;
        match word {
            Word::Done => {
                ledger.settle(title, None, state);
            }
            Word::Refused => ledger.release(title),
            Word::Unknown => ledger.doubt(title, state),
        }
    }

    async fn read(&mut self, known: Known) {
        let sent = self.shared.book.send(false);
        let outcome = self.client.get(&known.path).await;
        let word = self.shared.book.hear(&sent, &format!("GET {}", known.path), &[200], &outcome);
        if let (Word::Done, Ok(answer)) = (word, &outcome)
            && (answer.body["version"] != known.version || answer.body["body"] != known.body)
        {
            let expected = format!("{} should be version {}: {}", known.title, known.version, known.body);
            self.wrong("an acknowledged change is not there", format!("{expected}, and is {}", answer.body));
        }
        self.shared.book.pages().ledger.release(&known.title);
    }
}

/// Time for every client to have a turn or two.
pub const TURNS: Duration = Duration::from_millis(400);

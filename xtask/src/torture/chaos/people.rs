//! People who register, log in, refresh and log out, and hold the program to what it told them.
use std::{
    sync::{Arc, atomic::Ordering},
    time::{Duration, Instant},
};

use serde_json::json;
use tokio::time::sleep;

use super::{book::Word, fault::Fault, load::Shared};
use crate::{
    live::{accounts::PASSWORD, http::Client},
    torture::dice::Dice,
};

/// The program gives the successor of a token again for ten seconds; some of them pass on the way.
const GRACE: Duration = Duration::from_secs(7);

pub struct Person {
    number: usize,
    port: u16,
    client: Client,
    shared: Shared,
    dice: Dice,
    accounts: u64,
    email: Option<String>,
    session: Option<Session>,
    /// A refresh token whose session was ended.
    ended: Option<String>,
}

struct Session {
    access: String,
    refresh: String,
    /// When the refresh token was first sent without an answer.
    in_doubt_since: Option<Instant>,
}

impl Person {
    pub fn new(number: usize, port: u16, shared: Shared, dice: Dice) -> Self {
        let client = Client::new(port);
        Self { number, port, client, shared, dice, accounts: 0, email: None, session: None, ended: None }
    }

    pub async fn run(mut self) {
        while !self.shared.is_ending.load(Ordering::Relaxed) {
            {
                let gate = Arc::clone(&self.shared.gate);
                let _open = gate.read().await;
                self.turn().await;
            }
            sleep(self.dice.time(50, 200)).await;
        }
    }

    async fn turn(&mut self) {
        if let Some(ended) = self.ended.take() {
            return self.refresh_ended(ended).await;
        }
        let Some(email) = self.email.clone() else { return self.register().await };
        let Some(session) = self.session.take() else { return self.log_in(&email).await };
        match self.dice.below(100) {
            // Once a refresh is in doubt nothing else is asked, so that the doubt ends while it can.
            _ if session.in_doubt_since.is_some() => self.refresh(session).await,
            0..60 => self.refresh(session).await,
            60..85 => self.look(session).await,
            85..97 => self.log_out(session).await,
            _ => self.email = None,
        }
    }

    async fn register(&mut self) {
        let email = format!("person{}-{}@example.com", self.number, self.accounts);
        let body = json!({"email": email, "password": PASSWORD});
        let sent = self.shared.book.send(true);
        let outcome = self.client.post("/auth/v1/register", &body).await;
        // 409: the answer to an earlier try was lost.
        match self.shared.book.hear(&sent, "register", &[201, 409], &outcome) {
            Word::Done => {
                self.accounts += 1;
                self.email = Some(email);
            }
            Word::Refused | Word::Unknown => {}
        }
    }

    async fn log_in(&mut self, email: &str) {
        let body = json!({"email": email, "password": PASSWORD});
        let sent = self.shared.book.send(true);
        let outcome = self.client.post("/auth/v1/login", &body).await;
        if self.shared.book.hear(&sent, "log-in", &[200], &outcome) == Word::Done {
            self.session = outcome.ok().and_then(|answer| Session::of(&answer.body));
        }
    }

    async fn refresh(&mut self, session: Session) {
        let sent = self.shared.book.send(true);
        let asked = Instant::now();
        let outcome = self.client.post("/auth/v1/refresh", &json!({"refresh_token": session.refresh})).await;
        let is_late = session.in_doubt_since.is_some_and(|since| since.elapsed() > GRACE);
        let jumped = sent.is_under(Fault::Clock);
        // After that a second use counts as theft, and ends the session as it should.
        let wanted: &[u16] = if session.in_doubt_since.is_some() && (is_late || jumped) { &[200, 401] } else { &[200] };
        let word = self.shared.book.hear(&sent, "refresh", wanted, &outcome);
        self.session = match (word, outcome) {
            (Word::Done, Ok(answer)) => Session::of(&answer.body),
            (Word::Done, Err(_)) => None,
            // Refused for a token that nobody should have refused: told already; begin anew.
            (Word::Unknown, Ok(answer)) if answer.status < 500 => None,
            (Word::Refused, _) => Some(session),
            (Word::Unknown, _) => {
                let since = session.in_doubt_since.or(Some(asked));
                Some(Session { in_doubt_since: since, ..session })
            }
        };
    }

    /// The access token of a session that is not over must be good.
    async fn look(&mut self, session: Session) {
        let sent = self.shared.book.send(false);
        let outcome = Client::with_token(self.port, &session.access).get("/auth/v1/me").await;
        self.shared.book.hear(&sent, "me", &[200], &outcome);
        self.session = Some(session);
    }

    async fn log_out(&mut self, session: Session) {
        let sent = self.shared.book.send(true);
        let outcome = self.client.post("/auth/v1/logout", &json!({"refresh_token": session.refresh})).await;
        if self.shared.book.hear(&sent, "log-out", &[204], &outcome) == Word::Done {
            self.ended = Some(session.refresh);
        }
    }

    /// A log-out that was acknowledged must last.
    async fn refresh_ended(&mut self, refresh: String) {
        let sent = self.shared.book.send(false);
        let outcome = self.client.post("/auth/v1/refresh", &json!({"refresh_token": refresh})).await;
        if self.shared.book.hear(&sent, "refresh after log-out", &[401], &outcome) != Word::Done {
            self.ended = Some(refresh).filter(|_| outcome.map_or(true, |answer| answer.status >= 500));
        }
    }
}

impl Session {
    fn of(body: &serde_json::Value) -> Option<Self> {
        let text = |name: &str| body[name].as_str().map(str::to_owned);
        Some(Self { access: text("access_token")?, refresh: text("refresh_token")?, in_doubt_since: None })
    }
}

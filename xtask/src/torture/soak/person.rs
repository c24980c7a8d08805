//! Somebody with an account, documents and a session that is kept alive.
use std::time::Duration;

use serde_json::{Value as Json, json};
use tokio::time::Instant;

use crate::{
    live::{
        accounts::{self, PASSWORD},
        http::Client,
    },
    torture::dice::Dice,
};

const DOCUMENTS: &str = "/api/v1/documents";
/// Documents everybody begins with.
const FIRST: usize = 100;
/// A full page, of which deletions leave enough.
const PAGE: usize = 20;
const BODY: &str = "What is written in a note of no more than usual length, which takes some hundred and fifty bytes; \
                    its words are those that notes have, and they are searched";
/// How long an access token is good: short, so that many expire in a run, and what the program keeps of them goes.
pub const ACCESS_TTL: &str = "5m";
/// Long before that they are refreshed.
const FRESH: Duration = Duration::from_mins(2);

pub struct Person {
    client: Client,
    email: String,
    /// The field of the head that shows the access token.
    access: String,
    /// None: the session was lost, and the next thing is to log in.
    refresh: Option<String>,
    refreshed: Instant,
    documents: Vec<String>,
    dice: Dice,
}

impl Person {
    /// Registered now, with a page and more of documents.
    pub async fn new(port: u16, number: u64) -> Result<Self, String> {
        let (mut client, email) = (Client::new(port), format!("person{number}@example.com"));
        accounts::register(&mut client, &email).await?;
        let mut person = Self {
            client,
            email,
            access: String::new(),
            refresh: None,
            refreshed: Instant::now(),
            documents: Vec::new(),
            dice: Dice::new(1, number),
        };
        person.log_in().await?;
        for _ in 0..FIRST {
            person.create().await?;
        }
        Ok(person)
    }

    /// Asks for something. Errors: there is no answer, or not the one that was wanted.
    pub async fn turn(&mut self) -> Result<(), String> {
        if self.refresh.is_none() {
            return self.log_in().await;
        }
        let is_old = self.refreshed.elapsed() > FRESH;
        match self.dice.below(1000) {
            _ if is_old => self.refresh().await,
            0..700 => self.get().await,
            700..880 => self.list().await,
            880..930 => self.patch().await,
            930..940 if self.documents.len() > PAGE => self.delete().await,
            940..949 => self.refresh().await,
            949 => self.log_in().await,
            _ => self.create().await,
        }
    }

    async fn get(&mut self) -> Result<(), String> {
        let path = self.one();
        self.ask("get", "GET", &path, None, 200).await.map(|_| ())
    }

    async fn list(&mut self) -> Result<(), String> {
        let path = format!("{DOCUMENTS}?limit={PAGE}&sort=-created_at");
        let body = self.ask("list", "GET", &path, None, 200).await?;
        let items = body["items"].as_array().map_or(0, Vec::len);
        if items == PAGE { Ok(()) } else { Err(format!("list: {items} of {PAGE}")) }
    }

    async fn create(&mut self) -> Result<(), String> {
        let body = json!({"title": format!("Note {}", self.dice.below(1_000_000)), "body": BODY});
        let made = self.ask("create", "POST", DOCUMENTS, Some(&body), 201).await?;
        self.documents.extend(made["id"].as_str().map(str::to_owned));
        Ok(())
    }

    async fn patch(&mut self) -> Result<(), String> {
        let (path, body) = (self.one(), json!({"title": format!("Changed {}", self.dice.below(1_000_000))}));
        self.ask("patch", "PATCH", &path, Some(&body), 200).await.map(|_| ())
    }

    async fn delete(&mut self) -> Result<(), String> {
        let chosen = self.any();
        let path = format!("{DOCUMENTS}/{}", self.documents.swap_remove(chosen));
        self.ask("delete", "DELETE", &path, None, 204).await.map(|_| ())
    }

    async fn log_in(&mut self) -> Result<(), String> {
        self.access.clear();
        let body = json!({"email": self.email, "password": PASSWORD});
        self.renew("log-in", "/auth/v1/login", &body).await
    }

    async fn refresh(&mut self) -> Result<(), String> {
        self.access.clear();
        let body = json!({"refresh_token": self.refresh.take()});
        self.renew("refresh", "/auth/v1/refresh", &body).await
    }

    async fn renew(&mut self, what: &str, path: &str, body: &Json) -> Result<(), String> {
        let tokens = self.ask(what, "POST", path, Some(body), 200).await?;
        self.access = format!("authorization: Bearer {}\r\n", tokens["access_token"].as_str().unwrap_or_default());
        self.refresh = tokens["refresh_token"].as_str().map(str::to_owned);
        self.refreshed = Instant::now();
        Ok(())
    }

    /// The path of a document.
    fn one(&mut self) -> String {
        let chosen = self.any();
        format!("{DOCUMENTS}/{}", self.documents[chosen])
    }

    fn any(&mut self) -> usize {
        usize::try_from(self.dice.below(self.documents.len() as u64)).unwrap_or(0)
    }

    async fn ask(
        &mut self,
        what: &str,
        method: &str,
        path: &str,
        body: Option<&Json>,
        wanted: u16,
    ) -> Result<Json, String> {
        let outcome = self.client.ask(method, path, &self.access, body).await;
        let answer = outcome.map_err(|failure| format!("{what}: {failure}"))?;
        if answer.status == wanted { Ok(answer.body) } else { Err(format!("{what}: {}", answer.status)) }
    }
}

//! The program and the database it works with, brought up together and examined together.
use std::{path::Path, sync::Arc, time::Duration};

use kernel::{OsRandom, Random as _};

use super::{
    ledger::Ledger,
    listing,
    load::{self, Load},
    options::Options,
    store,
};
use crate::live::{
    engine::Engine,
    http::{Client, Manner},
    program::{App, Program},
};
use crate::{
    folder::Folder,
    postgres::{Durability, Server},
};

const NOTES: App =
    App { name: "notes", text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/notes/hardpan.toml")) };

/// What a part of the torture needs.
pub struct Stage {
    pub program: Program,
    pub postgres: Option<Server>,
    /// Access tokens of the accounts.
    pub tokens: Vec<String>,
    pub ledger: Arc<Ledger>,
    pub clients: usize,
}

impl Stage {
    /// A program that has not been started, over an empty database.
    pub async fn open(binary: &Path, engine: Engine, options: &Options) -> Result<Self, String> {
        let postgres = match engine {
            Engine::Sqlite => None,
            Engine::Postgres => Some(Server::start(Durability::Full).await?),
        };
        let program = program(binary, postgres.as_ref().map(Server::url))?;
        Ok(Self { program, postgres, tokens: Vec::new(), ledger: Arc::default(), clients: options.clients })
    }

    /// The program serves and has accounts.
    pub async fn begin(&mut self) -> Result<(), String> {
        self.program.start()?;
        self.program.wait_until_ready().await?;
        self.tokens = load::register(self.program.port, "client").await?;
        Ok(())
    }

    /// The clients at work, until they are stopped.
    pub fn load(&self, manner: Manner) -> Load {
        let clients = self.clients(self.clients).into_iter().map(|client| client.manner(manner)).collect();
        Load::start(clients, &self.ledger, None)
    }

    /// So many clients, who share the accounts.
    pub fn clients(&self, count: usize) -> Vec<Client> {
        let tokens = self.tokens.iter().cycle().take(count);
        tokens.map(|token| Client::with_token(self.program.port, token)).collect()
    }

    /// Holds the served documents against the ledger. Prints the figures, returns what is wrong.
    pub async fn compare(&self) -> Result<Vec<String>, String> {
        let listed = listing::listed(self.program.port, &self.tokens).await?;
        let pages = self.ledger.pages();
        let comparison = listing::compare(&pages, &listed);
        println!(
            "  {} documents were acknowledged, {} are listed: {} more, whose answers were lost, {} of them as 503",
            pages.acknowledged.len(),
            listed.len(),
            comparison.unannounced,
            comparison.refused,
        );
        println!("  answers: {}; requests without an answer: {}", pages.tally(), pages.lost.len());
        Ok(comparison.faults)
    }

    /// Examines the database behind the program's back.
    pub async fn examine(&self) -> Result<Vec<String>, String> {
        let state = store::examine(&self.program.database_url()).await?;
        println!("  the database opens and holds {} documents, {} faults", state.documents, state.faults.len());
        Ok(state.faults)
    }

    /// Stops the program as a service manager would, and looks at what it leaves. Returns what is wrong.
    pub async fn end(&mut self) -> Result<Vec<String>, String> {
        let (took, code) = self.program.stop().await?;
        println!("  stopped in {} ms with code {code:?}", took.as_millis());
        let mut faults = Vec::new();
        if code != Some(0) {
            faults.push(format!("the program ended with {code:?} when asked to stop"));
        }
        faults.extend(self.leftovers(false));
        Ok(faults)
    }

    /// Files that should not be there.
    pub fn leftovers(&self, is_running: bool) -> Vec<String> {
        self.program.leftovers(is_running).iter().map(|name| format!("{name} was left behind")).collect()
    }

    pub async fn close(mut self) {
        let _ = self.program.kill().await;
        if let Some(postgres) = &mut self.postgres {
            postgres.stop().await;
        }
    }
}

/// The notes example in a folder of its own.
pub fn program(binary: &Path, database_url: Option<String>) -> Result<Program, String> {
    Program::new(binary, NOTES, Folder::temporary("hardpan-torture-")?, database_url)
}

/// A time between these, in milliseconds.
pub fn some_time(least: u64, most: u64) -> Duration {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes);
    Duration::from_millis(least + u64::from_le_bytes(bytes) % (most - least + 1))
}

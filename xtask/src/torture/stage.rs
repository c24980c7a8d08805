//! The program and the database it works with, brought up together and examined together.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use kernel::{OsRandom, Random as _};

use super::{
    http::{Client, Manner},
    ledger::Ledger,
    listing,
    load::{self, Load},
    options::{Engine, Options},
    program::Program,
    store,
};
use crate::postgres::{Durability, Server};

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
        let program = Program::new(binary, postgres.as_ref().map(Server::url))?;
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

/// A time between these, in milliseconds.
pub fn some_time(least: u64, most: u64) -> Duration {
    let mut bytes = [0; 8];
    OsRandom.fill(&mut bytes);
    Duration::from_millis(least + u64::from_le_bytes(bytes) % (most - least + 1))
}

/// The program to torture: given, or built now.
pub fn binary(options: &Options) -> Result<PathBuf, String> {
    if let Some(path) = &options.hardpan {
        return path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = std::process::Command::new(cargo).args(["build", "--release", "-p", "hardpan"]).status();
    if !status.is_ok_and(|status| status.success()) {
        return Err("the program could not be built".to_owned());
    }
    // Beside the folder this program was built into.
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = own.parent().and_then(Path::parent).ok_or("the folder of built programs is not known")?;
    Ok(target.join("release").join(format!("hardpan{}", std::env::consts::EXE_SUFFIX)))
}

//! A filled table and the program that serves it.
use std::{fs, path::Path, time::Duration};

use kernel::{Uuid, id};
use serde_json::{Value as Json, json};

use super::store::{self, Indexes, Owners, Store, told};
use crate::{
    folder::Folder,
    live::{
        accounts::{self, PASSWORD},
        engine::Engine,
        http::Client,
        program::{App, Program},
    },
    postgres::Server,
};

const APP: App =
    App { name: "lists", text: include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../benches/lists/hardpan.toml")) };
/// What is left of a statement that no index serves, over many rows.
const PATIENCE: Duration = Duration::from_mins(2);
/// Written last: what the tables hold and how they were made.
const RECORD: &str = "filled.json";

/// Who lists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Who {
    /// May read everything.
    Reader,
    /// Owns a tenth of all rows.
    Large,
    /// Owns two hundred rows.
    Small,
}

impl Who {
    const ALL: [Self; 3] = [Self::Reader, Self::Large, Self::Small];

    const fn email(self) -> &'static str {
        match self {
            Self::Reader => "reader@example.com",
            Self::Large => "large@example.com",
            Self::Small => "small@example.com",
        }
    }
}

/// A database of so many documents, served.
pub struct Table {
    program: Program,
    tokens: Vec<String>,
    /// A folder, as the API names it.
    pub folder: String,
}

impl Table {
    /// Filled now, or found as it was left.
    pub async fn open(binary: &Path, cache: &Path, postgres: Option<&Server>, rows: u64) -> Result<Self, String> {
        let engine = if postgres.is_some() { Engine::Postgres } else { Engine::Sqlite };
        let place = cache.join(format!("{}-{rows}", engine.name().to_lowercase()));
        let name = format!("rows_{rows}");
        let indexes = recorded(&place);
        if indexes.is_none() {
            let _ = fs::remove_dir_all(&place);
            if let Some(postgres) = postgres {
                postgres.client("dropdb", &["--if-exists", "--force", &name]).await?;
                postgres.client("createdb", &[&name]).await?;
            }
        }
        let url = postgres.map(|postgres| postgres.url_of(&name));
        let mut program = Program::new(binary, APP, Folder::kept(&place)?, url)?;
        for variable in ["HARDPAN_DATABASE__STATEMENT_TIMEOUT", "HARDPAN_SERVER__REQUEST_TIMEOUT"] {
            program.set(variable, "2m");
        }
        let indexes = match indexes {
            Some(indexes) => indexes,
            None => fill(&mut program, rows).await?,
        };
        let store = Store::open(&program.database_url()).await.map_err(told)?;
        // The run before has dropped them.
        let restored = store.create_missing(&indexes).await;
        let folder = store.folder().await;
        store.close().await;
        restored.map_err(told)?;
        if let Some(postgres) = postgres {
            postgres.client("vacuumdb", &["--quiet", "--analyze", &name]).await?;
        }
        program.start()?;
        program.wait_until_ready().await?;
        let mut tokens = Vec::new();
        for who in Who::ALL {
            tokens.push(accounts::log_in(&mut Client::new(program.port), who.email(), PASSWORD).await?);
        }
        Ok(Self { program, tokens, folder: id::encode("fld", folder.map_err(told)?) })
    }

    pub fn client(&self, who: Who) -> Client {
        let token = self.tokens.get(who as usize).map_or("", String::as_str);
        Client::with_token(self.program.port, token).patience(PATIENCE)
    }

    pub fn pid(&self) -> Option<u32> {
        self.program.pid()
    }

    /// Drops every secondary index, until the table is opened again.
    pub async fn drop_indexes(&self) -> Result<(), String> {
        let store = Store::open(&self.program.database_url()).await.map_err(told)?;
        let dropped = store.drop_indexes().await;
        store.close().await;
        dropped.map(|_| ()).map_err(told)
    }

    pub async fn close(mut self) {
        let _ = self.program.stop().await;
    }
}

/// The indexes of a table that this generator filled.
fn recorded(place: &Path) -> Option<Indexes> {
    let record: Json = serde_json::from_str(&fs::read_to_string(place.join(RECORD)).ok()?).ok()?;
    let is_same = record["app"] == APP.text && record["generator"] == store::TEXT;
    is_same.then(|| serde_json::from_value(record["indexes"].clone()).ok()).flatten()
}

async fn fill(program: &mut Program, rows: u64) -> Result<Indexes, String> {
    program.start()?;
    program.wait_until_ready().await?;
    let mut ids = Vec::new();
    for who in Who::ALL {
        let registered = accounts::register(&mut Client::new(program.port), who.email()).await?;
        ids.push(id::decode("usr", &registered.id).unwrap_or(Uuid::nil()));
    }
    program.stop().await?;
    program.give_role(Who::Reader.email(), "reader").await?;
    let store = Store::open(&program.database_url()).await.map_err(told)?;
    let owners = Owners { large: ids[Who::Large as usize], small: ids[Who::Small as usize] };
    let outcome = store.fill(rows, owners, |done| eprintln!("  {done} of {rows} rows are there")).await;
    let indexes = store.indexes().await;
    store.close().await;
    outcome.map_err(told)?;
    let indexes = indexes.map_err(told)?;
    let record = json!({"rows": rows, "indexes": &indexes, "app": APP.text, "generator": store::TEXT});
    fs::write(program.folder().join(RECORD), record.to_string()).map_err(|error| error.to_string())?;
    Ok(indexes)
}

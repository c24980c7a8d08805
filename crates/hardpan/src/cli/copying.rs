//! What `backup`, `restore` and `move` share: who is in the way, how far they are, what they say at the end.
use std::{
    io::{IsTerminal as _, Write as _},
    sync::Arc,
};

use platform::secrets::Keyring;
use serde_json::{Value as Json, json};
use store::{
    Options,
    claim::{Claim, Mode, claim},
};

use super::{Failure, output};
use crate::{
    archive::{Content, Progress, Step},
    assemble,
    config::Config,
};

/// The database for one command alone. Errors: somebody works on it.
pub async fn alone(options: &Options) -> Result<Claim, Failure> {
    let busy = "a server or another command is using this database; stop it first";
    claim(options, Mode::Alone).await?.ok_or_else(|| Failure::Failed(busy.to_owned()))
}

/// Opening makes a database that is missing; a copy of nothing would pass for one.
pub fn refuse_missing(config: &Config) -> Result<(), Failure> {
    match config.sqlite_file() {
        Some(file) if !file.exists() => Err(Failure::Failed(format!("there is no database at {}", file.display()))),
        _ => Ok(()),
    }
}

/// The key of what is sealed. Errors: there is none, and a new one would open nothing.
pub fn keyring(config: &Config) -> Result<Keyring, Failure> {
    let missing = "there is no master key: give the app's as HARDPAN_MASTER_KEY, or as master.key in the data folder";
    assemble::existing_keyring(config)?.ok_or_else(|| Failure::Failed(missing.into()))
}

/// On a terminal a line that moves, elsewhere a line for each table that is done.
pub fn progress() -> Progress {
    if std::io::stderr().is_terminal() { Arc::new(moving) } else { Arc::new(plain) }
}

fn moving(Step { doing, table, rows, of }: Step<'_>) {
    let percent = (rows * 100).checked_div(of).unwrap_or(100);
    let end = if rows >= of { "\n" } else { "" };
    let mut out = std::io::stderr().lock();
    let _ = write!(out, "\r\x1b[K{doing} {table}: {rows} of {of} rows, {percent} %{end}").and_then(|()| out.flush());
}

fn plain(Step { doing, table, rows, of }: Step<'_>) {
    if rows >= of {
        output::note(&format!("{doing} {table}: {rows} rows"));
    }
}

/// The tables as JSON.
pub fn tables(contents: &[Content]) -> Json {
    contents
        .iter()
        .map(|content| {
            json!({"table": content.table, "rows": content.digest.rows, "sha256": content.digest.to_string()})
        })
        .collect()
}

pub fn rows(contents: &[Content]) -> u64 {
    contents.iter().map(|content| content.digest.rows).sum()
}

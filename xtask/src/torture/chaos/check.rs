//! The ledger against what the API lists, and against the database itself.
use std::{sync::Arc, time::Duration};

use serde_json::Value as Json;

use super::{
    arena::Arena,
    book::Book,
    ledger::{Listed, State},
    store,
};
use crate::{live::http::Client, torture::store::examine};

/// A check waits longer than any client for its answer: the machine may be held up.
const PATIENCE: Duration = Duration::from_mins(5);

/// While no request is under way. Errors: the list cannot be had.
pub async fn served(arena: &Arena, tokens: &[String], book: &Arc<Book>) -> Result<(), String> {
    let mut listed = Vec::new();
    for token in tokens {
        list(arena.program.port, token, &mut listed).await?;
    }
    let mut pages = book.pages();
    for fault in pages.ledger.check(&listed) {
        pages.wrong("ledger", fault);
    }
    Ok(())
}

async fn list(port: u16, token: &str, listed: &mut Vec<Listed>) -> Result<(), String> {
    let mut client = Client::with_token(port, token).patience(PATIENCE);
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/documents?limit=200{after}");
        let answer = client.get(&path).await.map_err(|failure| format!("GET {path}: {failure}"))?;
        let items = answer.body["items"].as_array();
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        listed.extend(items.ok_or_else(|| format!("GET {path}: {} {}", answer.status, answer.body))?.iter().map(
            |item| {
                let version = item["version"].as_u64().unwrap_or(0);
                Listed { id: text(&item["id"]), title: text(&item["title"]), body: text(&item["body"]), version }
            },
        ));
        match answer.body["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(()),
        }
    }
}

/// Behind the program's back, which does not serve. Prints the figures. Errors: the database cannot be read.
pub async fn kept(arena: &Arena, book: &Arc<Book>) -> Result<(), String> {
    let url = arena.program.database_url();
    let state = examine(&url).await?;
    if let Some(postgres) = &arena.postgres {
        postgres.client("pg_amcheck", &["--heapallindexed", "--install-missing", "postgres"]).await?;
    }
    let rows = store::rows(&url).await?;
    let mut pages = book.pages();
    for fault in state.faults {
        pages.wrong("database", fault);
    }
    let mut wrongs = Vec::new();
    for (title, row) in &rows {
        if row.version != row.audited {
            wrongs.push(format!("{title} is version {} and has {} audit rows", row.version, row.audited));
        }
    }
    let mut deleted = 0;
    for (title, entry) in &pages.ledger.entries {
        let fits = |state: &State| match (state, rows.get(title)) {
            (State::Absent, None) => true,
            (State::Live { version, .. }, Some(row)) => !row.is_deleted && i64::try_from(*version) == Ok(row.version),
            (State::Deleted, Some(row)) => row.is_deleted,
            _ => false,
        };
        deleted += usize::from(entry.possible == [State::Deleted]);
        if !entry.possible.iter().any(fits) {
            wrongs.push(format!("{title} should be {:?}", entry.possible));
        }
    }
    if let Some(stranger) = rows.keys().find(|title| !pages.ledger.entries.contains_key(*title)) {
        wrongs.push(format!("{stranger} was asked for by nobody"));
    }
    println!("  the database is whole: {} documents, {deleted} of them known as deleted", rows.len());
    for wrong in wrongs {
        pages.wrong("database against ledger", wrong);
    }
    Ok(())
}

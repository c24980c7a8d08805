//! A database of another declaration is migrated by the program, which is killed in the middle: it must end whole, before or after.
mod store;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use self::store::Found;
use super::{options::Options, stage::some_time};
use crate::{
    folder::Folder,
    live::{
        engine::Engine,
        program::{App, Program},
    },
    postgres::{Durability, Server},
};

const OLDER: &str = r#"
[app]
name = "migrated"
public_url = "http://127.0.0.1:8080"
[resources.notes]
indexes = [["owner_id", "stars"]]
[resources.notes.fields]
title = { type = "text", required = true, max_length = 200, renamed_from = "heading" }
stars = { type = "int", renamed_from = "rating" }
[resources.comments.fields]
note = { type = "ref", to = "notes", on_delete = "cascade" }
"#;

/// Another name, another type, a new column with a default, another index: SQLite builds the table anew.
const NEWER: &str = r#"
[app]
name = "migrated"
public_url = "http://127.0.0.1:8080"
[resources.notes]
indexes = [["owner_id", "rating"], ["heading"]]
[resources.notes.fields]
heading = { type = "text", required = true, max_length = 200, renamed_from = "title" }
rating = { type = "decimal", precision = 12, scale = 2, renamed_from = "stars" }
seen = { type = "timestamp", on_update = "now" }
[resources.comments.fields]
note = { type = "ref", to = "notes", on_delete = "cascade" }
"#;

/// Returns what is wrong.
pub async fn run(binary: &Path, engine: Engine, options: &Options) -> Result<Vec<String>, String> {
    let mut postgres = match engine {
        Engine::Sqlite => None,
        Engine::Postgres => Some(Server::start(Durability::Full).await?),
    };
    let app = App { name: "data", text: OLDER };
    let url = postgres.as_ref().map(Server::url);
    let mut program = Program::new(binary, app, Folder::temporary("hardpan-torture-")?, url)?;
    if engine == Engine::Sqlite {
        program.set("HARDPAN_DATABASE__URL", "sqlite:data/data.db");
    }
    let outcome = rounds(&program, options).await;
    if let Some(postgres) = &mut postgres {
        postgres.stop().await;
    }
    outcome
}

async fn rounds(program: &Program, options: &Options) -> Result<Vec<String>, String> {
    let url = program.database_url();
    migrate(program, OLDER).await?;
    let begun = Instant::now();
    store::fill(&url, options.rows).await?;
    println!("  {} notes were written in {} s", options.rows, begun.elapsed().as_secs());
    let older = store::look(&url).await?;
    let forth = migrate(program, NEWER).await?;
    let newer = store::look(&url).await?;
    let back = migrate(program, OLDER).await?;
    println!("  whole migrations: {} ms there, {} ms back", forth.as_millis(), back.as_millis());
    let mut faults = Vec::new();
    if newer.checksum != older.checksum || newer.tables == older.tables || store::look(&url).await? != older {
        return Err("the data is not the same after migrations that nobody disturbed".to_owned());
    }
    let (mut at_newer, mut arrived) = (false, 0);
    for round in 1..=options.rounds {
        let (target, usual) = if at_newer { (OLDER, back) } else { (NEWER, forth) };
        let moment = some_time(1, u64::try_from(usual.as_millis()).unwrap_or(u64::MAX).saturating_mul(11) / 10);
        killed(program, target, moment).await?;
        let begun = Instant::now();
        let found = store::look(&url).await?;
        let was_newer = at_newer;
        match state(&found, &older, &newer) {
            Ok(is_newer) => at_newer = is_newer,
            Err(why) => faults.push(format!("round {round}, killed after {} ms: {why}", moment.as_millis())),
        }
        arrived += usize::from(was_newer != at_newer);
        println!(
            "  round {round}: killed after {} ms of some {}, {}; examined in {} ms",
            moment.as_millis(),
            usual.as_millis(),
            if was_newer == at_newer { "as before" } else { "as after" },
            begun.elapsed().as_millis()
        );
    }
    let took = migrate(program, NEWER).await?;
    if store::look(&url).await? != newer {
        faults.push("the last migration, which nobody disturbed, does not lead where the first did".to_owned());
    }
    println!("  {arrived} of {} had arrived; the last one took {} ms", options.rounds, took.as_millis());
    Ok(faults)
}

/// Whether the tables are the newer ones. Errors: they are neither, or the rows are others.
fn state(found: &Found, older: &Found, newer: &Found) -> Result<bool, String> {
    if found.checksum != older.checksum {
        return Err("the rows are not those that were written".to_owned());
    }
    match &found.tables {
        tables if *tables == newer.tables => Ok(true),
        tables if *tables == older.tables => Ok(false),
        tables => Err(format!("the tables are neither as before nor as after: {tables:?}")),
    }
}

const APPLY: [&str; 3] = ["migrate", "apply", "--allow-destructive"];

/// How long a migration takes that nobody disturbs.
async fn migrate(program: &Program, text: &str) -> Result<Duration, String> {
    program.declare(text)?;
    let begun = Instant::now();
    let status = program.spawn(&APPLY)?.wait().await.map_err(|error| error.to_string())?;
    if status.success() { Ok(begun.elapsed()) } else { Err(format!("migrate apply: {status}\n{}", program.log_end())) }
}

/// SIGKILL at that moment, or later where it ends by itself before.
async fn killed(program: &Program, text: &str, moment: Duration) -> Result<(), String> {
    program.declare(text)?;
    let mut child = program.spawn(&APPLY)?;
    sleep(moment).await;
    child.kill().await.map_err(|error| error.to_string())
}

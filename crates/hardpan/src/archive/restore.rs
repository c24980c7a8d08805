//! A backup becomes a database again: to prove that it can, or to take the place of what is there.
use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use futures_util::FutureExt as _;
use kernel::{Error, OsRandom, Result, SystemClock};
use platform::secrets::{self, Keyring};
use resources::schema::Declaration;
use store::{
    Ctx, Db, Dialect, Migration, Source,
    claim::{Claim, Hold},
    copy::{self, Hasher, Progress as Came},
};

use super::{
    Content, Head, Progress, Step,
    build::{Build, differences},
    format::Listed,
    inventory::{FIRST, Origin, inventory},
    reader::{Next, Reader},
    refused,
    scratch::{Place, Scratch, beside, open},
    swap::{stamp, swap_file},
};
use crate::{
    assemble::{self, Foundation},
    config::Config,
};

/// A backup that can be restored, for it was.
#[derive(Debug)]
pub struct Verified {
    pub head: Head,
    pub tables: Vec<Content>,
    /// The engine it was restored into for the test.
    pub engine: &'static str,
}

/// A backup that is the database now.
#[derive(Debug)]
pub struct Restored {
    pub head: Head,
    pub tables: Vec<Content>,
    /// Where the database before it is.
    pub kept: Option<String>,
    /// Whether migrations are to be applied before it is served.
    pub is_behind: bool,
}

/// Restores the backup beside everything and compares every table with what the backup says it holds.
pub async fn verify(config: &Config, keyring: Option<&Keyring>, path: &Path, progress: Progress) -> Result<Verified> {
    let reader = Reader::open(path, keyring)?;
    let scratch = trial(config).await?;
    let engine = scratch.ctx.db().dialect().name();
    let head = reader.head.clone();
    let filled = fill(reader, &scratch.ctx, &progress).await;
    scratch.discard().await?;
    Ok(Verified { head, tables: filled?, engine })
}

/// A scratch database of the app's own engine, or of SQLite where the role may not make a schema.
async fn trial(config: &Config) -> Result<Scratch> {
    let options = assemble::database_options(config);
    if Dialect::of_url(options.url.expose())? == Dialect::Postgres
        && let Ok(scratch) = Scratch::schema(&options).await
    {
        return Ok(scratch);
    }
    Scratch::temporary().await
}

/// Puts the backup in the place of the app's database. `alone` is held meanwhile: nobody else works on it.
///
/// Errors: the database is not empty and not to be replaced, the backup is not good, the master key is not its.
pub async fn restore(
    (config, declaration): (&Config, Arc<Declaration>),
    keyring: &Keyring,
    alone: &Claim,
    path: &Path,
    is_replacing: bool,
    progress: Progress,
) -> Result<Restored> {
    let reader = Reader::open(path, Some(keyring))?;
    if !is_replacing && !is_empty(config).await? {
        return Err(refused(
            "The database is not empty. With --replace the backup takes its place, and it is kept beside.",
        ));
    }
    let head = reader.head.clone();
    let scratch = place(config).await?;
    if let Place::Schema { home, .. } = &scratch.place
        && let Err(error) = refuse_dependants(home).await
    {
        scratch.discard().await?;
        return Err(error);
    }
    let ready = async {
        let tables = fill(reader, &scratch.ctx, &progress).await?;
        secrets::check_master(&scratch.ctx, keyring).await?;
        Ok::<_, Error>((tables, is_behind(config, declaration, scratch.ctx.db()).await))
    };
    match ready.await {
        Ok((tables, is_behind)) => {
            Ok(Restored { head, tables, kept: exchange(config, scratch, alone.hold()).await?, is_behind })
        }
        Err(error) => {
            scratch.discard().await?;
            Err(error)
        }
    }
}

async fn is_empty(config: &Config) -> Result<bool> {
    if config.sqlite_file().is_some_and(|path| std::fs::metadata(path).map_or(0, |metadata| metadata.len()) == 0) {
        return Ok(true);
    }
    // What cannot be opened is a database all the same.
    let Ok(ctx) = open(assemble::database_options(config)).await else { return Ok(false) };
    let names = ctx.read(|ctx, tx| async move { copy::table_names(&ctx, tx).await }.boxed()).await;
    let dialect = ctx.db().dialect();
    ctx.db().close().await;
    Ok(names.is_ok_and(|names| match dialect {
        Dialect::Sqlite => names.is_empty(),
        Dialect::Postgres => !names.iter().any(|name| name == FIRST[0]),
    }))
}

/// Where the new database is made, near enough to be exchanged at once.
async fn place(config: &Config) -> Result<Scratch> {
    let options = assemble::database_options(config);
    if let Some(path) = config.sqlite_file() {
        return Scratch::file(beside(&path, ".restoring")).await;
    }
    Scratch::schema(&options).await
}

async fn exchange(config: &Config, scratch: Scratch, hold: Hold) -> Result<Option<String>> {
    let now = scratch.ctx.now();
    scratch.ctx.db().close().await;
    match scratch.place {
        Place::Folder(_) => Err(Error::internal("a folder is for trials alone")),
        Place::File(new) => {
            let target = config.sqlite_file().ok_or_else(|| Error::internal("a file is restored for SQLite alone"))?;
            Ok(swap_file(&new, &target, now).await?.map(|kept: PathBuf| kept.display().to_string()))
        }
        Place::Schema { name, home, .. } => {
            let before = format!("before_restore_{}", stamp(now));
            let old = own_tables(&home).await?;
            let kept = (!old.is_empty()).then(|| format!("the schema {before}"));
            copy::exchange(&home, copy::Exchange { old, before, scratch: name, hold }).await?;
            home.db().close().await;
            Ok(kept)
        }
    }
}

/// What cannot be told needs a look too, and does not keep a backup from being restored.
async fn is_behind(config: &Config, declaration: Arc<Declaration>, db: &Db) -> bool {
    let source = Source { db: db.clone(), clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
    let Ok(foundation) = Foundation::new(config.clone(), declaration, source) else { return true };
    !foundation.state().await.is_ok_and(|state| state.is_in_order())
}

/// Early, because filling takes its time; the exchange looks again.
async fn refuse_dependants(home: &Ctx) -> Result<()> {
    let old = own_tables(home).await?;
    let found = home.read(move |_, tx| async move { copy::dependants(tx, &old).await }.boxed());
    copy::refuse_dependants(&found.await?)
}

/// The tables that give way: all that Hardpan made.
async fn own_tables(home: &Ctx) -> Result<Vec<String>> {
    home.read(|ctx, tx| {
        async move {
            let declared = inventory(&ctx, tx).await?;
            let names = copy::table_names(&ctx, tx).await?;
            let migrations = assemble::migrations();
            let own: Vec<&str> = migrations.iter().flat_map(Migration::created_tables).collect();
            let is_own = |name: &String| {
                own.contains(&name.as_str())
                    || name.starts_with("hardpan_")
                    || declared.iter().any(|table| table.name == *name)
            };
            Ok(names.into_iter().filter(is_own).collect())
        }
        .boxed()
    })
    .await
}

/// Makes the empty database what the backup holds, and reads it back.
async fn fill(mut reader: Reader, ctx: &Ctx, progress: &Progress) -> Result<Vec<Content>> {
    let listed = reader.manifest.tables.clone();
    let begins_well = listed.len() >= FIRST.len() && listed.iter().zip(FIRST).all(|(table, name)| table.name == name);
    if !begins_well {
        return Err(refused("The backup does not say how its tables are made."));
    }
    let mut told = Vec::with_capacity(listed.len());
    let mut first = [Vec::new(), Vec::new()];
    for (table, rows) in listed.iter().zip(&mut first) {
        let mut hasher = None;
        let digest = loop {
            match reader.next(table, &mut hasher)? {
                Next::Rows(more) => rows.extend(more),
                Next::End(digest) => break digest,
            }
        };
        told.push(Content { table: table.name.clone(), digest });
    }
    let origin = Origin::of([&listed[0].columns, &listed[1].columns], &first)?;
    let build = Build::begin(ctx.clone(), "a backup".to_owned(), origin).await?;
    for (table, rows) in listed.iter().zip(first) {
        let into = build.table(&table.name, &table.columns)?;
        build.load(into, rows, 0, Came::all(table.rows)).await?;
    }
    for table in &listed[FIRST.len()..] {
        told.push(load(&mut reader, table, &build, progress).await?);
    }
    reader.end()?;
    // What it is made in is nobody else's.
    build.finish(Hold::default()).await?;
    let mut found = Vec::with_capacity(listed.len());
    for table in &listed {
        let digest = build.digest(build.table(&table.name, &table.columns)?).await?;
        progress(Step { doing: "verified", table: &table.name, rows: digest.rows, of: digest.rows });
        found.push(Content { table: table.name.clone(), digest });
    }
    let different = differences(&told, &found);
    if different.is_empty() {
        Ok(found)
    } else {
        Err(refused(format!("Restored otherwise: {}.", different.join(", "))))
    }
}

async fn load(reader: &mut Reader, table: &Listed, build: &Build, progress: &Progress) -> Result<Content> {
    let into = build.table(&table.name, &table.columns)?;
    let mut hasher: Option<Hasher> = None;
    let mut rows = 0;
    loop {
        match reader.next(table, &mut hasher)? {
            Next::Rows(more) => {
                let now = rows + more.len() as u64;
                build.load(into, more, rows, Came::all(now)).await?;
                rows = now;
                progress(Step { doing: "restored", table: &table.name, rows, of: table.rows });
            }
            Next::End(digest) => return Ok(Content { table: table.name.clone(), digest }),
        }
    }
}

//! Moving a database into another, of the same engine or the other: chunk by chunk, resumable, proved equal at the end.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::{Error, Result};
use store::{
    Ctx,
    claim::Hold,
    copy::{self, Digest, Done, Progress as Came, Table, Walk},
};

use super::{
    Progress, Step,
    build::Build,
    inventory::{FIRST, Origin, inventory, rows},
    refused,
};

/// One table after a move.
#[derive(Clone, Debug)]
pub struct Moved {
    pub table: String,
    pub source: Digest,
    pub target: Digest,
}

impl Moved {
    pub fn is_equal(&self) -> bool {
        self.source == self.target
    }
}

/// Copies everything in `source` into `target`, and reads both back. Both are held alone by the caller: `holds`, in this order.
///
/// When all tables are equal the target is a database like any other; else it stays one that is not served.
pub async fn relocate(source: &Ctx, target: &Ctx, holds: [Hold; 2], progress: &Progress) -> Result<Vec<Moved>> {
    let tables = source.snapshot(|ctx, tx| async move { inventory(&ctx, tx).await }.boxed()).await?;
    if tables.is_empty() {
        return Err(refused("There is nothing to move: the database has none of Hardpan's tables."));
    }
    if copy::source_of(source).await?.is_some() {
        return Err(refused("The source is itself the target of a copy that has not ended."));
    }
    let (name, origin) = origin(source, &tables).await?;
    let build = Build::begin(target.clone(), name, origin).await?;
    let mut moved = Vec::with_capacity(tables.len());
    for table in &tables {
        let into = build.table(&table.name, &columns(table))?;
        let is_resumed = copy_table(source, table, &build, into, progress).await?;
        let mut pair = compare(source, table, &build, into).await?;
        if is_resumed && !pair.is_equal() {
            // The source changed since the move began: this table anew.
            build.load(into, Vec::new(), 0, Came::none()).await?;
            copy_table(source, table, &build, into, progress).await?;
            pair = compare(source, table, &build, into).await?;
        }
        moved.push(pair);
    }
    if moved.iter().all(Moved::is_equal) {
        let [of_source, of_target] = holds;
        source.read(move |_, tx| async move { of_source.check(tx).await }.boxed()).await?;
        build.finish(of_target).await?;
    }
    Ok(moved)
}

/// What tells this source from any other, and how its tables are made.
async fn origin(source: &Ctx, tables: &[Arc<Table>]) -> Result<(String, Origin)> {
    let mut name = String::new();
    let mut first = Vec::with_capacity(FIRST.len());
    for table in &tables[..FIRST.len()] {
        // When each migration was applied is another time in every database.
        name.push_str(&copy::digest(source, table).await?.to_string());
        let table = Arc::clone(table);
        first.push(source.snapshot(move |_, tx| async move { rows(tx, table).await }.boxed()).await?);
    }
    let first: [_; 2] = first.try_into().map_err(|_| Error::internal("two tables say how the others are made"))?;
    Ok((name, Origin::of([&columns(&tables[0]), &columns(&tables[1])], &first)?))
}

fn columns(table: &Table) -> Vec<String> {
    table.columns().map(str::to_owned).collect()
}

/// Copies what is missing of a table. Returns whether some of it had come before.
async fn copy_table(
    source: &Ctx,
    table: &Arc<Table>,
    build: &Build,
    into: &Arc<Table>,
    progress: &Progress,
) -> Result<bool> {
    let begun = copy::progress(&build.ctx, into).await?;
    let (mut done, mut walk) = match begun.clone() {
        Some(Came { done: Done::All, .. }) => return Ok(true),
        Some(Came { rows, done: Done::UpTo(end) }) => (rows, Walk::after(Arc::clone(table), end)),
        Some(Came { done: Done::Nothing, .. }) | None => (0, Walk::new(Arc::clone(table))),
    };
    let counted = Arc::clone(table);
    let of = source.read(move |_, tx| async move { copy::count(tx, &counted).await }.boxed()).await?;
    loop {
        let next = source.snapshot(move |_, tx| {
            async move {
                let chunk = walk.next(tx).await?;
                Ok((walk, chunk))
            }
            .boxed()
        });
        let (rest, chunk) = next.await?;
        walk = rest;
        let Some(chunk) = chunk else { break };
        let came = Came::after(done, &chunk);
        build.load(into, chunk.rows, done, came.clone()).await?;
        done = came.rows;
        progress(Step { doing: "moved", table: &table.name, rows: done, of: of.max(done) });
    }
    build.load(into, Vec::new(), done, Came::all(done)).await?;
    if done == 0 {
        progress(Step { doing: "moved", table: &table.name, rows: 0, of: 0 });
    }
    Ok(begun.is_some())
}

async fn compare(source: &Ctx, table: &Arc<Table>, build: &Build, into: &Arc<Table>) -> Result<Moved> {
    let (source, target) = (copy::digest(source, table).await?, build.digest(into).await?);
    Ok(Moved { table: table.name.clone(), source, target })
}

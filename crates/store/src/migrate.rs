//! Migrations: one ordered list for both engines, checksummed, each applied once and in a transaction of its own.
use std::fmt::Write as _;

use aws_lc_rs::digest;
use futures_util::FutureExt as _;
use kernel::{Error, Result};

use crate::{Ctx, Dialect, Tx};

/// One migration: SQL for both engines, with the type placeholders of [`Dialect::fill`].
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Sorts by time: `202611210900_create_users`.
    pub id: &'static str,
    /// Statements separated by `;`.
    pub sql: &'static str,
}

impl Migration {
    /// The tables it makes, which nobody else may call theirs.
    pub fn created_tables(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.sql.split("CREATE TABLE ").skip(1).filter_map(|rest| rest.split_whitespace().next())
    }
}

/// What became of a migration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Applied,
    Pending,
    /// Applied, and its text is another one since.
    Changed,
    /// In the database and not in the list: a newer release was here.
    Unknown,
}

/// A migration and what became of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub id: String,
    pub state: State,
}

const TABLE: &str = "CREATE TABLE IF NOT EXISTS hardpan_migrations (
    id {text} NOT NULL PRIMARY KEY,
    checksum {text} NOT NULL,
    applied_at {time} NOT NULL
) {strict}";

/// Applies what is pending, in order, and says what was applied. Two nodes may try at once; each migration is applied by one.
///
/// Errors: internal when an applied migration has changed, when a pending one is older than the newest applied, when two share an
/// id, and whatever a statement answers; then nothing of that migration remains, and those before it do.
pub async fn apply(ctx: &Ctx, list: &[Migration]) -> Result<Vec<String>> {
    let list = ordered(list)?;
    let mut applied = Vec::new();
    if pending(&list, &ctx.read(|ctx, tx| async move { recorded(&ctx, tx).await }.boxed()).await?)?.is_none() {
        return Ok(applied);
    }
    loop {
        let list = list.clone();
        let next = ctx.alter(move |ctx, tx| async move { apply_next(&ctx, tx, &list).await }.boxed()).await?;
        match next {
            Some(id) => applied.push(id),
            None => return Ok(applied),
        }
    }
}

/// Every migration of the list and of the database, in order.
pub async fn status(ctx: &Ctx, list: &[Migration]) -> Result<Vec<Status>> {
    let list = ordered(list)?;
    let recorded = ctx.read(|ctx, tx| async move { recorded(&ctx, tx).await }.boxed()).await?;
    let mut all = compare(&list, &recorded);
    let is_listed = |id: &str| list.iter().any(|migration| migration.id == id);
    let unknown = recorded.iter().filter(|(id, _)| !is_listed(id));
    all.extend(unknown.map(|(id, _)| Status { id: id.clone(), state: State::Unknown }));
    all.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(all)
}

/// Applies the first pending one, unless another node has been quicker.
async fn apply_next(ctx: &Ctx, tx: &mut Tx<'_>, list: &[Migration]) -> Result<Option<String>> {
    let dialect = ctx.db().dialect();
    tx.batch(&dialect.fill(TABLE)).await?;
    let Some(next) = pending(list, &recorded(ctx, tx).await?)? else { return Ok(None) };
    let failed = |error: Error| {
        let detail = format!("The migration {} could not be applied.", next.id);
        Error::new(error.code()).with_detail(detail).with_source(error)
    };
    tx.batch(&dialect.fill(next.sql)).await.map_err(failed)?;
    let insert = "INSERT INTO hardpan_migrations (id, checksum, applied_at) VALUES ($1, $2, $3)";
    tx.execute(insert, &[next.id.into(), checksum(next.sql).into(), ctx.now().into()]).await?;
    tracing::info!(migration = next.id, "applied");
    Ok(Some(next.id.to_owned()))
}

/// Id and checksum of each applied migration, in order.
async fn recorded(ctx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<(String, String)>> {
    let exists = match ctx.db().dialect() {
        Dialect::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = $1",
        Dialect::Postgres => "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = $1",
    };
    if tx.query(exists, &["hardpan_migrations".into()]).await?.is_empty() {
        return Ok(Vec::new());
    }
    let rows = tx.query("SELECT id, checksum FROM hardpan_migrations ORDER BY id", &[]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

/// The first migration to apply. Errors: the list does not continue what was applied.
fn pending(list: &[Migration], recorded: &[(String, String)]) -> Result<Option<Migration>> {
    let states = compare(list, recorded);
    if let Some(changed) = states.iter().find(|status| status.state == State::Changed) {
        return Err(refused(format!("The migration {} was applied and has changed since.", changed.id)));
    }
    let Some(next) = states.iter().position(|status| status.state == State::Pending) else { return Ok(None) };
    let next = list[next];
    match recorded.last() {
        Some((newest, _)) if newest.as_str() > next.id => {
            Err(refused(format!("The migration {} is older than {newest}, which was applied.", next.id)))
        }
        _ => Ok(Some(next)),
    }
}

/// The state of each migration of `list`, which is in order.
fn compare(list: &[Migration], recorded: &[(String, String)]) -> Vec<Status> {
    let state = |migration: &Migration| match recorded.iter().find(|(id, _)| id == migration.id) {
        None => State::Pending,
        Some((_, applied)) if *applied == checksum(migration.sql) => State::Applied,
        Some(_) => State::Changed,
    };
    list.iter().map(|migration| Status { id: migration.id.to_owned(), state: state(migration) }).collect()
}

fn ordered(list: &[Migration]) -> Result<Vec<Migration>> {
    let mut list = list.to_vec();
    list.sort_by_key(|migration| migration.id);
    if let Some(twin) = list.windows(2).find(|pair| pair[0].id == pair[1].id) {
        return Err(refused(format!("Two migrations are called {}.", twin[0].id)));
    }
    Ok(list)
}

/// SHA-256 in hexadecimal of the text, whatever a version control system made of its line ends.
pub fn checksum(text: &str) -> String {
    let digest = digest::digest(&digest::SHA256, text.replace("\r\n", "\n").as_bytes());
    digest.as_ref().iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn refused(detail: String) -> Error {
    Error::internal(detail.clone()).with_detail(detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_a_migration_makes_are_known() {
        let sql =
            "CREATE TABLE a (\n    id {id}\n) {strict};\nCREATE INDEX b ON a (id);\nCREATE TABLE c (d {int}) {strict};";
        assert!(Migration { id: "1", sql }.created_tables().eq(["a", "c"]));
    }

    /// FIPS 180-2, appendix B.1.
    #[test]
    fn the_checksum_is_sha_256_and_blind_to_line_ends() {
        assert_eq!(checksum("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(checksum("a;\r\nb;\r\n"), checksum("a;\nb;\n"));
        assert_ne!(checksum("a;"), checksum("a; "));
    }
}

//! How far a copy into a database has come, kept in that database until the copy is whole.
use std::{fmt::Write as _, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Error, Result, Value};

use super::{
    encode::{decode, encode},
    tables::Table,
    walk::Chunk,
};
use crate::{Ctx, Dialect, Tx};

/// Kinds: `source` (what is copied), `reference` (a foreign key to put back), `table` (how far it has come).
const TABLE: &str = "CREATE TABLE hardpan_copy (
    kind {text} NOT NULL,
    name {text} NOT NULL,
    value {text} NOT NULL,
    PRIMARY KEY (kind, name)
) {strict}";

/// How far a table has come.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    pub rows: u64,
    pub done: Done,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Done {
    /// It is to be begun again.
    Nothing,
    /// Up to and with the row of this key.
    UpTo(Vec<Value>),
    All,
}

impl Progress {
    /// After `chunk`, with `before` rows before it.
    pub fn after(before: u64, chunk: &Chunk) -> Self {
        Self { rows: before + chunk.rows.len() as u64, done: Done::UpTo(chunk.end.clone()) }
    }

    pub const fn none() -> Self {
        Self { rows: 0, done: Done::Nothing }
    }

    /// With all its rows.
    pub const fn all(rows: u64) -> Self {
        Self { rows, done: Done::All }
    }

    fn to_text(&self) -> Result<String> {
        let key = match &self.done {
            Done::Nothing => return Ok("0 none".to_owned()),
            Done::All => return Ok(format!("{} all", self.rows)),
            Done::UpTo(key) => key,
        };
        let mut bytes = Vec::new();
        encode(key, &mut bytes)?;
        Ok(bytes.iter().fold(format!("{} ", self.rows), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }

    fn of_text(text: &str, key_length: usize) -> Option<Self> {
        let (rows, end) = text.split_once(' ')?;
        let rows = rows.parse().ok()?;
        match end {
            "none" => return Some(Self::none()),
            "all" => return Some(Self::all(rows)),
            _ => {}
        }
        let byte = |at: usize| u8::from_str_radix(end.get(at..at + 2)?, 16).ok();
        let bytes: Vec<u8> = (0..end.len()).step_by(2).map(byte).collect::<Option<_>>()?;
        let key = decode(&bytes, key_length).ok()?.pop()?;
        Some(Self { rows, done: Done::UpTo(key) })
    }
}

/// What is being copied into this database; nothing when no copy is unfinished.
pub async fn source_of(ctx: &Ctx) -> Result<Option<String>> {
    ctx.read(|ctx, tx| {
        async move {
            let exists = match ctx.db().dialect() {
                Dialect::Sqlite => "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'hardpan_copy'",
                Dialect::Postgres => {
                    "SELECT 1 FROM pg_tables WHERE schemaname = current_schema() AND tablename = 'hardpan_copy'"
                }
            };
            if tx.query(exists, &[]).await?.is_empty() {
                return Ok(None);
            }
            let row = tx.query_one("SELECT value FROM hardpan_copy WHERE kind = 'source'", &[]).await?;
            row.get(0).map(Some)
        }
        .boxed()
    })
    .await
}

/// Begins a copy of `source`.
pub async fn begin(ctx: &Ctx, source: String) -> Result<()> {
    ctx.alter(move |ctx, tx| {
        async move {
            tx.batch(&ctx.db().dialect().fill(TABLE)).await?;
            put(tx, "source", "", source).await
        }
        .boxed()
    })
    .await
}

/// How far `table` has come; nothing when it was not begun.
pub async fn progress(ctx: &Ctx, table: &Table) -> Result<Option<Progress>> {
    let (name, key_length) = (table.name.clone(), table.key.len());
    ctx.read(move |_, tx| {
        async move {
            let sql = "SELECT value FROM hardpan_copy WHERE kind = 'table' AND name = $1";
            let Some(row) = tx.query_opt(sql, &[name.into()]).await? else { return Ok(None) };
            let text: String = row.get(0)?;
            let progress = Progress::of_text(&text, key_length);
            progress.map(Some).ok_or_else(|| Error::internal("hardpan_copy holds something else than progress"))
        }
        .boxed()
    })
    .await
}

pub(super) async fn note(tx: &mut Tx<'_>, table: &str, progress: &Progress) -> Result<()> {
    put(tx, "table", table, progress.to_text()?).await
}

async fn put(tx: &mut Tx<'_>, kind: &str, name: &str, value: String) -> Result<()> {
    let sql = "INSERT INTO hardpan_copy (kind, name, value) VALUES ($1, $2, $3)
               ON CONFLICT (kind, name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, &[kind.into(), name.into(), value.into()]).await.map(|_| ())
}

/// Takes the foreign keys of `tables` away until [`finish`], because rows come in the order of tables. SQLite leaves them unchecked
/// while it loads. Other tables may lie beside, which are not ours.
pub async fn set_references_aside(ctx: &Ctx, tables: &[Arc<Table>]) -> Result<()> {
    let tables: Vec<String> = tables.iter().map(|table| table.name.clone()).collect();
    if ctx.db().dialect() == Dialect::Sqlite {
        return Ok(());
    }
    ctx.alter(move |_, tx| {
        async move {
            let sql = "SELECT c.relname, f.conname, pg_get_constraintdef(f.oid)
                FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid
                WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace";
            for row in tx.query(sql, &[]).await? {
                let (table, name, definition): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
                if !tables.contains(&table) {
                    continue;
                }
                let back = format!("ALTER TABLE \"{table}\" ADD CONSTRAINT \"{name}\" {definition}");
                put(tx, "reference", &format!("{table}.{name}"), back).await?;
                tx.batch(&format!("ALTER TABLE \"{table}\" DROP CONSTRAINT \"{name}\"")).await?;
            }
            Ok(())
        }
        .boxed()
    })
    .await
}

/// Puts the foreign keys back, which checks them, does `rest`, and forgets the copy: from now on the database is one like any other.
pub async fn finish<F>(ctx: &Ctx, rest: F) -> Result<()>
where
    F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<()>> + Send + 'static,
{
    ctx.alter(|ctx, tx| {
        async move {
            let sql = "SELECT value FROM hardpan_copy WHERE kind = 'reference' ORDER BY name";
            for row in tx.query(sql, &[]).await? {
                tx.batch(&row.get::<String>(0)?).await?;
            }
            rest(ctx, tx).await?;
            tx.batch("DROP TABLE hardpan_copy").await
        }
        .boxed()
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_read_as_it_was_written() {
        for progress in [
            Progress::none(),
            Progress::all(7),
            Progress { rows: 0, done: Done::UpTo(vec![Value::Bytes(vec![0, 1, 255])]) },
            Progress { rows: 9, done: Done::UpTo(vec!["Grüße".into(), Value::Int(-1)]) },
        ] {
            let Done::UpTo(key) = &progress.done else {
                assert_eq!(Progress::of_text(&progress.to_text().unwrap(), 1), Some(progress));
                continue;
            };
            assert_eq!(Progress::of_text(&progress.to_text().unwrap(), key.len()), Some(progress.clone()));
        }
        assert_eq!(Progress::of_text("7 0", 1), None);
        assert_eq!(Progress::of_text("7 ü", 1), None);
    }
}

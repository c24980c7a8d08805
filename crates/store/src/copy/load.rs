//! Writing rows into tables, and reading what they hold.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::{Result, Value};

use super::{
    encode::{Digest, Hasher},
    progress::{Progress, note},
    tables::Table,
    walk::Walk,
};
use crate::{Ctx, Tx};

/// Writes `rows` and notes how far the table has come, in one transaction. Without rows before, what is in the table goes first.
pub async fn load(ctx: &Ctx, table: &Arc<Table>, rows: Vec<Vec<Value>>, before: u64, now: Progress) -> Result<()> {
    let table = Arc::clone(table);
    ctx.load(move |_, tx| {
        async move {
            if before == 0 {
                tx.execute(&format!("DELETE FROM \"{}\"", table.name), &[]).await?;
            }
            let rows = rows.into_iter().map(|row| table.fit(row)).collect::<Result<Vec<_>>>()?;
            tx.insert_all(&table.name, &table.column_list(), rows).await?;
            note(tx, &table.name, &now).await
        }
        .boxed()
    })
    .await
}

/// How many rows a table has.
pub async fn count(tx: &mut Tx<'_>, table: &Table) -> Result<u64> {
    let row = tx.query_one(&format!("SELECT count(*) FROM \"{}\"", table.name), &[]).await?;
    Ok(row.get::<i64>(0)?.unsigned_abs())
}

/// What a table holds, read whole at one moment.
pub async fn digest(ctx: &Ctx, table: &Arc<Table>) -> Result<Digest> {
    let table = Arc::clone(table);
    ctx.snapshot(move |_, tx| {
        async move {
            let mut hasher = Hasher::new(table.columns());
            let mut walk = Walk::new(Arc::clone(&table));
            while let Some(chunk) = walk.next(tx).await? {
                hasher.update(chunk.rows.len(), &chunk.encoded);
            }
            Ok(hasher.finish())
        }
        .boxed()
    })
    .await
}

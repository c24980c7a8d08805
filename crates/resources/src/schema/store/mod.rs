//! SQL of the declared tables' record, and of the tables themselves.
mod checks;
mod convert;
mod ddl;
mod postgres;
mod sqlite;
mod work;

use ::store::Tx;
use kernel::{Error, Result, Timestamp, Value};

pub use work::{Statement, Work};
pub(super) use work::{run, works};

use super::{
    shape::{Shapes, TableShape},
    sound,
};

pub(super) async fn recorded(tx: &mut Tx<'_>) -> Result<Shapes> {
    let rows = tx.query("SELECT name, shape FROM declared_tables ORDER BY name", &[]).await?;
    rows.iter()
        .map(|row| {
            let (name, shape): (String, String) = (row.get(0)?, row.get(1)?);
            let shape: TableShape = serde_json::from_str(&shape).map_err(Error::internal)?;
            sound::check(&name, &shape).map_err(Error::internal)?;
            Ok((name, shape))
        })
        .collect()
}

pub(super) async fn record(tx: &mut Tx<'_>, name: &str, shape: &TableShape, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO declared_tables (name, shape, applied_at) VALUES ($1, $2, $3) \
               ON CONFLICT (name) DO UPDATE SET shape = excluded.shape, applied_at = excluded.applied_at";
    let shape = serde_json::to_string(shape).map_err(Error::internal)?;
    tx.execute(sql, &[name.into(), Value::Json(shape), at.into()]).await.map(|_| ())
}

pub(super) async fn forget(tx: &mut Tx<'_>, name: &str) -> Result<()> {
    tx.execute("DELETE FROM declared_tables WHERE name = $1", &[name.into()]).await.map(|_| ())
}

/// Id and checksum of each applied file, in order.
pub(super) async fn applied(tx: &mut Tx<'_>) -> Result<Vec<(String, String)>> {
    let rows = tx.query("SELECT id, checksum FROM declared_migrations ORDER BY id", &[]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub(super) async fn record_file(tx: &mut Tx<'_>, id: &str, checksum: &str, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO declared_migrations (id, checksum, applied_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &[id.into(), checksum.into(), at.into()]).await.map(|_| ())
}

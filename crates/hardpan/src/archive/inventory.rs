//! Which tables are copied: Hardpan's own and every declared one, whatever else may be in the database.
use std::{collections::BTreeSet, sync::Arc};

use kernel::{Result, Value};
use store::{
    Ctx, Migration, Tx,
    copy::{self, Table, Walk},
};

use super::refused;
use crate::assemble;

/// The two that say how the others are made, in this order.
pub(super) const FIRST: [&str; 2] = ["hardpan_migrations", "declared_tables"];

/// Every table to copy, those of [`FIRST`] first. Nothing: the database is not one of Hardpan's.
pub(super) async fn inventory(ctx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<Arc<Table>>> {
    let first = copy::tables(ctx, tx, &FIRST.map(str::to_owned)).await?;
    if first.len() < FIRST.len() {
        return Ok(Vec::new());
    }
    let declared = rows(tx, Arc::new(first[1].clone())).await?;
    let declared = declared.iter().filter_map(|row| first[1].text(row, "name")).map(str::to_owned);
    let migrations = assemble::migrations();
    let own = migrations.iter().flat_map(Migration::created_tables).map(str::to_owned);
    let others: BTreeSet<String> = own.chain(declared).filter(|name| !FIRST.contains(&name.as_str())).collect();
    let names: Vec<String> = FIRST.map(str::to_owned).into_iter().chain(others).collect();
    Ok(copy::tables(ctx, tx, &names).await?.into_iter().map(Arc::new).collect())
}

/// All rows of a small table.
pub(super) async fn rows(tx: &mut Tx<'_>, table: Arc<Table>) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    let mut walk = Walk::new(table);
    while let Some(chunk) = walk.next(tx).await? {
        rows.extend(chunk.rows);
    }
    Ok(rows)
}

/// How another database was made.
pub(super) struct Origin {
    /// Ids of the applied migrations.
    pub migrations: Vec<String>,
    /// Name and shape of each declared table.
    pub declared: Vec<(String, String)>,
}

impl Origin {
    /// From the rows of the tables of [`FIRST`].
    pub fn of(columns: [&[String]; 2], rows: &[Vec<Vec<Value>>; 2]) -> Result<Self> {
        let text = |table: usize, row: &[Value], name: &str| {
            let place = columns[table].iter().position(|column| column == name);
            match place.and_then(|place| row.get(place)) {
                Some(Value::Text(text)) => Ok(text.clone()),
                _ => Err(refused(format!("{} does not hold what it should.", FIRST[table]))),
            }
        };
        let migrations = rows[0].iter().map(|row| text(0, row, "id")).collect::<Result<_>>()?;
        let declared = rows[1].iter().map(|row| Ok((text(1, row, "name")?, text(1, row, "shape")?)));
        Ok(Self { migrations, declared: declared.collect::<Result<_>>()? })
    }
}

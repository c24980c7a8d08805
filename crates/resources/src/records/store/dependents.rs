//! SQL of what refers to records that go.
use std::collections::BTreeSet;

use ::store::{Dialect, Tx};
use kernel::{Result, Timestamp, Uuid};

use super::{hold::chunks, sql::Sql, visible};
use crate::schema::{Resource, Stamp, place};

/// Rows one statement answers with; the bound of the data layer is higher.
const PAGE: usize = 5_000;

/// The rows whose `column` refers to one of `ids` and that are not `known` yet, until there are at least `limit`. They are held
/// until the transaction ends, and known from now on.
pub(in crate::records) async fn dependents(
    tx: &mut Tx<'_>,
    resource: &Resource,
    (column, ids): (&str, &[Uuid]),
    known: &mut BTreeSet<Uuid>,
    limit: usize,
) -> Result<Vec<Uuid>> {
    let mut found = Vec::new();
    for chunk in chunks(ids) {
        let mut last = None;
        loop {
            let page = page(tx, resource, (column, &chunk), last).await?;
            last = page.last().copied();
            let is_last = page.len() < PAGE;
            found.extend(page.into_iter().filter(|id| known.insert(*id)));
            if found.len() >= limit {
                return Ok(found);
            }
            if is_last {
                break;
            }
        }
    }
    Ok(found)
}

async fn page(
    tx: &mut Tx<'_>,
    resource: &Resource,
    (column, ids): (&str, &[Uuid]),
    after: Option<Uuid>,
) -> Result<Vec<Uuid>> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT id FROM \"{}\" WHERE \"{column}\" IN ", resource.name));
    sql.ids(ids);
    if let Some(after) = after {
        sql.push(" AND id > ");
        sql.value(after);
    }
    sql.push(" ORDER BY id LIMIT ");
    sql.value(i64::try_from(PAGE).unwrap_or(i64::MAX));
    sql.push(match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR UPDATE",
    });
    tx.query(&sql.text, &sql.params).await?.iter().map(|row| row.get(0)).collect()
}

/// Whether the `column` of a record that is not deleted refers to one of `ids`.
pub(in crate::records) async fn has_living(
    tx: &mut Tx<'_>,
    resource: &Resource,
    column: &str,
    ids: &[Uuid],
) -> Result<bool> {
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!("SELECT 1 FROM \"{}\" WHERE \"{column}\" IN ", resource.name));
        sql.ids(&chunk);
        visible(&mut sql, resource);
        sql.push(" LIMIT 1");
        if tx.query_opt(&sql.text, &sql.params).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Takes the reference out of these rows, each of which gets its next version.
pub(in crate::records) async fn unlink(
    tx: &mut Tx<'_>,
    resource: &Resource,
    column: &str,
    ids: &[Uuid],
    at: Timestamp,
) -> Result<()> {
    let name = |index: usize| resource.columns.get(index).map_or("", |column| column.name.as_str());
    let (version, updated_at) = (name(place::VERSION), name(place::UPDATED_AT));
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!(
            "UPDATE \"{}\" SET \"{column}\" = NULL, \"{version}\" = \"{version}\" + 1, \"{updated_at}\" = ",
            resource.name
        ));
        sql.value(at);
        for (_, stamped) in resource.declared().filter(|(_, column)| column.stamp == Some(Stamp::Change)) {
            sql.push(&format!(", \"{}\" = ", stamped.name));
            sql.value(stamped.time(at));
        }
        sql.push(" WHERE id IN ");
        sql.ids(&chunk);
        tx.execute(&sql.text, &sql.params).await?;
    }
    Ok(())
}

/// Removes these rows, and with them what refers to them by `cascade`; says how many of themselves there were.
pub(in crate::records) async fn remove(tx: &mut Tx<'_>, resource: &Resource, ids: &[Uuid]) -> Result<u64> {
    let mut rows = 0;
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!("DELETE FROM \"{}\" WHERE id IN ", resource.name));
        sql.ids(&chunk);
        rows += tx.execute(&sql.text, &sql.params).await?;
    }
    Ok(rows)
}

//! Rows that are read to be written: held until the transaction ends, in the order of their ids, so that no two wait for each
//! other. PostgreSQL locks them; SQLite has one writer.
use std::sync::Arc;

use ::store::{Dialect, Tx};
use kernel::{Result, Uuid};

use super::{
    super::Record,
    is_of_living_owner,
    sql::{Sql, columns},
    visible,
};
use crate::schema::Resource;

/// Ids one statement names at most.
const CHUNK: usize = 512;

/// The records of these ids that are there, in the order of ids. Others may go on referring to them.
pub(in crate::records) async fn held(tx: &mut Tx<'_>, resource: &Arc<Resource>, ids: &[Uuid]) -> Result<Vec<Record>> {
    let mut records = Vec::with_capacity(ids.len());
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!("SELECT {} FROM \"{}\" WHERE id IN ", columns(resource), resource.name));
        sql.ids(&chunk);
        visible(&mut sql, resource);
        sql.push(" ORDER BY id");
        sql.push(match tx.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR NO KEY UPDATE",
        });
        for row in tx.query(&sql.text, &sql.params).await? {
            records.push(Record::from_row(resource, row)?);
        }
    }
    Ok(records)
}

/// The soft-deleted record of this id.
pub(in crate::records) async fn held_deleted(
    tx: &mut Tx<'_>,
    resource: &Arc<Resource>,
    id: Uuid,
) -> Result<Option<Record>> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT {} FROM \"{}\" WHERE id = ", columns(resource), resource.name));
    sql.value(id);
    sql.push(" AND deleted_at IS NOT NULL");
    is_of_living_owner(&mut sql, resource, &resource.name);
    sql.push(match tx.dialect() {
        Dialect::Sqlite => "",
        Dialect::Postgres => " FOR NO KEY UPDATE",
    });
    let row = tx.query_opt(&sql.text, &sql.params).await?;
    row.map(|row| Record::from_row(resource, row)).transpose()
}

/// Holds rows that are to go: nothing new can refer to them, and what is about to is waited for.
pub(in crate::records) async fn hold(tx: &mut Tx<'_>, resource: &Resource, ids: &[Uuid]) -> Result<()> {
    if tx.dialect() == Dialect::Sqlite {
        return Ok(());
    }
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!("SELECT id FROM \"{}\" WHERE id IN ", resource.name));
        sql.ids(&chunk);
        sql.push(" ORDER BY id FOR UPDATE");
        tx.query(&sql.text, &sql.params).await?;
    }
    Ok(())
}

/// The ids in order, in lists of a few lengths only, so that there are few statements to prepare: the last one is repeated.
pub(super) fn chunks(ids: &[Uuid]) -> Vec<Vec<Uuid>> {
    let mut ids = ids.to_vec();
    ids.sort_unstable();
    let lists = ids.chunks(CHUNK).map(|chunk| {
        let length = [1, 8, 64].into_iter().find(|length| chunk.len() <= *length).unwrap_or(CHUNK);
        let mut list = chunk.to_vec();
        list.resize(length, chunk.last().copied().unwrap_or_default());
        list
    });
    lists.collect()
}

//! SQL of records. Names come from the checked declaration and are always quoted; values are parameters alone.
mod aggregate;
mod count;
mod dependents;
mod hold;
mod keys;
mod list;
mod order;
mod purge;
mod rule;
mod scope;
mod searched;
mod sizes;
mod sql;
mod transfer;

use std::sync::Arc;

use ::store::Tx;
use kernel::{Result, Uuid};

pub(super) use aggregate::{Question, aggregate};
pub(super) use count::{count, estimate};
pub(super) use dependents::{dependents, has_living, remove, unlink};
pub(super) use hold::{held, held_deleted, hold};
pub(super) use keys::find_by_key;
pub(super) use list::{find, list};
pub(super) use purge::{Left, hidden_owner, hide_owner, hold_owner, is_left, left, still_left, unhide_owner};
pub(super) use searched::document;
pub(super) use sizes::{Weighed, total, weigh, weigh_list};
pub(super) use transfer::{having, page, present};

use self::sql::{Sql, columns};
use super::Record;
use crate::{
    schema::{Owner, Resource, place},
    search::{self, Document},
};

/// The record of this id, unless it is deleted or its owner's account is.
pub(super) async fn get(tx: &mut Tx<'_>, resource: &Arc<Resource>, id: Uuid) -> Result<Option<Record>> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT {} FROM \"{}\" WHERE id = ", columns(resource), resource.name));
    sql.value(id);
    visible(&mut sql, resource);
    let row = tx.query_opt(&sql.text, &sql.params).await?;
    row.map(|row| Record::from_row(resource, row)).transpose()
}

/// Inserts a record and its [`document`].
pub(super) async fn insert(tx: &mut Tx<'_>, record: &Record, document: Option<&Document>) -> Result<()> {
    let resource = &record.resource;
    let vector = document.and_then(|document| search::column(tx.dialect(), document));
    let mut sql = Sql::new();
    sql.push(&format!("INSERT INTO \"{}\" ({}", resource.name, columns(resource)));
    sql.push(vector.as_ref().map_or_else(String::new, |(name, ..)| format!(", {name}")).as_str());
    sql.push(") VALUES (");
    for (nth, value) in record.values.iter().enumerate() {
        sql.push(if nth == 0 { "" } else { ", " });
        sql.value(value.clone());
    }
    if let Some((_, cast, value)) = vector {
        sql.push(", ");
        sql.value(value);
        sql.push(cast);
    }
    sql.push(")");
    tx.execute(&sql.text, &sql.params).await?;
    searched::keep(tx, record, document).await
}

/// Writes every column of `after`; false when the row is no longer as it was `before`.
pub(super) async fn update(tx: &mut Tx<'_>, before: &Record, after: &Record) -> Result<bool> {
    let resource = &after.resource;
    let mut sql = Sql::new();
    sql.push(&format!("UPDATE \"{}\" SET ", resource.name));
    let is_written = |index: usize| !matches!(index, place::ID | place::OWNER_ID | place::CREATED_AT);
    let columns = resource.columns.iter().zip(&after.values).enumerate().filter(|(index, _)| is_written(*index));
    for (nth, (_, (column, value))) in columns.enumerate() {
        sql.push(if nth == 0 { "" } else { ", " });
        sql.push(&format!("\"{}\" = ", column.name));
        sql.value(value.clone());
    }
    let document = searched::changed(before, after);
    if let Some((name, cast, value)) = document.as_ref().and_then(|document| search::column(tx.dialect(), document)) {
        sql.push(&format!(", {name} = "));
        sql.value(value);
        sql.push(cast);
    }
    sql.push(" WHERE id = ");
    sql.value(after.id()?);
    sql.push(" AND version = ");
    sql.value(before.version());
    if tx.execute(&sql.text, &sql.params).await? != 1 {
        return Ok(false);
    }
    searched::keep(tx, after, document.as_ref()).await?;
    Ok(true)
}

/// Leaves out what is deleted, and what belongs to an account that is.
fn visible(sql: &mut Sql, resource: &Resource) {
    visible_in(sql, resource, &resource.name);
}

/// As [`visible`], of rows that the statement knows by another name.
fn visible_in(sql: &mut Sql, resource: &Resource, name: &str) {
    if resource.is_soft_deleted {
        sql.push(&format!(" AND \"{name}\".deleted_at IS NULL"));
    }
    is_of_living_owner(sql, resource, name);
}

/// Leaves out what belongs to an account that is deleted.
fn is_of_living_owner(sql: &mut Sql, resource: &Resource, name: &str) {
    if resource.owner == Owner::User {
        // NOT EXISTS would make PostgreSQL expect one row, and sort what an index has in order.
        sql.push(&format!(" AND \"{name}\".owner_id NOT IN (SELECT owner_id FROM hidden_owners)"));
    }
}

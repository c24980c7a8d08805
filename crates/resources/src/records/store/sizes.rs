//! What records would take in memory, told without reading their long values.
use ::store::{Dialect, Tx};
use kernel::{Result, Uuid, Value, schema::Kind};

use super::{
    super::{Scope, Selection, SortKey, cursor::Place},
    hold::chunks,
    list, scope,
    sql::Sql,
};
use crate::schema::{Column, Resource};

/// A record that was found and not read.
#[derive(Clone, Debug)]
pub(in crate::records) struct Weighed {
    pub id: Uuid,
    /// About what [`Shown::size`](super::super::Shown::size) says of it.
    pub bytes: usize,
    /// How well it fits what is looked for, in a list by rank.
    pub rank: Option<Value>,
}

/// What [`list`](super::list) would give, weighed.
pub(in crate::records) async fn weigh_list(
    tx: &mut Tx<'_>,
    scope: &Scope,
    selection: &Selection,
    keys: &[SortKey],
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<Weighed>> {
    let mut sql = Sql::new();
    push_shown(tx.dialect(), &mut sql, scope, selection);
    list::push_listed(tx, &mut sql, scope, keys, after, limit);
    weighed(tx, &sql).await
}

/// What [`find`](super::find) would give, weighed.
pub(in crate::records) async fn weigh(
    tx: &mut Tx<'_>,
    scope: &Scope,
    selection: &Selection,
    ids: impl IntoIterator<Item = Uuid>,
) -> Result<Vec<Weighed>> {
    let mut found = Vec::new();
    for chunk in chunks(&ids.into_iter().collect::<Vec<_>>()) {
        let mut sql = Sql::new();
        push_shown(tx.dialect(), &mut sql, scope, selection);
        scope::push(tx, &mut sql, scope);
        sql.push(" AND id IN ");
        sql.ids(&chunk);
        found.extend(weighed(tx, &sql).await?);
    }
    Ok(found)
}

/// What all the values of these records take together.
pub(in crate::records) async fn total(tx: &mut Tx<'_>, resource: &Resource, ids: &[Uuid]) -> Result<usize> {
    let mut total = 0_usize;
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        // A sum of BIGINT is a NUMERIC on PostgreSQL.
        sql.push("SELECT CAST(COALESCE(SUM(");
        push_base(&mut sql, resource);
        for column in resource.columns.iter().filter(|column| is_long(column)) {
            sql.push(" + ");
            push_length(tx.dialect(), &mut sql, column);
        }
        sql.push(&format!("), 0) AS BIGINT) FROM \"{}\" WHERE id IN ", resource.name));
        sql.ids(&chunk);
        total = total.saturating_add(bytes(tx.query_one(&sql.text, &sql.params).await?.get(0)?));
    }
    Ok(total)
}

async fn weighed(tx: &mut Tx<'_>, sql: &Sql) -> Result<Vec<Weighed>> {
    let rows = tx.query(&sql.text, &sql.params).await?;
    let weighed = rows.into_iter().map(|row| {
        let (id, bytes) = (row.get(0)?, bytes(row.get(1)?));
        Ok(Weighed { id, bytes, rank: row.into_values().into_iter().nth(2) })
    });
    weighed.collect()
}

fn bytes(sum: i64) -> usize {
    usize::try_from(sum).unwrap_or(0)
}

/// `SELECT id,` the bytes of what is read of a record and shown.
fn push_shown(dialect: Dialect, sql: &mut Sql, scope: &Scope, selection: &Selection) {
    sql.push("SELECT id, ");
    push_base(sql, &scope.resource);
    for (index, column) in selection.columns().filter(|(_, column)| is_long(column)) {
        sql.push(" + ");
        // What is hidden must not show in how long a page is.
        let condition = selection.conditions().find(|(hidden, _)| *hidden == index);
        if let Some((_, condition)) = condition {
            scope::push_flag(sql, scope, condition);
            sql.push(" * ");
        }
        push_length(dialect, sql, column);
    }
}

fn push_base(sql: &mut Sql, resource: &Resource) {
    sql.push(&format!("CAST({} AS BIGINT)", 16 * resource.columns.len()));
}

fn push_length(dialect: Dialect, sql: &mut Sql, column: &Column) {
    let name = &column.name;
    sql.push(&match (dialect, &column.kind) {
        (Dialect::Postgres, Kind::Json { .. }) => format!("COALESCE(octet_length(CAST(\"{name}\" AS TEXT)), 0)"),
        _ => format!("COALESCE(octet_length(\"{name}\"), 0)"),
    });
}

const fn is_long(column: &Column) -> bool {
    matches!(column.kind, Kind::Text { .. } | Kind::Json { .. })
}

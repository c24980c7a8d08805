//! Records that may be seen: by id, and in lists by keyset, where a page costs the same wherever it lies.
use ::store::Tx;
use kernel::{Result, Uuid};

use super::{
    super::{Scope, Selection, Shown, SortKey, cursor::Place},
    order, scope,
    sql::Sql,
};
use crate::search::RANK;

/// Up to `limit` records of `scope` in the order of `keys` (which end in `id`), after the place `after`.
pub(in crate::records) async fn list(
    tx: &mut Tx<'_>,
    scope: &Scope,
    selection: &Selection,
    keys: &[SortKey],
    after: Option<&Place>,
    limit: usize,
) -> Result<Vec<Shown>> {
    let mut sql = select(scope, selection);
    push_listed(tx, &mut sql, scope, keys, after, limit);
    shown(tx, selection, &sql).await
}

/// What follows the columns of a list: the rank, where it is by rank, and which records in which order.
pub(super) fn push_listed(
    tx: &Tx<'_>,
    sql: &mut Sql,
    scope: &Scope,
    keys: &[SortKey],
    after: Option<&Place>,
    limit: usize,
) {
    let search = scope.search.as_ref().filter(|_| keys.iter().any(|key| key.is_rank(&scope.resource)));
    if let Some(search) = search {
        sql.push(&format!(", {RANK}"));
        scope::push_ranked(tx, sql, scope, search);
    } else {
        scope::push(tx, sql, scope);
    }
    if let Some(after) = after {
        order::push_after(sql, &scope.resource, keys, after);
    }
    order::push(sql, &scope.resource, keys);
    sql.push(" LIMIT ");
    sql.value(i64::try_from(limit).unwrap_or(i64::MAX));
}

/// Those records of `scope` that have one of these ids, in any order.
pub(in crate::records) async fn find(
    tx: &mut Tx<'_>,
    scope: &Scope,
    selection: &Selection,
    ids: impl IntoIterator<Item = Uuid, IntoIter: ExactSizeIterator>,
) -> Result<Vec<Shown>> {
    let ids = ids.into_iter();
    if ids.len() == 0 {
        return Ok(Vec::new());
    }
    let mut sql = select(scope, selection);
    scope::push(tx, &mut sql, scope);
    for (nth, id) in ids.enumerate() {
        sql.push(if nth == 0 { " AND id IN (" } else { ", " });
        sql.value(id);
    }
    sql.push(")");
    shown(tx, selection, &sql).await
}

fn select(scope: &Scope, selection: &Selection) -> Sql {
    let mut sql = Sql::new();
    for (nth, (_, column)) in selection.columns().enumerate() {
        sql.push(if nth == 0 { "SELECT \"" } else { ", \"" });
        sql.push(&column.name);
        sql.push("\"");
    }
    for (_, condition) in selection.conditions() {
        sql.push(", ");
        scope::push_flag(&mut sql, scope, condition);
    }
    sql
}

async fn shown(tx: &mut Tx<'_>, selection: &Selection, sql: &Sql) -> Result<Vec<Shown>> {
    let rows = tx.query(&sql.text, &sql.params).await?;
    rows.into_iter().map(|row| selection.shown(row)).collect()
}

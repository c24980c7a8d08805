//! SQL of export and import: pages of a whole resource, and what is there already of many values at once.
use std::sync::Arc;

use ::store::Tx;
use kernel::{Result, Uuid, Value, rule::Bound};

use super::{
    hold::chunks,
    is_of_living_owner, rule,
    sql::{Sql, columns},
    visible,
};
use crate::{
    records::Record,
    schema::{Declaration, Resource},
};

/// Up to `limit` records for which `filter` holds, in the order of ids, after the id `after`, and whether these are the last; fewer where they
/// are long, so that a page takes no more than `most_bytes` and a record.
pub(in crate::records) async fn page(
    tx: &mut Tx<'_>,
    declaration: &Declaration,
    resource: &Arc<Resource>,
    filter: &Bound,
    after: Option<Uuid>,
    has_deleted: bool,
    (limit, most_bytes): (usize, usize),
) -> Result<(Vec<Record>, bool)> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT {} FROM \"{}\" WHERE ", columns(resource), resource.name));
    rule::push(&mut sql, declaration, resource, filter);
    if has_deleted {
        is_of_living_owner(&mut sql, resource, &resource.name);
    } else {
        visible(&mut sql, resource);
    }
    if let Some(after) = after {
        sql.push(" AND id > ");
        sql.value(after);
    }
    sql.push(" ORDER BY id LIMIT ");
    sql.value(i64::try_from(limit).unwrap_or(i64::MAX));
    let part = tx.query_part(&sql.text, &sql.params, most_bytes).await?;
    let is_last = !part.is_cut && part.rows.len() < limit;
    let page = part.rows.into_iter().map(|row| Record::from_row(resource, row)).collect::<Result<_>>()?;
    Ok((page, is_last))
}

/// The records whose values at `places` are any of `wanted`; those marked as deleted count too unless `only_live`.
pub(in crate::records) async fn having(
    tx: &mut Tx<'_>,
    resource: &Arc<Resource>,
    places: &[usize],
    wanted: &[Vec<Value>],
    only_live: bool,
) -> Result<Vec<Record>> {
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let mut sql = Sql::new();
    sql.push(&format!("SELECT {} FROM \"{}\" WHERE ", columns(resource), resource.name));
    push_any(&mut sql, resource, places, wanted);
    if only_live && resource.is_soft_deleted {
        sql.push(" AND deleted_at IS NULL");
    }
    let rows = tx.query(&sql.text, &sql.params).await?;
    rows.into_iter().map(|row| Record::from_row(resource, row)).collect()
}

/// Which of these ids there are, those of deleted records and of deleted accounts included.
pub(in crate::records) async fn present(tx: &mut Tx<'_>, resource: &Resource, ids: &[Uuid]) -> Result<Vec<Uuid>> {
    let mut present = Vec::new();
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push(&format!("SELECT id FROM \"{}\" WHERE id IN ", resource.name));
        sql.ids(&chunk);
        for row in tx.query(&sql.text, &sql.params).await? {
            present.push(row.get(0)?);
        }
    }
    Ok(present)
}

fn push_any(sql: &mut Sql, resource: &Resource, places: &[usize], wanted: &[Vec<Value>]) {
    let name = |place: usize| resource.columns.get(place).map_or("", |column| column.name.as_str());
    if let [place] = places {
        sql.push(&format!("\"{}\" IN (", name(*place)));
        push_list(sql, &wanted.concat());
        return sql.push(")");
    }
    sql.push("(");
    for (nth, values) in padded(wanted).enumerate() {
        sql.push(if nth == 0 { "(" } else { " OR (" });
        for (nth, (place, value)) in places.iter().zip(values).enumerate() {
            sql.push(&format!("{}\"{}\" = ", if nth == 0 { "" } else { " AND " }, name(*place)));
            sql.value(value.clone());
        }
        sql.push(")");
    }
    sql.push(")");
}

fn push_list(sql: &mut Sql, values: &[Value]) {
    for (nth, value) in padded(values).enumerate() {
        sql.push(if nth == 0 { "" } else { ", " });
        sql.value(value.clone());
    }
}

/// The last one is repeated up to a power of two: few texts of statements, which stay prepared.
fn padded<T>(items: &[T]) -> impl Iterator<Item = &T> {
    items
        .iter()
        .chain(std::iter::repeat_n(items, items.len().next_power_of_two() - items.len()).filter_map(<[T]>::last))
}

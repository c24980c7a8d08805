//! Orders, and what comes after a place in one.
use kernel::Value;

use super::{
    super::{SortKey, cursor::Place},
    sql::Sql,
};
use crate::{schema::Resource, search::RANK};

/// Behind the columns stands the rank.
fn name(resource: &Resource, key: SortKey) -> String {
    format!("\"{}\"", resource.columns.get(key.column).map_or(RANK, |column| column.name.as_str()))
}

fn is_nullable(resource: &Resource, key: SortKey) -> bool {
    resource.columns.get(key.column).is_some_and(|column| column.is_nullable)
}

/// ` ORDER BY` these keys.
pub(super) fn push(sql: &mut Sql, resource: &Resource, keys: &[SortKey]) {
    for (index, key) in keys.iter().enumerate() {
        sql.push(if index == 0 { " ORDER BY " } else { ", " });
        sql.push(&order(resource, *key));
    }
}

/// Nulls come first ascending and last descending. Where there are none nothing is said, so that plain indexes serve.
fn order(resource: &Resource, key: SortKey) -> String {
    let name = name(resource, key);
    match (is_nullable(resource, key), key.is_descending) {
        (false, false) => name,
        (false, true) => format!("{name} DESC"),
        (true, false) => format!("{name} ASC NULLS FIRST"),
        (true, true) => format!("{name} DESC NULLS LAST"),
    }
}

/// ` AND` the rows after the given place, with the one that stands there if it is included. Where nothing is null and all keys
/// run one way that is one comparison of rows, which an index answers exactly; otherwise a bound on the first key alone lets it start near the right place.
pub(super) fn push_after(sql: &mut Sql, resource: &Resource, keys: &[SortKey], after: &Place) {
    let Place { values: after, is_included } = after;
    let runs_down = keys.first().is_some_and(|key| key.is_descending);
    if keys.iter().all(|key| key.is_descending == runs_down && !is_nullable(resource, *key)) {
        return push_row(sql, resource, keys, after, operator(runs_down, *is_included));
    }
    if let (Some(key), Some(value), true) = (keys.first(), after.first(), keys.len() > 1) {
        let ends_in_nulls = key.is_descending && is_nullable(resource, *key);
        if !value.is_null() && !ends_in_nulls {
            sql.push(&format!(" AND {} {} ", name(resource, *key), operator(key.is_descending, true)));
            sql.value(value.clone());
        }
    }
    sql.push(" AND ");
    push_later(sql, resource, keys, after, *is_included);
}

const fn operator(is_descending: bool, is_included: bool) -> &'static str {
    match (is_descending, is_included) {
        (false, false) => ">",
        (false, true) => ">=",
        (true, false) => "<",
        (true, true) => "<=",
    }
}

/// ` AND (k1, k2, id) > ($1, $2, $3)`.
fn push_row(sql: &mut Sql, resource: &Resource, keys: &[SortKey], after: &[Value], operator: &str) {
    let names: Vec<String> = keys.iter().map(|key| name(resource, *key)).collect();
    sql.push(&format!(" AND ({}) {operator} (", names.join(", ")));
    for (index, value) in after.iter().enumerate() {
        sql.push(if index == 0 { "" } else { ", " });
        sql.value(value.clone());
    }
    sql.push(")");
}

/// `(k1 later, or k1 equal and (k2 later, or ...))`. The last key is the id, which is never null.
fn push_later(sql: &mut Sql, resource: &Resource, keys: &[SortKey], after: &[Value], is_included: bool) {
    let (Some((key, keys)), Some((value, after))) = (keys.split_first(), after.split_first()) else {
        return sql.push("FALSE");
    };
    let name = name(resource, *key);
    sql.push("(");
    match (value, key.is_descending) {
        // Descending, nulls are last: nothing comes later.
        (Value::Null, true) => sql.push("FALSE"),
        (Value::Null, false) => sql.push(&format!("{name} IS NOT NULL")),
        (_, is_descending) => {
            sql.push(&format!("{name} {} ", operator(is_descending, is_included && keys.is_empty())));
            sql.value(value.clone());
            if is_descending && is_nullable(resource, *key) {
                sql.push(&format!(" OR {name} IS NULL"));
            }
        }
    }
    if !keys.is_empty() {
        if value.is_null() {
            sql.push(&format!(" OR ({name} IS NULL AND "));
        } else {
            sql.push(&format!(" OR ({name} = "));
            sql.value(value.clone());
            sql.push(" AND ");
        }
        push_later(sql, resource, keys, after, is_included);
        sql.push(")");
    }
    sql.push(")");
}

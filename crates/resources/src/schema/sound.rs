//! Whether a table's shape is one that a declaration can lead to. Shapes also come from files people edit and from backups made
//! elsewhere; their names and values become SQL.
use kernel::{Decimal, Uuid};
use serde_json::Value as Json;

use super::{
    index::Predicate,
    parse::is_name,
    shape::{ColumnShape, IDENTIFIER_LENGTH, IndexShape, Physical, TableShape},
};
use crate::search::MOST_FIELDS;

/// Digits of a decimal that SQLite's integers hold.
const MOST_DIGITS: u32 = 18;

/// Errors: what cannot be.
pub(super) fn check(table: &str, shape: &TableShape) -> Result<(), String> {
    name(table)?;
    for column in &shape.columns {
        check_column(table, column)?;
    }
    for index in &shape.indexes {
        check_index(table, index, shape)?;
    }
    let Some(search) = &shape.search else { return Ok(()) };
    if search.columns.is_empty() || search.columns.len() > MOST_FIELDS {
        return Err(format!("the search of {table} has {} columns", search.columns.len()));
    }
    search.columns.iter().try_for_each(|name| column(table, shape, name).map(|_| ()))
}

fn name(name: &str) -> Result<(), String> {
    if is_name(name) { Ok(()) } else { Err(format!("{name:?} is no name of a table or a column")) }
}

fn column<'s>(table: &str, shape: &'s TableShape, name: &str) -> Result<&'s ColumnShape, String> {
    shape.column(name).ok_or_else(|| format!("{table} has no {name:?}"))
}

fn check_column(table: &str, column: &ColumnShape) -> Result<(), String> {
    name(&column.name)?;
    if let Physical::Decimal { precision, scale } = column.physical
        && (precision > MOST_DIGITS || scale > precision)
    {
        return Err(format!("{table}.{} cannot be of type {}", column.name, column.physical));
    }
    if let Some(reference) = &column.reference {
        name(&reference.to)?;
    }
    match &column.default {
        Some(default) if !is_of(column.physical, default) => {
            Err(format!("{default} is no default for {table}.{}, of type {}", column.name, column.physical))
        }
        _ => Ok(()),
    }
}

fn check_index(table: &str, index: &IndexShape, shape: &TableShape) -> Result<(), String> {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if index.name.is_empty() || index.name.len() > IDENTIFIER_LENGTH || !index.name.bytes().all(is_plain) {
        return Err(format!("{:?} is no name of an index", index.name));
    }
    for name in index.reads() {
        column(table, shape, &name)?;
    }
    index.filter.as_ref().map_or(Ok(()), |filter| check_filter(table, filter, shape))
}

fn check_filter(table: &str, filter: &Predicate, shape: &TableShape) -> Result<(), String> {
    let question = match filter {
        Predicate::All(parts) | Predicate::Any(parts) => {
            return parts.iter().try_for_each(|part| check_filter(table, part, shape));
        }
        Predicate::Is(question) => question,
    };
    let physical = column(table, shape, &question.column)?.physical;
    match question.values.iter().find(|value| !is_of(physical, value)) {
        Some(value) => Err(format!("{value} is no value of {table}.{}, of type {physical}", question.column)),
        None => Ok(()),
    }
}

/// Whether it can stand for a value of this type, as [`super::shape::default_json`] writes them.
fn is_of(physical: Physical, value: &Json) -> bool {
    match (physical, value) {
        (Physical::Bool, Json::Bool(_))
        | (Physical::Text | Physical::Json, Json::String(_))
        | (Physical::Int | Physical::Float | Physical::Time | Physical::Decimal { .. }, Json::Number(_)) => true,
        (Physical::Decimal { scale, .. }, Json::String(text)) => {
            // SQLite has all digits as one integer.
            let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.' || byte == b'-');
            is_plain && text.parse::<Decimal>().is_ok_and(|number| number.scale() == scale)
        }
        (Physical::Id, Json::String(text)) => text.parse::<Uuid>().is_ok_and(|id| id.to_string() == *text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{from_value, json};

    use super::*;

    fn refused(change: impl FnOnce(&mut Json)) -> Option<String> {
        let mut shape = json!({
            "columns": [
                {"name": "id", "type": "id", "is_nullable": false},
                {"name": "title", "type": "text", "is_nullable": false, "default": "it's"},
                {"name": "price", "type": {"decimal": {"precision": 6, "scale": 2}}, "is_nullable": false, "default": "-1.50"},
                {"name": "is_on", "type": "bool", "is_nullable": false, "default": true},
                {"name": "size", "type": "int", "is_nullable": false, "default": -3},
                {"name": "parent", "type": "id", "is_nullable": true, "reference": {"to": "docs", "on_delete": "set_null"}},
            ],
            "indexes": [{
                "name": "docs__title__0123abcd__key", "columns": ["title"], "is_unique": true, "is_partial": false,
                "where": {"all": [{"is": {"column": "price", "op": "gt", "values": ["0.00"]}}]},
            }],
            "search": {"columns": ["title"], "tokens": 1},
        });
        change(&mut shape);
        match from_value::<TableShape>(shape) {
            Ok(shape) => check("docs", &shape).err(),
            Err(error) => Some(error.to_string()),
        }
    }

    #[test]
    fn what_no_declaration_leads_to_is_refused() {
        assert_eq!(refused(|_| {}), None);
        let hostile = json!("0); DROP TABLE users; --");
        for (path, value) in [
            ("/columns/1/name", json!("a\" TEXT); DROP TABLE users; --")),
            ("/columns/1/name", json!("Title")),
            ("/columns/1/default", json!(3)),
            ("/columns/1/default", json!({"\"": 1})),
            ("/columns/2/default", hostile.clone()),
            ("/columns/2/default", json!("1_0.50")),
            ("/columns/2/default", json!("1.5")),
            ("/columns/2/type/decimal/scale", json!(7)),
            ("/columns/2/type/decimal/precision", json!(19)),
            ("/columns/3/default", hostile.clone()),
            ("/columns/4/default", hostile.clone()),
            ("/columns/5/default", hostile.clone()),
            ("/columns/5/reference/to", json!("docs\" (id); DROP TABLE users; --")),
            ("/columns/5/reference/on_delete", json!("CASCADE; DROP TABLE users")),
            ("/indexes/0/name", json!("a\" ON docs (id); DROP TABLE users; --")),
            ("/indexes/0/columns/0", json!("title\"); DROP TABLE users; --")),
            ("/indexes/0/is_partial", json!(true)),
            ("/indexes/0/where/all/0/is/column", json!("price\"; --")),
            ("/indexes/0/where/all/0/is/values/0", hostile),
            ("/search/columns/0", json!("title\" FROM docs; --")),
            ("/search/columns", json!(["title", "title", "title", "title", "title"])),
        ] {
            let refusal = refused(|shape| {
                if path.ends_with("default") {
                    shape.pointer_mut(path.trim_end_matches("/default")).unwrap()["default"] = value.clone();
                } else {
                    *shape.pointer_mut(path).unwrap() = value.clone();
                }
            });
            assert!(refusal.is_some(), "{path} {value}");
        }
    }
}

//! A JSON body to typed values, with every wrong field named.
use kernel::{
    Error, FieldError, Result, Value,
    error::MAX_FIELD_ERRORS,
    merge_patch,
    schema::{Kind, unknown_field},
};
use serde_json::{Map, Value as Json};

use crate::schema::{Column, Resource};

/// The values a create gives: every declared column, defaults included.
pub(super) fn whole(resource: &Resource, mut body: Map<String, Json>) -> Result<Vec<(usize, Value)>> {
    let mut errors = unknown(resource, &body);
    let mut values = Vec::new();
    for (index, column) in resource.declared() {
        match body.remove(&column.name) {
            None if column.is_required() => errors.push(FieldError::new(&column.name, "missing", "is required")),
            None => values.push((index, unset(column))),
            Some(json) => parse(column, &json, &mut errors, |value| values.push((index, value))),
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(Error::invalid(errors)) }
}

/// The values a merge patch changes (RFC 7396): what it does not name stays.
pub(super) fn part(resource: &Resource, mut body: Map<String, Json>) -> Result<Vec<(usize, Value)>> {
    let mut errors = unknown(resource, &body);
    let mut values = Vec::new();
    for (index, column) in resource.declared() {
        if let Some(json) = body.remove(&column.name) {
            parse(column, &json, &mut errors, |value| values.push((index, value)));
        }
    }
    if errors.is_empty() { Ok(values) } else { Err(Error::invalid(errors)) }
}

fn unknown(resource: &Resource, body: &Map<String, Json>) -> Vec<FieldError> {
    let is_declared = |name: &str| resource.declared().any(|(_, column)| column.name == name);
    let unknown = body.keys().filter(|name| !is_declared(name)).take(MAX_FIELD_ERRORS);
    unknown.map(|name| unknown_field("", name)).collect()
}

fn parse(column: &Column, json: &Json, errors: &mut Vec<FieldError>, keep: impl FnOnce(Value)) {
    match json {
        Json::Null if column.is_required() => {
            errors.push(FieldError::new(&column.name, "null", "must not be null"));
        }
        // Null is the same as leaving it out.
        Json::Null => keep(unset(column)),
        _ => match column.kind.parse(json) {
            Ok(value) => keep(value),
            Err((code, message)) => errors.push(FieldError::new(&column.name, code, message)),
        },
    }
}

/// What a patch makes of a column: JSON is merged into what was there (RFC 7396), everything else replaced.
pub(super) fn merged(resource: &Resource, index: usize, before: Option<&Value>, patch: Value) -> Result<Value> {
    let Some(column) = resource.columns.get(index) else { return Ok(patch) };
    let (Kind::Json { .. }, Value::Json(patch)) = (&column.kind, &patch) else { return Ok(patch) };
    let read = |text: &str| serde_json::from_str::<Json>(text).map_err(Error::internal);
    let target = if let Some(Value::Json(before)) = before { read(before)? } else { Json::Null };
    let merged = column.kind.parse(&merge_patch(target, read(patch)?));
    merged.map_err(|(code, message)| Error::invalid(vec![FieldError::new(&column.name, code, message)]))
}

fn unset(column: &Column) -> Value {
    column.default.clone().unwrap_or(Value::Null)
}

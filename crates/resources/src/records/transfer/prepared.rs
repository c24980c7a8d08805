//! A row of a file, checked as far as that goes without the database.
use std::sync::Arc;

use kernel::{FieldError, Result, Value};
use serde_json::{Map, Value as Json};

use super::{Refusal, rows::Row};
use crate::{
    records::input::{self, Input, Standing, Unnamed},
    schema::{Owner, Resource, place},
    search::Document,
};

/// 2^53 - 1.
const MOST_VERSION: i64 = 9_007_199_254_740_991;

/// Typed values with their places.
type Values = Vec<(usize, Value)>;

#[derive(Debug)]
pub(super) struct Prepared {
    pub row: Row,
    /// What it gives of the columns clients do not write.
    pub own: Values,
    /// Every declared column, defaults included; or why it cannot become a new record.
    pub whole: Result<Values, Vec<FieldError>>,
    /// The declared columns it names.
    pub part: Values,
    /// What is searched of it as a new record.
    pub document: Option<Arc<Document>>,
}

impl Prepared {
    /// Errors: every field that is wrong. For an `upsert` fields may be missing: the record may be there.
    pub fn new(resource: &Resource, row: Row, is_upsert: bool) -> Result<Self, Refusal> {
        let mut body = row.body.clone();
        let mut errors = Vec::new();
        let own = take_own(resource, &mut body, &mut errors);
        let input = Input::parse(resource, body).searched(resource);
        let settled = |unnamed| {
            input.settle(resource, unnamed, |_| Standing::Writable).map_err(|refusal| match refusal {
                input::Refusal::Invalid(errors) | input::Refusal::Forbidden(errors) => errors,
            })
        };
        let (part, whole) = (settled(Unnamed::Kept), settled(Unnamed::Unset));
        let refused = if is_upsert { part.as_ref().err() } else { whole.as_ref().err() };
        errors.extend(refused.cloned().into_iter().flatten());
        match (errors.is_empty(), part) {
            (true, Ok(part)) => Ok(Self { row, own, whole, part, document: input.document }),
            _ => Err(Refusal::invalid(row.line, errors)),
        }
    }

    /// The value it gives for a column.
    pub fn given(&self, place: usize) -> Option<&Value> {
        self.own
            .iter()
            .chain(&self.part)
            .chain(self.whole.iter().flatten())
            .find_map(|(at, value)| (*at == place).then_some(value))
    }
}

/// Null is the same as leaving it out, but for the time of a deletion.
fn take_own(resource: &Resource, body: &mut Map<String, Json>, errors: &mut Vec<FieldError>) -> Values {
    let mut values = Vec::new();
    for (index, column) in resource.columns.iter().enumerate().filter(|(_, column)| !column.is_declared) {
        match body.remove(&column.name) {
            Some(Json::Null) if index == place::DELETED_AT => values.push((index, Value::Null)),
            None | Some(Json::Null) => {}
            Some(_) if index == place::OWNER_ID && resource.owner == Owner::None => {
                errors.push(FieldError::new(&column.name, "no_owner", "must be null: these records belong to nobody"));
            }
            Some(json) => match column.kind.parse(&json) {
                Ok(Value::Int(version)) if version > MOST_VERSION => {
                    errors.push(FieldError::new(&column.name, "out_of_range", "leaves no room for later versions"));
                }
                Ok(value) => values.push((index, value)),
                Err((code, message)) => errors.push(FieldError::new(&column.name, code, message)),
            },
        }
    }
    values
}

//! A JSON body to typed values, with every wrong field named.
use std::sync::Arc;

use kernel::{
    Error, FieldError, Result, Value,
    error::MAX_FIELD_ERRORS,
    merge_patch,
    schema::{Kind, unknown_field},
};
use serde_json::{Map, Value as Json};

use super::store;
use crate::{
    schema::{Column, Resource},
    search::Document,
};

/// What a body says of a record's fields.
#[derive(Clone, Debug)]
pub(super) struct Input {
    /// The columns it names, in the order of the declaration.
    named: Vec<(usize, Result<Value, FieldError>)>,
    unknown: Vec<FieldError>,
    /// What is searched of a record made of it.
    pub document: Option<Arc<Document>>,
}

/// What becomes of fields that a body does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unnamed {
    /// They stay as they are.
    Kept,
    /// They get their defaults; one that has none is missed.
    Unset,
    /// The same of those the actor may write; the rest stay.
    UnsetIfWritable,
}

/// How an actor stands to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Writable,
    /// Seen, not written.
    Readable,
    /// There is no such field, as far as the actor is to know.
    Hidden,
}

impl Input {
    pub fn parse(resource: &Resource, mut body: Map<String, Json>) -> Self {
        let mut named = Vec::new();
        for (index, column) in resource.declared() {
            if let Some(json) = body.remove(&column.name) {
                named.push((index, parse(column, &json)));
            }
        }
        let unknown = body.keys().take(MAX_FIELD_ERRORS).map(|name| unknown_field("", name)).collect();
        Self { named, unknown, document: None }
    }

    /// With the document of the record that is made of it: what it does not name has its default.
    pub fn searched(mut self, resource: &Resource) -> Self {
        let document = store::document(resource, |place| match self.named.iter().find(|(named, _)| *named == place) {
            Some((_, value)) => value.as_ref().ok(),
            None => resource.columns.get(place)?.default.as_ref(),
        });
        self.document = document.map(Arc::new);
        self
    }

    /// Whether the body gives the column a value that it does not take.
    pub fn is_wrong(&self, column: usize) -> bool {
        self.named.iter().any(|(named, value)| *named == column && value.is_err())
    }

    /// The values that are in order.
    pub fn values(&self) -> impl Iterator<Item = (usize, Value)> {
        self.named.iter().filter_map(|(index, value)| Some((*index, value.as_ref().ok()?.clone())))
    }

    /// Passes over a column, as if the body did not name it.
    pub fn forget(&mut self, column: usize) {
        self.named.retain(|(index, _)| *index != column);
    }

    /// The values to write. `standing` says how the actor stands to each column.
    ///
    /// Errors: 422 naming each wrong field, those the actor must not know of as unknown; [`Refusal::Forbidden`] with those that
    /// are seen and not written.
    pub fn settle(
        &self,
        resource: &Resource,
        unnamed: Unnamed,
        standing: impl Fn(usize) -> Standing,
    ) -> Result<Vec<(usize, Value)>, Refusal> {
        let (mut values, mut unknown, mut wrong) = (Vec::new(), self.unknown.clone(), Vec::new());
        let (mut forbidden, mut is_refused) = (Vec::new(), false);
        for (index, column) in resource.declared() {
            let named = self.named.iter().find(|(named, _)| *named == index).map(|(_, value)| value);
            match (named, standing(index)) {
                (Some(Ok(value)), Standing::Writable) => values.push((index, value.clone())),
                (Some(Err(error)), Standing::Writable) => wrong.push(error.clone()),
                (Some(_), Standing::Readable) => forbidden.push(unwritable(column)),
                (Some(_), Standing::Hidden) => unknown.push(unknown_field("", &column.name)),
                (None, Standing::Readable | Standing::Hidden) if unnamed == Unnamed::UnsetIfWritable => {}
                // What the server sets by itself it also keeps by itself.
                (None, _) if unnamed == Unnamed::UnsetIfWritable && column.stamp.is_some() => {}
                (None, _) if unnamed == Unnamed::Kept => {}
                (None, standing) if column.is_required() => match standing {
                    Standing::Writable => wrong.push(FieldError::new(&column.name, "missing", "is required")),
                    Standing::Readable => forbidden.push(unwritable(column)),
                    Standing::Hidden => is_refused = true,
                },
                (None, _) => values.push((index, unset(column))),
            }
        }
        // In an order that does not tell fields that are hidden from those that are not there.
        unknown.sort_by(|one, other| one.field.cmp(&other.field));
        unknown.append(&mut wrong);
        if !unknown.is_empty() {
            return Err(Refusal::Invalid(unknown));
        }
        if is_refused || !forbidden.is_empty() {
            return Err(Refusal::Forbidden(forbidden));
        }
        Ok(values)
    }
}

/// Why values are not written.
#[derive(Debug)]
pub(super) enum Refusal {
    Invalid(Vec<FieldError>),
    Forbidden(Vec<FieldError>),
}

/// The error for a field that is seen and not written.
pub(super) fn unwritable(column: &Column) -> FieldError {
    FieldError::new(&column.name, "forbidden", "is not yours to write")
}

fn parse(column: &Column, json: &Json) -> Result<Value, FieldError> {
    match json {
        Json::Null if column.is_required() => Err(FieldError::new(&column.name, "null", "must not be null")),
        // Null is the same as leaving it out.
        Json::Null => Ok(unset(column)),
        _ => column.kind.parse(json).map_err(|(code, message)| FieldError::new(&column.name, code, message)),
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

/// What a column holds of which nothing is said.
pub(super) fn unset(column: &Column) -> Value {
    column.default.clone().unwrap_or(Value::Null)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_searched_of_a_new_record_is_what_it_says_and_its_defaults() {
        let text = "[docs]\nsearch = [\"title\", \"body\", \"note\"]\n[docs.fields]\ntitle = { type = \"text\" }\n\
                    body = { type = \"text\", default = \"not yet\" }\nnote = { type = \"text\" }\nplain = { type = \"text\" }";
        let (declaration, problems) = crate::schema::parse(&text.parse().unwrap(), &toml::Table::new(), &|_| false);
        assert_eq!(problems, []);
        let docs = declaration.find("docs").unwrap();
        let document = |body| {
            let Json::Object(body) = body else { return None };
            Input::parse(docs, body).searched(docs).document
        };
        let of = |texts: [&str; 3]| Some(Arc::new(Document::of(texts)));
        assert_eq!(document(json!({"title": "A b", "plain": "c"})), of(["A b", "not yet", ""]));
        assert_eq!(document(json!({"body": "d", "note": null})), of(["", "d", ""]));
    }
}

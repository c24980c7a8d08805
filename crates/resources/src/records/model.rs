//! A record, and what a list is asked for.
use std::sync::Arc;

use ::store::row;
use kernel::{Error, Limit, Result, Uuid, Value, id, schema::Kind};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};
use serde_json::value::RawValue;

use super::Shown;
use crate::schema::{Column, Resource, place};

/// One row of a resource: its values stand where its columns stand.
#[derive(Clone, Debug)]
pub struct Record {
    pub resource: Arc<Resource>,
    pub values: Vec<Value>,
}

/// What of each record is asked for, in the words of its parameters: what they mean depends on who asks.
#[derive(Clone, Debug, Default)]
pub struct Parts {
    /// `title,price`; all of them when it is not said.
    pub fields: Option<String>,
    /// References whose records come along: `folder`.
    pub expand: Option<String>,
}

/// What a list is asked for, in the words of its parameters.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    /// An expression over `record`.
    pub filter: Option<String>,
    /// Words to look for.
    pub search: Option<String>,
    /// `-created_at,title`; by default what fits the words best, and else `id`.
    pub sort: Option<String>,
    pub parts: Parts,
    pub count: Option<Counting>,
    pub limit: Limit,
    /// The page that follows this cursor, or the one before it.
    pub after: Option<String>,
    pub before: Option<String>,
    /// The soft-deleted ones in place of the others.
    pub is_deleted: bool,
}

/// Which version of a record a write is meant for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Condition {
    Any,
    Versions(Vec<i64>),
}

impl Condition {
    pub fn accepts(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

/// How a list is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counting {
    Exact,
    Estimated,
}

/// One page, and the cursors of its neighbours.
#[derive(Clone, Debug, Serialize)]
pub struct Listing {
    pub items: Vec<Shown>,
    pub next: Option<String>,
    pub prev: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<Count>,
}

/// How many records the whole list has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    Exact(i64),
    Estimated(i64),
}

/// One column of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SortKey {
    pub column: usize,
    pub is_descending: bool,
}

impl SortKey {
    /// By how well a record fits what is looked for, the best first. Its value stands behind those of the columns.
    pub fn rank(resource: &Resource) -> Self {
        Self { column: resource.columns.len(), is_descending: true }
    }

    pub fn is_rank(self, resource: &Resource) -> bool {
        self.column == resource.columns.len()
    }

    pub const fn reversed(self) -> Self {
        Self { is_descending: !self.is_descending, ..self }
    }
}

impl Record {
    pub fn id(&self) -> Result<Uuid> {
        match self.values.get(place::ID) {
            Some(Value::Uuid(id)) => Ok(*id),
            _ => Err(Error::internal("a record without an id")),
        }
    }

    pub fn version(&self) -> i64 {
        match self.values.get(place::VERSION) {
            Some(Value::Int(version)) => *version,
            _ => 0,
        }
    }

    pub(super) fn set(&mut self, column: usize, value: Value) {
        if let Some(place) = self.values.get_mut(column) {
            *place = value;
        }
    }

    /// Bytes its values take, about.
    pub(super) fn size(&self) -> usize {
        let of_value = |value: &Value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            _ => 16,
        };
        self.values.iter().map(of_value).sum()
    }

    /// Most bytes a record of these columns can take, about.
    pub(super) fn widest<'c>(columns: impl Iterator<Item = &'c Column>) -> usize {
        let of_column = |column: &Column| match column.kind {
            // A character takes four bytes at most.
            Kind::Text { max, .. } => max.saturating_mul(4),
            Kind::Json { max_bytes } => max_bytes,
            _ => 16,
        };
        columns.map(of_column).fold(0, usize::saturating_add)
    }

    /// `prefix_...`.
    pub fn shown_id(&self) -> Result<String> {
        Ok(id::encode(&self.resource.id_prefix, self.id()?))
    }

    /// A row of all columns, levelled to the types they declare.
    pub(super) fn from_row(resource: &Arc<Resource>, row: ::store::Row) -> Result<Self> {
        let values = row.into_values().into_iter().zip(&resource.columns).map(|(value, column)| level(value, column));
        Ok(Self { resource: Arc::clone(resource), values: values.collect::<Result<_>>()? })
    }
}

/// What an engine gave for a column, as the type the column declares.
pub(super) fn level(value: Value, column: &Column) -> Result<Value> {
    let levelled = match (&column.kind, value) {
        (_, Value::Null) => Some(Value::Null),
        (Kind::Id(_), Value::Bytes(bytes)) => Uuid::from_slice(&bytes).ok().map(Value::Uuid),
        (Kind::Bool, Value::Int(number)) => Some(Value::Bool(number != 0)),
        (Kind::Timestamp, Value::Int(micros)) => Some(kernel::Timestamp::from_micros(micros).into()),
        (Kind::Decimal { scale, .. }, value) => row::decimal(&value, *scale).map(Value::Decimal),
        (Kind::Json { .. }, Value::Text(text)) => Some(Value::Json(text)),
        (_, value) => Some(value),
    };
    levelled.ok_or_else(|| Error::internal(format!("column {} holds another type than declared", column.name)))
}

impl Serialize for Record {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.values.len()))?;
        for (column, value) in self.resource.columns.iter().zip(&self.values) {
            map.serialize_entry(&column.name, &InColumn(column, value))?;
        }
        map.end()
    }
}

/// A value as its column is written in JSON.
pub(super) struct InColumn<'a>(pub &'a Column, pub &'a Value);

impl Serialize for InColumn<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (&self.0.kind, self.1) {
            (_, Value::Null | Value::Bytes(_)) => serializer.serialize_unit(),
            (_, Value::Bool(truth)) => serializer.serialize_bool(*truth),
            (_, Value::Int(number)) => serializer.serialize_i64(*number),
            (_, Value::Float(number)) => serializer.serialize_f64(*number),
            (_, Value::Decimal(number)) => serializer.collect_str(number),
            (_, Value::Text(text)) => serializer.serialize_str(text),
            (Kind::Id(prefix), Value::Uuid(uuid)) => serializer.serialize_str(&id::encode(prefix, *uuid)),
            (_, Value::Uuid(uuid)) => serializer.collect_str(uuid),
            (_, Value::Timestamp(at)) => at.serialize(serializer),
            (_, Value::Json(text)) => {
                let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                raw.serialize(serializer)
            }
        }
    }
}

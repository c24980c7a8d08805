//! A record and the query of a list.
use std::sync::Arc;

use ::store::row;
use kernel::{Code, Error, FieldError, Limit, Result, Uuid, Value, id, schema::Kind};
use serde::{
    Serialize, Serializer,
    ser::{Error as _, SerializeMap as _},
};
use serde_json::value::RawValue;

use crate::schema::{Column, Resource, place};

/// One row of a resource: its values stand where its columns stand.
#[derive(Clone, Debug)]
pub struct Record {
    pub resource: Arc<Resource>,
    pub values: Vec<Value>,
}

/// How a list is ordered and which page of it is asked for.
#[derive(Clone, Debug, Default)]
pub struct ListQuery {
    pub sort: Vec<SortKey>,
    pub limit: Limit,
    /// The cursor a page before gave.
    pub after: Option<String>,
}

/// One column of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SortKey {
    pub column: usize,
    pub is_descending: bool,
}

/// Most keys of an order, `id` not counted.
const MAX_SORT_KEYS: usize = 4;
/// Most bytes of text they may hold together, because a cursor carries them: a text of 1,000 characters and little else.
const MAX_SORT_BYTES: usize = 4_200;

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

    /// Bytes its values take, about.
    pub(super) fn size(&self) -> usize {
        let of_value = |value: &Value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            _ => 16,
        };
        self.values.iter().map(of_value).sum()
    }

    /// `prefix_...`.
    pub fn shown_id(&self) -> Result<String> {
        Ok(id::encode(&self.resource.id_prefix, self.id()?))
    }

    /// The values of a row, levelled to the types the columns declare.
    pub(super) fn from_row(resource: &Arc<Resource>, row: ::store::Row) -> Result<Self> {
        let values = row.into_values().into_iter().zip(&resource.columns).map(|(value, column)| level(value, column));
        Ok(Self { resource: Arc::clone(resource), values: values.collect::<Result<_>>()? })
    }
}

fn level(value: Value, column: &Column) -> Result<Value> {
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
            map.serialize_key(&column.name)?;
            match (&column.kind, value) {
                (_, Value::Null | Value::Bytes(_)) => map.serialize_value(&())?,
                (_, Value::Bool(truth)) => map.serialize_value(truth)?,
                (_, Value::Int(number)) => map.serialize_value(number)?,
                (_, Value::Float(number)) => map.serialize_value(number)?,
                (_, Value::Decimal(number)) => map.serialize_value(&number.to_string())?,
                (_, Value::Text(text)) => map.serialize_value(text)?,
                (Kind::Id(prefix), Value::Uuid(uuid)) => map.serialize_value(&id::encode(prefix, *uuid))?,
                (_, Value::Uuid(uuid)) => map.serialize_value(&uuid.to_string())?,
                (_, Value::Timestamp(at)) => map.serialize_value(at)?,
                (_, Value::Json(text)) => {
                    let raw: &RawValue = serde_json::from_str(text).map_err(S::Error::custom)?;
                    map.serialize_value(raw)?;
                }
            }
        }
        map.end()
    }
}

impl ListQuery {
    /// Reads `sort=-created_at,title`. Errors: 400 naming what is wrong.
    pub fn sort(resource: &Resource, text: &str) -> Result<Vec<SortKey>> {
        let bad = |message: String| Error::new(Code::BadQuery).with_field(FieldError::new("sort", "invalid", message));
        let mut keys: Vec<SortKey> = Vec::new();
        let mut bytes = 0;
        for name in text.split(',') {
            let (name, is_descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
            let shown: String = name.chars().take(64).collect();
            let Some((column, declared)) = resource.column(name) else {
                return Err(bad(format!("there is no field `{shown}`")));
            };
            if matches!(declared.kind, Kind::Json { .. }) {
                return Err(bad(format!("`{shown}` has no order")));
            }
            bytes = declared.text_bytes().saturating_add(bytes);
            if bytes > MAX_SORT_BYTES {
                return Err(bad("texts that may be so long cannot be sorted by".to_owned()));
            }
            if keys.iter().any(|key| key.column == column) {
                return Err(bad(format!("`{shown}` is named twice")));
            }
            keys.push(SortKey { column, is_descending });
        }
        if keys.len() > MAX_SORT_KEYS {
            return Err(bad(format!("at most {MAX_SORT_KEYS} fields can be named")));
        }
        Ok(keys)
    }
}

//! Rows as both engines return them, and how a column becomes a Rust value.
use std::ops::ControlFlow;

use kernel::{Decimal, Error, Id, Result, Timestamp, Uuid, Value};

/// One row of an answer. SQLite knows five storage classes, PostgreSQL real types; [`FromValue`] levels them.
#[derive(Clone, Debug)]
pub struct Row {
    values: Vec<Value>,
}

impl Row {
    pub(crate) const fn new(values: Vec<Value>) -> Self {
        Self { values }
    }

    /// Column `index`, from 0. Errors: internal, when the column is missing or of another type.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T> {
        let value = self.values.get(index).ok_or_else(|| Error::internal(format!("the row has no column {index}")))?;
        T::from_value(value).ok_or_else(|| {
            Error::internal(format!("column {index} holds another type than {}", std::any::type_name::<T>()))
        })
    }

    pub fn into_values(self) -> Vec<Value> {
        self.values
    }

    /// About what it takes in memory, in bytes.
    fn size(&self) -> usize {
        let of_value = |value: &Value| match value {
            Value::Text(text) | Value::Json(text) => text.len(),
            Value::Bytes(bytes) => bytes.len(),
            _ => 16,
        };
        self.values.iter().map(of_value).sum()
    }
}

/// The first rows of an answer.
#[derive(Debug, Default)]
pub struct Part {
    pub rows: Vec<Row>,
    /// Whether rows may have been left out.
    pub is_cut: bool,
    bytes: usize,
}

impl Part {
    /// Takes a row more; breaks once they take `most_bytes`.
    pub(crate) fn take(&mut self, row: Row, most_bytes: usize) -> ControlFlow<()> {
        self.bytes = self.bytes.saturating_add(row.size());
        self.rows.push(row);
        self.is_cut = self.bytes >= most_bytes;
        if self.is_cut { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }
}

/// What a column can be read as.
pub trait FromValue: Sized {
    fn from_value(value: &Value) -> Option<Self>;
}

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: &Value) -> Option<Self> {
        if value.is_null() { Some(None) } else { T::from_value(value).map(Some) }
    }
}
impl FromValue for i64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Int(number) => Some(*number),
            // To PostgreSQL a sum of integers is numeric.
            Value::Decimal(number) if number.is_integer() => (*number).try_into().ok(),
            _ => None,
        }
    }
}
impl FromValue for f64 {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Float(number) => Some(*number),
            _ => None,
        }
    }
}
impl FromValue for bool {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bool(truth) => Some(*truth),
            Value::Int(number @ (0 | 1)) => Some(*number == 1),
            _ => None,
        }
    }
}
impl FromValue for String {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Text(text) | Value::Json(text) => Some(text.clone()),
            _ => None,
        }
    }
}
impl FromValue for Vec<u8> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }
}
impl FromValue for Uuid {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Uuid(uuid) => Some(*uuid),
            Value::Bytes(bytes) => Self::from_slice(bytes).ok(),
            _ => None,
        }
    }
}
impl<K: kernel::id::Kind> FromValue for Id<K> {
    fn from_value(value: &Value) -> Option<Self> {
        Uuid::from_value(value).map(Self::from_uuid)
    }
}
impl FromValue for Timestamp {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Timestamp(at) => Some(*at),
            Value::Int(micros) => Some(Self::from_micros(*micros)),
            _ => None,
        }
    }
}

/// A decimal of the given scale: PostgreSQL's numeric, or SQLite's integer of all digits.
pub fn decimal(value: &Value, scale: u32) -> Option<Decimal> {
    match value {
        Value::Decimal(number) => {
            let mut number = *number;
            number.rescale(scale);
            Some(number)
        }
        Value::Int(digits) => Some(Decimal::new(*digits, scale)),
        _ => None,
    }
}

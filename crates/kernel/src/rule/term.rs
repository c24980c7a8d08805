//! Values that a bound rule takes from the record.
use std::{borrow::Cow, sync::Arc};

use super::bound::{Bound, Related};
use crate::{time::Timestamp, value::Value};

/// What is compared, once the actor and the time are known. Whatever is null makes null.
#[derive(Clone, Debug, PartialEq)]
pub enum Term {
    Field(Path),
    Value(Value),
    /// ASCII letters alone change.
    Lower(Box<Self>),
    Upper(Box<Self>),
    /// Code points.
    Size(Box<Self>),
    /// A time so many microseconds later.
    Shift(Box<Self>, i64),
    /// The microseconds from the second time to the first.
    Between(Box<Self>, Box<Self>),
}

/// Where a value stands: in the record, or in one it refers to.
#[derive(Clone, Debug, PartialEq)]
pub struct Path {
    pub relation: Option<Relation>,
    pub field: usize,
    /// It counts as null unless this holds for the record it stands in.
    pub guard: Option<Arc<Bound>>,
}

/// A step to the record that a column refers to. There is none when it was deleted.
#[derive(Clone, Debug, PartialEq)]
pub struct Relation {
    pub column: usize,
    /// It leads nowhere unless this holds for the record that it leads away from.
    pub sight: Option<Arc<Bound>>,
    /// It counts as not there unless this holds for it.
    pub guard: Option<Arc<Bound>>,
}

impl Term {
    pub const fn as_value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            _ => None,
        }
    }

    /// A constant where nothing of the record is asked for.
    pub(super) fn folded(self) -> Self {
        let is_constant = match &self {
            Self::Field(_) | Self::Value(_) => false,
            Self::Lower(of) | Self::Upper(of) | Self::Size(of) | Self::Shift(of, _) => of.as_value().is_some(),
            Self::Between(later, earlier) => later.as_value().is_some() && earlier.as_value().is_some(),
        };
        if is_constant { Self::Value(self.value(&[], &Related::default()).into_owned()) } else { self }
    }

    pub(super) fn value<'a>(&'a self, record: &'a [Value], related: &'a Related) -> Cow<'a, Value> {
        let owned = match self {
            Self::Field(path) => return path.value(record, related).map_or(Cow::Owned(Value::Null), Cow::Borrowed),
            Self::Value(value) => return Cow::Borrowed(value),
            Self::Lower(of) => text(&of.value(record, related)).map(|text| text.to_ascii_lowercase().into()),
            Self::Upper(of) => text(&of.value(record, related)).map(|text| text.to_ascii_uppercase().into()),
            Self::Size(of) => text(&of.value(record, related)).map(size),
            Self::Shift(of, micros) => {
                instant(&of.value(record, related)).map(|at| Timestamp::from_micros(at.saturating_add(*micros)).into())
            }
            Self::Between(later, earlier) => {
                let (later, earlier) = (later.value(record, related), earlier.value(record, related));
                let both = instant(&later).zip(instant(&earlier));
                both.map(|(later, earlier)| Value::Int(later.saturating_sub(earlier)))
            }
        };
        Cow::Owned(owned.unwrap_or(Value::Null))
    }

    pub(super) fn paths<'a>(&'a self, found: &mut Vec<&'a Path>) {
        match self {
            Self::Field(path) => found.push(path),
            Self::Value(_) => {}
            Self::Lower(of) | Self::Upper(of) | Self::Size(of) | Self::Shift(of, _) => of.paths(found),
            Self::Between(later, earlier) => {
                later.paths(found);
                earlier.paths(found);
            }
        }
    }
}

impl Path {
    fn value<'a>(&self, record: &'a [Value], related: &'a Related) -> Option<&'a Value> {
        let allows = |guard: &Option<Arc<Bound>>, record: &[Value], related: &Related| {
            guard.as_ref().is_none_or(|guard| guard.matches_with(record, related))
        };
        let (record, related) = match &self.relation {
            None => (record, related),
            Some(relation) => {
                if !allows(&relation.sight, record, related) {
                    return None;
                }
                let (record, related) = related.get(relation.column)?;
                if !allows(&relation.guard, record, related) {
                    return None;
                }
                (record, related)
            }
        };
        if allows(&self.guard, record, related) { record.get(self.field) } else { None }
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

const fn instant(value: &Value) -> Option<i64> {
    match value {
        Value::Timestamp(at) => Some(at.micros()),
        _ => None,
    }
}

fn size(text: &str) -> Value {
    Value::Int(i64::try_from(text.chars().count()).unwrap_or(i64::MAX))
}

//! A record as one actor sees it.
use std::ops::Deref;

use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Record, model::InColumn};

/// A record without the fields that are hidden from whoever asked: this, and never a [`Record`], goes into answers.
#[derive(Clone, Debug)]
pub struct Shown {
    record: Record,
    /// Whether each of its columns may be seen.
    is_visible: Vec<bool>,
}

impl Shown {
    pub(super) const fn new(record: Record, is_visible: Vec<bool>) -> Self {
        Self { record, is_visible }
    }

    /// Of each of its columns whether it may be seen.
    pub(super) fn is_visible(&self) -> &[bool] {
        &self.is_visible
    }
}

/// Its values, hidden ones included: for rules.
impl Deref for Shown {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let columns = self.record.resource.columns.iter().zip(&self.record.values).zip(&self.is_visible);
        for ((column, value), _) in columns.filter(|(_, is_visible)| **is_visible) {
            map.serialize_entry(&column.name, &InColumn(column, value))?;
        }
        map.end()
    }
}

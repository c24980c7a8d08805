//! A record as one actor sees it.
use std::{collections::BTreeMap, ops::Deref, sync::Arc};

use kernel::Value;
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Record, model::InColumn};
use crate::{
    schema::Resource,
    search::{Query, highlight},
};

/// A record without the fields that are hidden from whoever asked: this, and never a [`Record`], goes into answers.
#[derive(Clone, Debug)]
pub struct Shown {
    record: Record,
    /// Whether each of its columns is to be seen.
    is_visible: Vec<bool>,
    expanded: Option<Expanded>,
    /// Of each searched column what was found in it.
    highlights: Option<Vec<(usize, String)>>,
}

/// For each column that was asked for, the record it refers to, if that can be seen.
#[derive(Clone, Debug)]
struct Expanded(Vec<(usize, Option<Arc<Shown>>)>);

impl Shown {
    pub(super) const fn new(record: Record, is_visible: Vec<bool>) -> Self {
        Self { record, is_visible, expanded: None, highlights: None }
    }

    /// Adds what `column` refers to.
    pub(super) fn expand(&mut self, column: usize, target: Option<Arc<Self>>) {
        self.expanded.get_or_insert(Expanded(Vec::new())).0.push((column, target));
    }

    /// Shows where its `columns` have what was looked for.
    pub(super) fn highlight(&mut self, columns: &[usize], query: &Query) {
        let text = |column: usize| match self.record.values.get(column) {
            Some(Value::Text(text)) => highlight(text, query),
            _ => None,
        };
        self.highlights = Some(columns.iter().filter_map(|column| Some((*column, text(*column)?))).collect());
    }

    /// Bytes it takes in an answer, about.
    pub(super) fn size(&self) -> usize {
        let expanded = self.expanded.iter().flat_map(|expanded| &expanded.0);
        let targets = expanded.filter_map(|(_, target)| target.as_ref()).map(|target| target.size());
        self.record.size() + targets.sum::<usize>()
    }

    /// Puts how well it fits what is looked for behind its values, where an order by rank looks for it.
    pub(super) fn set_rank(&mut self, rank: Value) {
        self.record.values.push(rank);
    }

    /// Of each of its columns whether it may be seen.
    pub(super) fn is_visible(&self) -> &[bool] {
        &self.is_visible
    }
}

/// Its values: of what is hidden, or was not read, null.
impl Deref for Shown {
    type Target = Record;

    fn deref(&self) -> &Record {
        &self.record
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let resource = &self.record.resource;
        let mut map = serializer.serialize_map(None)?;
        let columns = resource.columns.iter().zip(&self.record.values).zip(&self.is_visible);
        for ((column, value), _) in columns.filter(|(_, is_visible)| **is_visible) {
            map.serialize_entry(&column.name, &InColumn(column, value))?;
        }
        if let Some(expanded) = &self.expanded {
            map.serialize_entry("expand", &Named(resource, expanded))?;
        }
        if let Some(highlights) = &self.highlights {
            let name = |column: usize| resource.columns.get(column).map_or("", |column| &column.name);
            let named: BTreeMap<&str, &str> =
                highlights.iter().map(|(column, html)| (name(*column), &**html)).collect();
            map.serialize_entry("highlights", &named)?;
        }
        map.end()
    }
}

/// `{"folder": {...} or null}`
struct Named<'a>(&'a Resource, &'a Expanded);

impl Serialize for Named<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let name = |column: usize| self.0.columns.get(column).map(|column| &column.name);
        serializer.collect_map(self.1.0.iter().map(|(column, target)| (name(*column), target.as_deref())))
    }
}

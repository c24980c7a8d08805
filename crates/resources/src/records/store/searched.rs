//! What a record is found by is written with the record.
use ::store::Tx;
use kernel::{Result, Value};

use super::super::Record;
use crate::{
    schema::Resource,
    search::{self, Document},
};

/// What is searched of a record with these values; `None` where its resource is not searched. Long texts take their time: what is to
/// be inserted is read before a transaction is open, because on SQLite all who write wait for one thread.
pub(in crate::records) fn document<'v>(
    resource: &Resource,
    value: impl Fn(usize) -> Option<&'v Value>,
) -> Option<Document> {
    let text = |place: &usize| match value(*place) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    (!resource.search.is_empty()).then(|| Document::of(resource.search.iter().map(text)))
}

/// What is searched of a record that changes; `None` where that stays.
pub(super) fn changed(before: &Record, after: &Record) -> Option<Document> {
    let differs = |place: &usize| before.values.get(*place) != after.values.get(*place);
    after
        .resource
        .search
        .iter()
        .any(differs)
        .then(|| document(&after.resource, |place| after.values.get(place)))
        .flatten()
}

/// Keeps it where it does not lie in the row itself.
pub(super) async fn keep(tx: &mut Tx<'_>, record: &Record, document: Option<&Document>) -> Result<()> {
    match document {
        Some(document) => search::keep(tx, &record.resource.name, record.id()?, document).await,
        None => Ok(()),
    }
}

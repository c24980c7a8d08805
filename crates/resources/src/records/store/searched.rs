//! What a record is found by is written with the record.
use ::store::Tx;
use kernel::{Result, Value};

use super::super::Record;
use crate::search::{self, Document};

/// What is searched of a record; `None` where its resource is not searched.
pub(super) fn document(record: &Record) -> Option<Document> {
    let text = |place: &usize| match record.values.get(*place) {
        Some(Value::Text(text)) => text.as_str(),
        _ => "",
    };
    let places = &record.resource.search;
    (!places.is_empty()).then(|| Document::of(places.iter().map(text)))
}

/// What is searched of a record that changes; `None` where that stays.
pub(super) fn changed(before: &Record, after: &Record) -> Option<Document> {
    let differs = |place: &usize| before.values.get(*place) != after.values.get(*place);
    after.resource.search.iter().any(differs).then(|| document(after)).flatten()
}

/// Keeps it where it does not lie in the row itself.
pub(super) async fn keep(tx: &mut Tx<'_>, record: &Record, document: Option<&Document>) -> Result<()> {
    match document {
        Some(document) => search::keep(tx, &record.resource.name, record.id()?, document).await,
        None => Ok(()),
    }
}

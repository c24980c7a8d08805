//! Which columns refer to the records of a resource.
use std::sync::Arc;

use crate::schema::{Declaration, OnDelete, Resource};

/// Every column that refers to `target`.
pub(super) fn referrers<'a>(
    declaration: &'a Declaration,
    target: &'a Resource,
) -> impl Iterator<Item = (&'a Arc<Resource>, &'a str, OnDelete)> {
    declaration.resources.iter().flat_map(move |resource| {
        resource.columns.iter().filter_map(move |column| {
            let reference = column.reference.as_ref().filter(|reference| reference.to == target.name)?;
            Some((resource, column.name.as_str(), reference.on_delete))
        })
    })
}

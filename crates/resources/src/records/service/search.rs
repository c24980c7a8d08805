//! `q`: what is looked for, in the fields that the caller sees.
use kernel::Result;

use super::super::{Search, Sight, SortKey, View, bad_query};
use crate::{
    schema::{Resource, place},
    search::Query,
};

/// Errors: 400 for a query without words, or with too many; where there is nothing to look into.
pub(super) fn search(view: &View, text: &str) -> Result<Search> {
    let query = Query::parse(text)?;
    let searched = &view.resource.search;
    // Whether a searched field is seen depends on the caller alone: the declaration sees to that.
    let is_seen = |column: &usize| matches!(view.sight(*column), Sight::Always);
    let fields: Vec<usize> =
        searched.iter().enumerate().filter(|(_, column)| is_seen(column)).map(|(place, _)| place).collect();
    if fields.is_empty() {
        return Err(bad_query("q", "there is nothing to search"));
    }
    let is_all = fields.len() == searched.len();
    Ok(Search { query, fields: (!is_all).then_some(fields) })
}

/// The best first, the newest among equals.
pub(super) fn by_rank(resource: &Resource) -> Vec<SortKey> {
    vec![SortKey::rank(resource), SortKey { column: place::ID, is_descending: true }]
}

impl Search {
    /// The columns it looks into.
    pub(super) fn columns(&self, resource: &Resource) -> Vec<usize> {
        let is_seen = |place: &usize| self.fields.as_ref().is_none_or(|fields| fields.contains(place));
        let searched = resource.search.iter().enumerate().filter(|(place, _)| is_seen(place));
        searched.map(|(_, column)| *column).collect()
    }
}

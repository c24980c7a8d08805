//! `sort`: the order of a list.
use kernel::{Result, schema::Kind};

use super::super::{Sight, SortKey, View, bad_query};
use crate::schema::place;

/// Most keys of an order, `id` not counted.
const MAX_KEYS: usize = 4;
/// Most bytes of text they may hold together, because a cursor carries them: a text of 1,000 characters and little else.
pub(super) const MAX_BYTES: usize = 4_200;

/// Reads `-created_at,title`; `id` breaks ties. Errors: 400 naming what is wrong.
pub(super) fn sort_keys(view: &View, text: Option<&str>) -> Result<Vec<SortKey>> {
    let parts = text.into_iter().flat_map(|text| text.split(','));
    let key = |part: &str| match part.strip_prefix('-') {
        Some(name) => Ok(SortKey { column: view.field("sort", name)?.0, is_descending: true }),
        None => Ok(SortKey { column: view.field("sort", part)?.0, is_descending: false }),
    };
    let mut keys: Vec<SortKey> = parts.map(key).collect::<Result<_>>()?;
    check_keys("sort", view, &keys)?;
    if keys.iter().all(|key| key.column != place::ID) {
        let is_descending = keys.last().is_some_and(|key| key.is_descending);
        keys.push(SortKey { column: place::ID, is_descending });
    }
    Ok(keys)
}

/// Errors: 400 for keys that order nothing, repeat one another, or make cursors too long.
pub(super) fn check_keys(parameter: &'static str, view: &View, keys: &[SortKey]) -> Result<()> {
    let mut bytes = 0_usize;
    for (nth, key) in keys.iter().enumerate() {
        let Some(column) = view.resource.columns.get(key.column) else { continue };
        let name = &column.name;
        if matches!(column.kind, Kind::Json { .. }) {
            return Err(bad_query(parameter, format!("`{name}` has no order")));
        }
        if matches!(view.sight(key.column), Sight::Where(_)) {
            return Err(bad_query(parameter, format!("`{name}` is not shown in every record, so it orders none")));
        }
        if keys.iter().take(nth).any(|other| other.column == key.column) {
            return Err(bad_query(parameter, format!("`{name}` is named twice")));
        }
        bytes = column.text_bytes().saturating_add(bytes);
        if bytes > MAX_BYTES {
            return Err(bad_query(parameter, "texts that may be so long have no place in an order"));
        }
    }
    if keys.len() > MAX_KEYS {
        return Err(bad_query(parameter, format!("at most {MAX_KEYS} fields can be named")));
    }
    Ok(())
}

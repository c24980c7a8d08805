//! The order of a list.
use kernel::{Code, Error, FieldError, Result, schema::Kind};

use super::{
    super::SortKey,
    view::{Sight, View},
};
use crate::schema::place;

/// Most keys of an order, `id` not counted.
const MAX_KEYS: usize = 4;
/// Most bytes of text they may hold together, because a cursor carries them: a text of 1,000 characters and little else.
const MAX_BYTES: usize = 4_200;

/// Reads `-created_at,title`; `id` breaks ties. Errors: 400 naming what is wrong.
pub(super) fn sort_keys(view: &View, text: Option<&str>) -> Result<Vec<SortKey>> {
    let mut keys: Vec<SortKey> = Vec::new();
    let mut bytes = 0;
    for name in text.into_iter().flat_map(|text| text.split(',')) {
        let (name, is_descending) = name.strip_prefix('-').map_or((name, false), |name| (name, true));
        let (column, declared, sight) = view.field("sort", name)?;
        if matches!(declared.kind, Kind::Json { .. }) {
            return Err(bad(format!("`{name}` has no order")));
        }
        if matches!(sight, Sight::Where(_)) {
            return Err(bad(format!("`{name}` is not shown in every record, so it orders none")));
        }
        bytes = declared.text_bytes().saturating_add(bytes);
        if bytes > MAX_BYTES {
            return Err(bad("texts that may be so long cannot be sorted by"));
        }
        if keys.iter().any(|key| key.column == column) {
            return Err(bad(format!("`{name}` is named twice")));
        }
        keys.push(SortKey { column, is_descending });
    }
    if keys.len() > MAX_KEYS {
        return Err(bad(format!("at most {MAX_KEYS} fields can be named")));
    }
    if keys.iter().all(|key| key.column != place::ID) {
        let is_descending = keys.last().is_some_and(|key| key.is_descending);
        keys.push(SortKey { column: place::ID, is_descending });
    }
    Ok(keys)
}

fn bad(message: impl Into<String>) -> Error {
    Error::new(Code::BadQuery).with_field(FieldError::new("sort", "invalid", message))
}

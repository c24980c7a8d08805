//! Cursors: where a page ended, signed together with the list and the order it belongs to.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Error, Result, Value};
use platform::secrets::MacKey;

use super::{
    SortKey,
    codec::{pull, push},
};
use crate::schema::{Physical, Resource};

/// HMAC-SHA256.
const TAG_LENGTH: usize = 32;

/// Ends the payload of a cursor that includes the record it stands on.
const INCLUDED: &[u8] = b"=";

/// Where a page begins.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// One for each key.
    pub values: Vec<Value>,
    /// Whether the record that stands there, if there is one, is part of the page.
    pub is_included: bool,
}

/// The cursor of the place in `list`, a list of `resource`, where a record with these values stands.
pub(super) fn encode(key: &MacKey, list: &str, resource: &Resource, keys: &[SortKey], values: &[Value]) -> String {
    let mut payload = Vec::new();
    for value in keys.iter().filter_map(|key| values.get(key.column)) {
        push(&mut payload, value);
    }
    sealed(key, list, resource, keys, &payload)
}

/// The cursor of the same place in whose page the record that stands there is.
pub(super) fn including(key: &MacKey, list: &str, resource: &Resource, keys: &[SortKey], place: &Place) -> String {
    let mut payload = Vec::new();
    for value in &place.values {
        push(&mut payload, value);
    }
    payload.extend_from_slice(INCLUDED);
    sealed(key, list, resource, keys, &payload)
}

pub(super) fn sealed(key: &MacKey, list: &str, resource: &Resource, keys: &[SortKey], payload: &[u8]) -> String {
    let mut bytes = key.sign(&signed(list, resource, keys, payload)).to_vec();
    bytes.extend_from_slice(payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The place a cursor stands on. Errors: 400 `bad_cursor` for any that this list did not give.
pub(super) fn decode(key: &MacKey, list: &str, resource: &Resource, keys: &[SortKey], cursor: &str) -> Result<Place> {
    let bad = || Error::new(Code::BadCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (tag, payload) = bytes.split_at_checked(TAG_LENGTH).ok_or_else(bad)?;
    if !key.verify(&signed(list, resource, keys, payload), tag) {
        return Err(bad());
    }
    let mut rest = payload;
    let values: Option<Vec<Value>> = keys.iter().map(|_| pull(&mut rest)).collect();
    let is_included = rest == INCLUDED;
    let values = values.filter(|_| rest.is_empty() || is_included).ok_or_else(bad)?;
    Ok(Place { values, is_included })
}

/// What the tag is of: columns count with their types, for the values of one that became another do not fit it.
fn signed(list: &str, resource: &Resource, keys: &[SortKey], payload: &[u8]) -> Vec<u8> {
    let mut message = format!("{list}?");
    for key in keys {
        message.push(if key.is_descending { '-' } else { '+' });
        if let Some(column) = resource.columns.get(key.column) {
            message.extend([column.name.as_str(), ":", &Physical::of(&column.kind).to_string()]);
        }
    }
    message.push('\0');
    [message.as_bytes(), payload].concat()
}

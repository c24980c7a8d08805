//! Cursors: where a page ended, signed together with the list and the order it belongs to.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Decimal, Error, Result, Timestamp, Uuid, Value};
use platform::secrets::MacKey;

use super::{Record, SortKey};
use crate::schema::Resource;

/// HMAC-SHA256.
const TAG_LENGTH: usize = 32;

/// The cursor that continues after `record`.
pub(super) fn encode(key: &MacKey, record: &Record, keys: &[SortKey]) -> String {
    let mut payload = Vec::new();
    for value in keys.iter().filter_map(|key| record.values.get(key.column)) {
        push(&mut payload, value);
    }
    let mut bytes = key.sign(&signed(&record.resource, keys, &payload)).to_vec();
    bytes.extend_from_slice(&payload);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The values a cursor carries, one for each key. Errors: 400 `bad_cursor` for any that this list did not give.
pub(super) fn decode(key: &MacKey, resource: &Resource, keys: &[SortKey], cursor: &str) -> Result<Vec<Value>> {
    let bad = || Error::new(Code::BadCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (tag, payload) = bytes.split_at_checked(TAG_LENGTH).ok_or_else(bad)?;
    if !key.verify(&signed(resource, keys, payload), tag) {
        return Err(bad());
    }
    let mut rest = payload;
    let values: Option<Vec<Value>> = keys.iter().map(|_| pull(&mut rest)).collect();
    values.filter(|_| rest.is_empty()).ok_or_else(bad)
}

fn signed(resource: &Resource, keys: &[SortKey], payload: &[u8]) -> Vec<u8> {
    let mut message = format!("{}?", resource.name).into_bytes();
    for key in keys {
        let name = resource.columns.get(key.column).map_or("", |column| column.name.as_str());
        message.extend_from_slice(if key.is_descending { b"-" } else { b"+" });
        message.extend_from_slice(name.as_bytes());
    }
    message.push(0);
    message.extend_from_slice(payload);
    message
}

/// A tag, a length and the bytes: exact for every type, and no longer than the value.
fn push(payload: &mut Vec<u8>, value: &Value) {
    let (tag, bytes) = match value {
        Value::Null | Value::Bytes(_) | Value::Json(_) => (b'n', Vec::new()),
        Value::Bool(truth) => (b'b', vec![u8::from(*truth)]),
        Value::Int(number) => (b'i', number.to_be_bytes().to_vec()),
        Value::Float(number) => (b'f', number.to_be_bytes().to_vec()),
        Value::Decimal(number) => (b'd', number.serialize().to_vec()),
        Value::Text(text) => (b's', text.as_bytes().to_vec()),
        Value::Uuid(uuid) => (b'u', uuid.as_bytes().to_vec()),
        Value::Timestamp(at) => (b't', at.micros().to_be_bytes().to_vec()),
    };
    payload.push(tag);
    payload.extend_from_slice(&u16::try_from(bytes.len()).unwrap_or(u16::MAX).to_be_bytes());
    payload.extend_from_slice(&bytes);
}

/// The reverse, from the front of `rest`.
fn pull(rest: &mut &[u8]) -> Option<Value> {
    let (tag, after) = rest.split_first()?;
    let (length, after) = after.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
    *rest = after;
    Some(match tag {
        b'n' => Value::Null,
        b'b' => Value::Bool(bytes == [1]),
        b'i' => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        b'f' => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        b'd' => Value::Decimal(Decimal::deserialize(bytes.try_into().ok()?)),
        b's' => Value::Text(std::str::from_utf8(bytes).ok()?.to_owned()),
        b'u' => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        b't' => Value::Timestamp(Timestamp::from_micros(i64::from_be_bytes(bytes.try_into().ok()?))),
        _ => return None,
    })
}

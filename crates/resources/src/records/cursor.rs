//! Cursors: where a page ended, signed together with the list and the order it belongs to.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Code, Error, Result, Timestamp, Uuid, Value};
use platform::secrets::MacKey;
use serde_json::Value as Json;

use super::{Record, SortKey};
use crate::schema::Resource;

/// HMAC-SHA256.
const TAG_LENGTH: usize = 32;

/// The cursor that continues after `record`.
pub(super) fn encode(key: &MacKey, record: &Record, keys: &[SortKey]) -> Result<String> {
    let values: Vec<Json> = keys.iter().filter_map(|key| record.values.get(key.column)).map(to_json).collect();
    let payload = serde_json::to_vec(&values).map_err(Error::internal)?;
    let mut bytes = key.sign(&signed(&record.resource, keys, &payload)).to_vec();
    bytes.extend_from_slice(&payload);
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// The values a cursor carries, one for each key. Errors: 400 `bad_cursor` for any that this list did not give.
pub(super) fn decode(key: &MacKey, resource: &Resource, keys: &[SortKey], cursor: &str) -> Result<Vec<Value>> {
    let bad = || Error::new(Code::BadCursor);
    let bytes = URL_SAFE_NO_PAD.decode(cursor).map_err(|_| bad())?;
    let (tag, payload) = bytes.split_at_checked(TAG_LENGTH).ok_or_else(bad)?;
    if !key.verify(&signed(resource, keys, payload), tag) {
        return Err(bad());
    }
    let values: Vec<Json> = serde_json::from_slice(payload).map_err(|_| bad())?;
    let values: Option<Vec<Value>> = values.iter().map(from_json).collect();
    values.filter(|values| values.len() == keys.len()).ok_or_else(bad)
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

/// `["tag", "text"]`: exact for every type, floats included.
fn to_json(value: &Value) -> Json {
    let tagged = |tag: &str, text: String| Json::from(vec![tag.to_owned(), text]);
    match value {
        Value::Null | Value::Bytes(_) | Value::Json(_) => Json::Null,
        Value::Bool(truth) => Json::Bool(*truth),
        Value::Int(number) => tagged("i", number.to_string()),
        Value::Float(number) => tagged("f", format!("{:x}", number.to_bits())),
        Value::Decimal(number) => tagged("d", number.to_string()),
        Value::Text(text) => Json::String(text.clone()),
        Value::Uuid(uuid) => tagged("u", uuid.to_string()),
        Value::Timestamp(at) => tagged("t", at.micros().to_string()),
    }
}

fn from_json(json: &Json) -> Option<Value> {
    match json {
        Json::Null => Some(Value::Null),
        Json::Bool(truth) => Some(Value::Bool(*truth)),
        Json::String(text) => Some(Value::Text(text.clone())),
        Json::Array(pair) => match (pair.first()?.as_str()?, pair.get(1)?.as_str()?) {
            ("i", text) => text.parse().ok().map(Value::Int),
            ("f", text) => u64::from_str_radix(text, 16).ok().map(|bits| Value::Float(f64::from_bits(bits))),
            ("d", text) => text.parse().ok().map(Value::Decimal),
            ("u", text) => text.parse::<Uuid>().ok().map(Value::Uuid),
            ("t", text) => text.parse().ok().map(|micros| Value::Timestamp(Timestamp::from_micros(micros))),
            _ => None,
        },
        _ => None,
    }
}

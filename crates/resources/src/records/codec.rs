//! Values as bytes and back, exactly: what cursors carry, and what idempotency keys keep of a write.
use std::sync::Arc;

use ::store::Codec;
use kernel::{Decimal, Error, Result, Timestamp, Uuid, Value};

use super::{Batched, Record, Shown, Upserted};
use crate::schema::Resource;

/// Appends a tag, a length and the bytes: exact for every type, and no longer than the value.
pub(super) fn push(bytes: &mut Vec<u8>, value: &Value) {
    let (tag, content): (u8, &[u8]) = match value {
        Value::Null => (b'n', &[]),
        Value::Bool(truth) => (b'b', &[u8::from(*truth)]),
        Value::Int(number) => (b'i', &number.to_be_bytes()),
        Value::Float(number) => (b'f', &number.to_be_bytes()),
        Value::Decimal(number) => (b'd', &number.serialize()),
        Value::Text(text) => (b's', text.as_bytes()),
        Value::Json(text) => (b'j', text.as_bytes()),
        Value::Bytes(bytes) => (b'y', bytes),
        Value::Uuid(uuid) => (b'u', uuid.as_bytes()),
        Value::Timestamp(at) => (b't', &at.micros().to_be_bytes()),
    };
    bytes.push(tag);
    bytes.extend_from_slice(&u32::try_from(content.len()).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend_from_slice(content);
}

/// Takes one value from the front of `rest`; none when no value begins there.
pub(super) fn pull(rest: &mut &[u8]) -> Option<Value> {
    let (tag, after) = rest.split_first()?;
    let (length, after) = after.split_first_chunk()?;
    let (bytes, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    let text = || Some(std::str::from_utf8(bytes).ok()?.to_owned());
    Some(match tag {
        b'n' => Value::Null,
        b'b' => Value::Bool(bytes == [1]),
        b'i' => Value::Int(i64::from_be_bytes(bytes.try_into().ok()?)),
        b'f' => Value::Float(f64::from_be_bytes(bytes.try_into().ok()?)),
        b'd' => Value::Decimal(Decimal::deserialize(bytes.try_into().ok()?)),
        b's' => Value::Text(text()?),
        b'j' => Value::Json(text()?),
        b'y' => Value::Bytes(bytes.to_vec()),
        b'u' => Value::Uuid(Uuid::from_slice(bytes).ok()?),
        b't' => Value::Timestamp(Timestamp::from_micros(i64::from_be_bytes(bytes.try_into().ok()?))),
        _ => return None,
    })
}

/// Keeps what became of a write to this resource.
#[derive(Clone)]
pub(super) struct Outcome(pub Arc<Resource>);

impl Outcome {
    /// Values go under their names: the declaration may have changed by the time they are read.
    fn push(bytes: &mut Vec<u8>, shown: &Shown) {
        push_count(bytes, shown.values.len());
        for ((column, value), is_visible) in shown.resource.columns.iter().zip(&shown.values).zip(shown.is_visible()) {
            push(bytes, &column.name.as_str().into());
            push(bytes, &Value::Bool(*is_visible));
            push(bytes, value);
        }
    }

    fn pull(&self, rest: &mut &[u8]) -> Option<Shown> {
        let mut values = vec![Value::Null; self.0.columns.len()];
        let mut is_visible = vec![false; self.0.columns.len()];
        for _ in 0..pull_count(rest)? {
            let (name, sight, value) = (pull(rest)?, pull(rest)?, pull(rest)?);
            let Value::Text(name) = name else { return None };
            if let Some((index, _)) = self.0.column(&name) {
                *values.get_mut(index)? = value;
                *is_visible.get_mut(index)? = sight == Value::Bool(true);
            }
        }
        Some(Shown::new(Record { resource: Arc::clone(&self.0), values }, is_visible))
    }

    fn pull_many(&self, rest: &mut &[u8]) -> Option<Vec<Shown>> {
        (0..pull_count(rest)?).map(|_| self.pull(rest)).collect()
    }
}

fn push_many(bytes: &mut Vec<u8>, records: &[Shown]) {
    push_count(bytes, records.len());
    for record in records {
        Outcome::push(bytes, record);
    }
}

fn push_count(bytes: &mut Vec<u8>, count: usize) {
    push(bytes, &Value::Int(i64::try_from(count).unwrap_or(i64::MAX)));
}

fn pull_count(rest: &mut &[u8]) -> Option<usize> {
    match pull(rest)? {
        Value::Int(count) => usize::try_from(count).ok(),
        _ => None,
    }
}

fn unreadable() -> Error {
    Error::internal("what an idempotency key kept cannot be read")
}

impl Codec<Shown> for Outcome {
    fn encode(&self, record: &Shown) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        Self::push(&mut bytes, record);
        Ok(bytes)
    }

    fn decode(&self, mut bytes: &[u8]) -> Result<Shown> {
        self.pull(&mut bytes).ok_or_else(unreadable)
    }
}

impl Codec<Upserted> for Outcome {
    fn encode(&self, upserted: &Upserted) -> Result<Vec<u8>> {
        let mut bytes = vec![u8::from(upserted.is_new)];
        Self::push(&mut bytes, &upserted.record);
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Upserted> {
        let (is_new, mut rest) = bytes.split_first().ok_or_else(unreadable)?;
        Ok(Upserted { record: self.pull(&mut rest).ok_or_else(unreadable)?, is_new: *is_new == 1 })
    }
}

impl Codec<Batched> for Outcome {
    fn encode(&self, batched: &Batched) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        push_count(&mut bytes, batched.deleted);
        push_many(&mut bytes, &batched.created);
        push_many(&mut bytes, &batched.updated);
        Ok(bytes)
    }

    fn decode(&self, bytes: &[u8]) -> Result<Batched> {
        let mut rest = bytes;
        let mut read = || {
            let deleted = pull_count(&mut rest)?;
            Some(Batched { created: self.pull_many(&mut rest)?, updated: self.pull_many(&mut rest)?, deleted })
        };
        read().ok_or_else(unreadable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_went() {
        let values = [
            Value::Null,
            Value::Bool(true),
            Value::Bool(false),
            Value::Int(i64::MIN),
            Value::Float(-0.1),
            Value::Decimal(Decimal::new(-1_050, 2)),
            Value::Text("é\u{1f600}".repeat(30_000)),
            Value::Json("{\"a\": 1}".into()),
            Value::Bytes(vec![0, 255]),
            Value::Uuid(Uuid::from_u128(7)),
            Value::Timestamp(Timestamp::from_micros(-1)),
        ];
        let mut bytes = Vec::new();
        for value in &values {
            push(&mut bytes, value);
        }
        let mut rest = bytes.as_slice();
        for value in &values {
            assert_eq!(pull(&mut rest).as_ref(), Some(value));
        }
        assert!(rest.is_empty());
        for end in 0..5 {
            assert_eq!(pull(&mut &bytes[..end]), None);
        }
    }
}

//! Rows as bytes, and the checksum of a table over them.
use std::fmt;

use aws_lc_rs::digest::{Context, SHA256};
use kernel::{Error, Result, Value};

const NULL: u8 = 0;
const INT: u8 = 1;
const FLOAT: u8 = 2;
const TEXT: u8 = 3;
const BYTES: u8 = 4;

/// Appends a row of storage classes: each value is a byte that names its class, and its content.
pub(super) fn encode(row: &[Value], out: &mut Vec<u8>) -> Result<()> {
    for value in row {
        match value {
            Value::Null => out.push(NULL),
            Value::Int(number) => put(out, INT, &number.to_be_bytes()),
            Value::Float(number) => put(out, FLOAT, &number.to_be_bytes()),
            Value::Text(text) => put_long(out, TEXT, text.as_bytes())?,
            Value::Bytes(bytes) => put_long(out, BYTES, bytes)?,
            _ => return Err(Error::internal("only values of SQLite's storage classes are copied")),
        }
    }
    Ok(())
}

fn put(out: &mut Vec<u8>, class: u8, content: &[u8]) {
    out.push(class);
    out.extend_from_slice(content);
}

fn put_long(out: &mut Vec<u8>, class: u8, content: &[u8]) -> Result<()> {
    let length = u32::try_from(content.len()).map_err(|_| Error::internal("a value of 4 GiB cannot be copied"))?;
    put(out, class, &length.to_be_bytes());
    out.extend_from_slice(content);
    Ok(())
}

/// The rows of `columns` values each that `bytes` holds. Errors: internal, when it holds anything else.
pub fn decode(mut bytes: &[u8], columns: usize) -> Result<Vec<Vec<Value>>> {
    let mut rows = Vec::new();
    while !bytes.is_empty() {
        rows.push((0..columns).map(|_| take_value(&mut bytes)).collect::<Result<_>>()?);
    }
    Ok(rows)
}

fn take_value(bytes: &mut &[u8]) -> Result<Value> {
    Ok(match take::<1>(bytes)?[0] {
        NULL => Value::Null,
        INT => Value::Int(i64::from_be_bytes(take(bytes)?)),
        FLOAT => Value::Float(f64::from_be_bytes(take(bytes)?)),
        TEXT => Value::Text(std::str::from_utf8(take_long(bytes)?).map_err(Error::internal)?.to_owned()),
        BYTES => Value::Bytes(take_long(bytes)?.to_vec()),
        _ => return Err(malformed()),
    })
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Result<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk().ok_or_else(malformed)?;
    *bytes = rest;
    Ok(*taken)
}

fn take_long<'b>(bytes: &mut &'b [u8]) -> Result<&'b [u8]> {
    let length = u32::from_be_bytes(take(bytes)?) as usize;
    let (taken, rest) = bytes.split_at_checked(length).ok_or_else(malformed)?;
    *bytes = rest;
    Ok(taken)
}

fn malformed() -> Error {
    Error::internal("the bytes are not rows")
}

/// What a table holds: how many rows, and the SHA-256 of all of them in the order of its key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Digest {
    pub rows: u64,
    pub sha256: [u8; 32],
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.sha256.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} rows, {self}", self.rows)
    }
}

/// Makes a [`Digest`], chunk by chunk.
pub struct Hasher {
    rows: u64,
    context: Context,
}

impl Hasher {
    /// Of a table with these columns.
    pub fn new<'c>(columns: impl Iterator<Item = &'c str>) -> Self {
        let mut context = Context::new(&SHA256);
        for column in columns {
            context.update(column.as_bytes());
            context.update(b"\n");
        }
        context.update(b"\n");
        Self { rows: 0, context }
    }

    pub fn update(&mut self, rows: usize, encoded: &[u8]) {
        self.rows += rows as u64;
        self.context.update(encoded);
    }

    pub fn finish(self) -> Digest {
        let mut sha256 = [0; 32];
        sha256.copy_from_slice(self.context.finish().as_ref());
        Digest { rows: self.rows, sha256 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows() -> Vec<Vec<Value>> {
        vec![
            vec![Value::Null, Value::Int(i64::MIN), Value::Float(-1.5e300)],
            vec!["Grüße 🦀".into(), Value::Bytes(vec![0, 255]), "".into()],
        ]
    }

    fn encoded() -> Vec<u8> {
        let mut bytes = Vec::new();
        for row in rows() {
            encode(&row, &mut bytes).unwrap();
        }
        bytes
    }

    #[test]
    fn rows_come_back_as_they_were() {
        assert_eq!(decode(&encoded(), 3).unwrap(), rows());
    }

    #[test]
    fn what_is_cut_short_or_of_another_width_is_refused() {
        let bytes = encoded();
        let ends: Vec<usize> = (1..bytes.len()).filter(|end| decode(&bytes[..*end], 3).is_ok()).collect();
        assert_eq!(ends.len(), 1, "only the end of the first row is one: {ends:?}");
        assert!(decode(&bytes, 4).is_err());
        assert!(decode(&[9], 1).is_err());
        assert!(decode(&[TEXT, 0, 0, 0, 1, 0xff], 1).is_err());
    }

    #[test]
    fn no_two_tables_share_a_checksum_by_where_their_values_end() {
        let digest = |columns: &[&str], row: &[Value]| {
            let mut bytes = Vec::new();
            encode(row, &mut bytes).unwrap();
            let mut hasher = Hasher::new(columns.iter().copied());
            hasher.update(1, &bytes);
            hasher.finish()
        };
        let of = |one: &str, two: &str| digest(&["a", "b"], &[one.into(), two.into()]);
        assert_eq!(of("x", "y"), of("x", "y"));
        assert_ne!(of("xy", ""), of("x", "y"));
        assert_ne!(digest(&["a"], &[Value::Null]), digest(&["b"], &[Value::Null]));
        assert_ne!(digest(&["a"], &["1".into()]), digest(&["a"], &[Value::Bytes(vec![b'1'])]));
    }
}

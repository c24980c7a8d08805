//! Values to PostgreSQL and back, converted to what each place expects.
use std::{error::Error as StdError, fmt};

use bytes::{BufMut as _, BytesMut};
use kernel::{Decimal, Error, Result, Uuid, Value};
use tokio_postgres::{
    Row,
    types::{FromSql, IsNull, ToSql, Type, to_sql_checked},
};

/// A value as a parameter.
pub(super) struct Param<'v>(pub &'v Value);

/// Parameters stay out of the driver's log.
impl fmt::Debug for Param<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("?")
    }
}

/// A value that cannot stand where it was put.
#[derive(Debug)]
pub(super) struct Unfit {
    kind: &'static str,
    place: String,
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} does not fit into {}", self.kind, self.place)
    }
}

impl StdError for Unfit {}

type Written = std::result::Result<IsNull, Box<dyn StdError + Sync + Send>>;

impl ToSql for Param<'_> {
    fn to_sql(&self, place: &Type, out: &mut BytesMut) -> Written {
        let unfit = |kind| Err(Unfit { kind, place: place.to_string() }.into());
        match (self.0, place) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Bool(truth), &Type::BOOL) => truth.to_sql(place, out),
            (Value::Bool(_), _) => unfit("a boolean"),
            (Value::Int(number), place) => write_int(*number, place, out),
            // SQLite cannot store it.
            (Value::Float(number), _) if number.is_nan() => unfit("a number that is none"),
            (Value::Float(number), &Type::FLOAT8) => number.to_sql(place, out),
            (Value::Float(_), _) => unfit("a floating-point number"),
            (Value::Decimal(number), &Type::NUMERIC) => number.to_sql(place, out),
            (Value::Decimal(_), _) => unfit("a decimal"),
            (Value::Text(text) | Value::Json(text), &Type::JSONB) => {
                out.put_u8(JSONB_VERSION);
                out.put_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Text(text) | Value::Json(text), place) if is_text(place) || *place == Type::JSON => {
                out.put_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            (Value::Text(_), _) => unfit("text"),
            (Value::Json(_), _) => unfit("JSON"),
            (Value::Bytes(bytes), &Type::BYTEA) => bytes.to_sql(place, out),
            (Value::Bytes(_), _) => unfit("a string of bytes"),
            (Value::Uuid(uuid), &Type::UUID) => uuid.to_sql(place, out),
            (Value::Uuid(uuid), &Type::BYTEA) => uuid.as_bytes().as_slice().to_sql(place, out),
            (Value::Uuid(_), _) => unfit("an id"),
            (Value::Timestamp(at), &Type::INT8) => at.micros().to_sql(place, out),
            (Value::Timestamp(_), _) => unfit("a time"),
        }
    }

    /// Every value says itself where it fits.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

/// The first byte of a jsonb on the wire (PostgreSQL's `jsonb_send`).
const JSONB_VERSION: u8 = 1;

/// Narrower places take what fits into them.
fn write_int(number: i64, place: &Type, out: &mut BytesMut) -> Written {
    let unfit = || Unfit { kind: "an integer", place: place.to_string() };
    match *place {
        Type::INT8 => number.to_sql(place, out),
        Type::INT4 => i32::try_from(number).map_err(|_| unfit())?.to_sql(place, out),
        Type::INT2 => i16::try_from(number).map_err(|_| unfit())?.to_sql(place, out),
        Type::OID => u32::try_from(number).map_err(|_| unfit())?.to_sql(place, out),
        Type::NUMERIC => Decimal::from(number).to_sql(place, out),
        // The nearest one, as SQLite converts it for a REAL column.
        #[allow(clippy::cast_precision_loss)]
        Type::FLOAT8 => (number as f64).to_sql(place, out),
        _ => Err(unfit().into()),
    }
}

const fn is_text(place: &Type) -> bool {
    matches!(*place, Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN)
}

/// The columns of `row`.
pub(super) fn values_of(row: &Row) -> Result<Vec<Value>> {
    (0..row.len()).map(|column| value_of(row, column)).collect()
}

fn value_of(row: &Row, column: usize) -> Result<Value> {
    fn read<'r, T: FromSql<'r>>(row: &'r Row, column: usize, into: impl FnOnce(T) -> Value) -> Result<Value> {
        let value: Option<T> = row.try_get(column).map_err(Error::internal)?;
        Ok(value.map_or(Value::Null, into))
    }
    match *row.columns()[column].type_() {
        Type::BOOL => read(row, column, Value::Bool),
        Type::INT8 => read(row, column, Value::Int),
        Type::INT4 => read(row, column, |number: i32| Value::Int(number.into())),
        Type::INT2 => read(row, column, |number: i16| Value::Int(number.into())),
        Type::OID => read(row, column, |number: u32| Value::Int(number.into())),
        Type::FLOAT8 => read(row, column, Value::Float),
        Type::FLOAT4 => read(row, column, |number: f32| Value::Float(number.into())),
        Type::NUMERIC => read(row, column, |number: Decimal| Value::Decimal(number)),
        Type::TEXT | Type::VARCHAR | Type::BPCHAR | Type::NAME | Type::UNKNOWN => {
            read(row, column, |text: String| Value::Text(text))
        }
        Type::CHAR => read(row, column, |byte: i8| Value::Text(char::from(byte.cast_unsigned()).to_string())),
        Type::BYTEA => read(row, column, Value::Bytes),
        Type::UUID => read(row, column, |uuid: Uuid| Value::Uuid(uuid)),
        Type::JSON | Type::JSONB => read(row, column, |json: RawJson| Value::Json(json.0)),
        Type::VOID => Ok(Value::Null),
        ref other => Err(Error::internal(format!("column {column} has the type {other}, which is not read"))),
    }
}

/// JSON as the text it is.
struct RawJson(String);

impl<'r> FromSql<'r> for RawJson {
    fn from_sql(place: &Type, raw: &'r [u8]) -> std::result::Result<Self, Box<dyn StdError + Sync + Send>> {
        let text = match (place, raw) {
            (&Type::JSONB, [JSONB_VERSION, text @ ..]) => text,
            (&Type::JSONB, _) => return Err("a jsonb of another version".into()),
            (_, text) => text,
        };
        Ok(Self(std::str::from_utf8(text)?.to_owned()))
    }

    fn accepts(place: &Type) -> bool {
        matches!(*place, Type::JSON | Type::JSONB)
    }
}

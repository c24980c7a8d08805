//! A column's values as values of another type, on either engine.
use ::store::Dialect;

use super::super::shape::Physical;

/// How a column is converted.
pub(super) struct Conversion {
    /// The value in its new type.
    pub value: String,
    /// True for rows whose value has none.
    pub misfit: Option<String>,
}

/// Floats hold every whole number up to here.
const EXACT_FLOAT: &str = "9007199254740992";

/// `x` is an SQL expression of type `from`; null stays null. What has no conversion fits only where it is null.
pub(super) fn convert(dialect: Dialect, from: Physical, to: Physical, x: &str) -> Conversion {
    use Physical::{Bool, Decimal, Float, Int, Json, Text};
    let is_sqlite = dialect == Dialect::Sqlite;
    let either = |sqlite: String, postgres: String| if is_sqlite { sqlite } else { postgres };
    let (value, misfit) = match (from, to) {
        (Int, Float) => (
            either(format!("CAST({x} AS REAL)"), format!("{x}::double precision")),
            format!("{x} NOT BETWEEN -{EXACT_FLOAT} AND {EXACT_FLOAT}"),
        ),
        (Float, Int) => (
            either(format!("CAST({x} AS INTEGER)"), format!("{x}::bigint")),
            format!("{x} NOT BETWEEN -{EXACT_FLOAT} AND {EXACT_FLOAT} OR ")
                + &either(format!("{x} <> CAST(CAST({x} AS INTEGER) AS REAL)"), format!("{x} <> trunc({x})")),
        ),
        (Int, Decimal { precision, scale }) => {
            let most = power(precision - scale) - 1;
            (
                either(format!("{x} * {}", power(scale)), format!("{x}::numeric({precision}, {scale})")),
                format!("{x} NOT BETWEEN -{most} AND {most}"),
            )
        }
        (Decimal { scale, .. }, Int) => (
            either(format!("{x} / {}", power(scale)), format!("{x}::bigint")),
            either(format!("{x} % {} <> 0", power(scale)), format!("{x} <> trunc({x})")),
        ),
        (Decimal { scale, .. }, Decimal { precision, scale: finer }) => {
            return rescale(dialect, x, scale, precision, finer);
        }
        (Int, Text) => return always(either(format!("CAST({x} AS TEXT)"), format!("{x}::text"))),
        (Decimal { scale: 0, .. }, Text) if is_sqlite => return always(format!("CAST({x} AS TEXT)")),
        (Decimal { scale, .. }, Text) => {
            let unit = power(scale);
            let digits = format!("(abs({x}) / {unit}) || '.' || printf('%0{scale}d', abs({x}) % {unit})");
            return always(either(format!("CASE WHEN {x} < 0 THEN '-' ELSE '' END || {digits}"), format!("{x}::text")));
        }
        (Bool, Text) => {
            return always(either(
                format!("CASE {x} WHEN 1 THEN 'true' WHEN 0 THEN 'false' END"),
                format!("{x}::text"),
            ));
        }
        (Bool, Int) => return always(either(x.to_owned(), format!("{x}::int::bigint"))),
        (Json, Text) => return always(either(x.to_owned(), format!("{x}::text"))),
        (Int, Bool) => (either(x.to_owned(), format!("({x} = 1)")), format!("{x} NOT IN (0, 1)")),
        (Text, Bool) => (format!("({x} = 'true')"), format!("{x} NOT IN ('true', 'false')")),
        (Text, Int) => (
            either(format!("CAST({x} AS INTEGER)"), format!("{x}::bigint")),
            // As whole numbers are written, and short enough for 64 bits.
            either(format!("CAST(CAST({x} AS INTEGER) AS TEXT) <> {x}"), format!("{x} !~ '^(0|-?[1-9][0-9]*)$'"))
                + &format!(" OR length({x}) > 18"),
        ),
        _ => (either("NULL".to_owned(), "NULL".to_owned()), format!("{x} IS NOT NULL")),
    };
    Conversion { value, misfit: Some(misfit) }
}

const fn always(value: String) -> Conversion {
    Conversion { value, misfit: None }
}

/// Decimals by another scale: exact, or a misfit.
fn rescale(dialect: Dialect, x: &str, scale: u32, precision: u32, finer: u32) -> Conversion {
    let (value, misfit) = match dialect {
        // All digits as one integer.
        Dialect::Sqlite if finer >= scale => {
            let most = power(precision - (finer - scale)) - 1;
            (format!("{x} * {}", power(finer - scale)), format!("{x} NOT BETWEEN -{most} AND {most}"))
        }
        Dialect::Sqlite => {
            let (unit, most) = (power(scale - finer), power(precision) - 1);
            (format!("{x} / {unit}"), format!("{x} % {unit} <> 0 OR {x} / {unit} NOT BETWEEN -{most} AND {most}"))
        }
        Dialect::Postgres => {
            let most = power(precision - finer);
            (format!("{x}::numeric({precision}, {finer})"), format!("{x} <> trunc({x}, {finer}) OR abs({x}) >= {most}"))
        }
    };
    Conversion { value, misfit: Some(misfit) }
}

/// 10 to this power; decimals have at most 18 digits.
fn power(exponent: u32) -> i64 {
    10_i64.pow(exponent.min(18))
}

//! Cells of CSV. An empty cell is null. Text that is empty, or that a spreadsheet would take for a formula, carries an apostrophe
//! in front (CWE-1236); reading takes exactly that one away, so that every text comes back as it was. Other types need none:
//! a number stays a number.
use std::borrow::Cow;

use kernel::{
    Error, Result, Value, json,
    schema::{Kind, Violation},
};
use serde_json::{Number, Value as Json};

use super::super::model::InColumn;
use crate::schema::Column;

/// What is in front of a text that could be mistaken.
const GUARD: char = '\'';
/// What formulas begin with, in East Asian spreadsheets in full width too.
const RISKY: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// The cell of a value.
pub(super) fn encode(column: &Column, value: &Value) -> Result<String> {
    if let Value::Json(text) = value {
        return Ok(text.clone());
    }
    Ok(match serde_json::to_value(InColumn(column, value)).map_err(Error::internal)? {
        Json::Null => String::new(),
        Json::String(text) if is_text(&column.kind) => guard(&text).into_owned(),
        Json::String(text) => text,
        other => other.to_string(),
    })
}

/// The JSON of a cell, still to be checked against its column. Errors: JSON that cannot be read.
pub(super) fn decode(kind: &Kind, cell: &str) -> Result<Json, Violation> {
    let or_text = |json: Option<Json>| json.unwrap_or_else(|| Json::String(cell.to_owned()));
    Ok(match kind {
        _ if cell.is_empty() => Json::Null,
        kind if is_text(kind) => Json::String(unguard(cell).to_owned()),
        // Spreadsheets write TRUE.
        Kind::Bool if cell.eq_ignore_ascii_case("true") => Json::Bool(true),
        Kind::Bool if cell.eq_ignore_ascii_case("false") => Json::Bool(false),
        Kind::Int { .. } => or_text(cell.parse::<i64>().ok().map(Json::from)),
        Kind::Float => or_text(cell.parse::<f64>().ok().and_then(Number::from_f64).map(Json::Number)),
        Kind::Json { .. } | Kind::Object(_) | Kind::Array { .. } => {
            json::parse(cell.as_bytes()).map_err(|_| ("format", "must be JSON".to_owned()))?
        }
        _ => Json::String(cell.to_owned()),
    })
}

/// Whether anybody may have chosen how it begins.
const fn is_text(kind: &Kind) -> bool {
    matches!(kind, Kind::Text { .. } | Kind::Email | Kind::Url | Kind::Enum(_))
}

/// Whether an apostrophe in front of this one is a guard.
fn needs_guard(text: &str) -> bool {
    text.is_empty() || text.starts_with(GUARD) || text.starts_with(RISKY)
}

fn guard(text: &str) -> Cow<'_, str> {
    if needs_guard(text) { Cow::Owned(format!("{GUARD}{text}")) } else { Cow::Borrowed(text) }
}

fn unguard(cell: &str) -> &str {
    cell.strip_prefix(GUARD).filter(|text| needs_guard(text)).unwrap_or(cell)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_disarmed_and_come_back() {
        for (text, cell) in [
            ("", "'"),
            ("'", "''"),
            ("plain", "plain"),
            ("'quoted'", "''quoted'"),
            ("=1+1", "'=1+1"),
            ("'=1+1", "''=1+1"),
            ("-5", "'-5"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=x", "'\t=x"),
            ("＝1", "'＝1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!((guard(text).as_ref(), unguard(cell)), (cell, text));
        }
        // What other programs write without a guard is taken as it is.
        for text in ["'tis", "=1", "it's"] {
            assert_eq!(unguard(text), text);
        }
    }

    #[test]
    fn cells_are_read_by_the_type_of_their_column() {
        let int = Kind::any_int();
        let json = Kind::Json { max_bytes: 100 };
        for (kind, cell, expected) in [
            (&int, "-5", Some(serde_json::json!(-5))),
            (&int, "5.0", Some(serde_json::json!("5.0"))),
            (&int, "", Some(Json::Null)),
            (&Kind::Float, "-1e-3", Some(serde_json::json!(-0.001))),
            (&Kind::Float, "inf", Some(serde_json::json!("inf"))),
            (&Kind::Bool, "TRUE", Some(serde_json::json!(true))),
            (&Kind::Bool, "yes", Some(serde_json::json!("yes"))),
            (&json, "{\"a\":[1]}", Some(serde_json::json!({"a": [1]}))),
            (&json, "{a}", None),
            (&Kind::text(5), "", Some(Json::Null)),
            (&Kind::text(5), "'", Some(serde_json::json!(""))),
            (&Kind::Date, "2026-01-02", Some(serde_json::json!("2026-01-02"))),
        ] {
            assert_eq!(decode(kind, cell).ok(), expected, "{kind:?} {cell}");
        }
    }

    /// Texts that begin as guards, formulas and nothing do, and any other.
    fn texts() -> impl Strategy<Value = String> {
        prop_oneof!["['=+@\t\r\n＝-]{0,3}.{0,8}", ".*", "[\"',\r\n;]{0,6}"]
    }

    proptest! {
        #[test]
        fn every_text_comes_back(text in texts()) {
            let cell = guard(&text);
            prop_assert!(!cell.is_empty() && !cell.starts_with(RISKY));
            prop_assert_eq!(unguard(&cell), &text);
        }

        /// Through a file as well: quotes, commas, newlines and the guard do not get into each other's way.
        #[test]
        fn every_row_of_cells_comes_back(row in prop::collection::vec(texts(), 1..5)) {
            let mut writer = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
            writer.write_record(row.iter().map(|_| "header")).unwrap();
            writer.write_record(row.iter().map(|text| guard(text).into_owned())).unwrap();
            let file = writer.into_inner().unwrap();
            let mut reader = csv::Reader::from_reader(file.as_slice());
            let read: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
            prop_assert_eq!(read.len(), 1);
            prop_assert_eq!(read[0].iter().map(unguard).collect::<Vec<_>>(), row);
        }

        #[test]
        fn every_number_comes_back(int in any::<i64>(), float in prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL) {
            prop_assert_eq!(decode(&Kind::any_int(), &int.to_string()).ok(), Some(Json::from(int)));
            let shown = Json::from(float).to_string();
            prop_assert_eq!(decode(&Kind::Float, &shown).ok(), Some(Json::from(float)));
            // In JSON Lines too: needs serde_json's exact reading.
            prop_assert_eq!(serde_json::from_str::<f64>(&shown).ok(), Some(float));
        }
    }
}

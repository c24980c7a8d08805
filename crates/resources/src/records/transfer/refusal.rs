//! Why a row of a file was not taken.
use kernel::{Error, FieldError, error::MAX_FIELD_ERRORS};
use serde::Serialize;

/// A refused row: where it stands and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Where the row begins, from 1.
    pub line: u64,
    /// `malformed`, `too_long`, `invalid`, or the code of the error the database answered with.
    pub code: &'static str,
    pub message: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
}

impl Refusal {
    /// What cannot be read as a row at all.
    pub(super) fn malformed(line: u64, message: impl Into<String>) -> Self {
        Self { line, code: "malformed", message: message.into(), errors: Vec::new() }
    }

    pub(super) fn too_long(line: u64) -> Self {
        let message = format!("is longer than {} MiB", super::MOST_ROW_BYTES / (1024 * 1024));
        Self { line, code: "too_long", message, errors: Vec::new() }
    }

    /// What was read and does not fit the resource or the database.
    pub fn invalid(line: u64, mut errors: Vec<FieldError>) -> Self {
        errors.truncate(MAX_FIELD_ERRORS);
        Self { line, code: "invalid", message: "does not fit".to_owned(), errors }
    }

    /// What the database refused at the last moment.
    pub(super) fn of(line: u64, error: &Error) -> Self {
        Self { line, code: error.code().as_str(), message: error.detail().to_owned(), errors: error.fields().to_vec() }
    }

    /// One line for people.
    pub fn to_text(&self) -> String {
        let errors: Vec<String> =
            self.errors.iter().map(|error| format!("{} {}", error.field, error.message)).collect();
        let why = if errors.is_empty() { self.message.clone() } else { errors.join("; ") };
        format!("line {}: {why}", self.line)
    }
}

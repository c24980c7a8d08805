//! Rows of a file, whatever its format.
use std::io::Read;

use kernel::{Code, Error, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Format, Refusal, lines::Lines, table::Table};
use crate::schema::Resource;

/// A row as JSON, still to be checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Row {
    /// Where it begins in the file, from 1.
    pub line: u64,
    pub body: Map<String, Json>,
    /// What it takes in the file, about.
    pub bytes: usize,
}

/// What comes next in a file.
pub(super) enum Next {
    Row(Row),
    Refused(Refusal),
}

/// A file being read.
pub(super) enum Rows<'r> {
    Lines(Lines<'r>),
    Table(Box<Table<'r>>),
}

impl<'r> Rows<'r> {
    /// Errors: 422 for a header that does not fit the resource.
    pub fn open(resource: &Resource, format: Format, input: Box<dyn Read + Send + 'r>) -> Result<Self> {
        Ok(match format {
            Format::JsonLines => Self::Lines(Lines::new(input)),
            Format::Csv => Self::Table(Box::new(Table::open(resource, input)?)),
        })
    }

    /// Errors: 503 when the file cannot be read on.
    pub fn next(&mut self) -> Result<Option<Next>> {
        match self {
            Self::Lines(lines) => lines.next(),
            Self::Table(table) => table.next(),
        }
    }
}

pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::Unavailable).with_detail("The file could not be read.").with_source(error)
}

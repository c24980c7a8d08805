//! Rows of a file, whatever its format.
use std::io::Read;

use kernel::{Code, Error, Result, schema::Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};

use super::{Format, Refusal, lines::Lines, table::Table};

/// A row as JSON, still to be checked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Row {
    /// Where it begins in the file, from 1.
    pub line: u64,
    pub body: Map<String, Json>,
    /// What it takes in the file, about.
    pub bytes: usize,
}

/// What comes next in a file.
pub enum Next {
    Row(Row),
    Refused(Refusal),
}

/// A file being read, a bounded row at a time.
pub struct Rows<'r>(Inner<'r>);

enum Inner<'r> {
    Lines(Lines<'r>),
    Table(Box<Table<'r>>),
}

impl<'r> Rows<'r> {
    /// `kind_of` knows the columns by their names. Errors: 422 for a header that names others.
    pub fn open(
        kind_of: impl Fn(&str) -> Option<Kind>,
        format: Format,
        input: Box<dyn Read + Send + 'r>,
    ) -> Result<Self> {
        Ok(Self(match format {
            Format::JsonLines => Inner::Lines(Lines::new(input)),
            Format::Csv => Inner::Table(Box::new(Table::open(kind_of, input)?)),
        }))
    }

    /// Errors: 503 when the file cannot be read on.
    pub fn read(&mut self) -> Result<Option<Next>> {
        match &mut self.0 {
            Inner::Lines(lines) => lines.next(),
            Inner::Table(table) => table.next(),
        }
    }
}

pub(super) fn unreadable(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::Unavailable).with_detail("The file could not be read.").with_source(error)
}

//! Records into a file.
use std::io::Write;

use csv::{Terminator, WriterBuilder};
use kernel::{Code, Error, Result};
use serde::{Serialize, Serializer, ser::SerializeMap as _};

use super::{Format, cell};
use crate::{
    records::{Record, model::InColumn},
    schema::Resource,
};

/// Writes records, or these fields of them, in one format.
pub(super) struct Writer<'w> {
    out: Out<'w>,
    /// The places of the fields, in their order.
    fields: &'w [usize],
}

enum Out<'w> {
    JsonLines(&'w mut dyn Write),
    Csv(Box<csv::Writer<&'w mut dyn Write>>),
}

impl<'w> Writer<'w> {
    /// Begins a file.
    pub fn new(format: Format, resource: &Resource, fields: &'w [usize], out: &'w mut dyn Write) -> Result<Self> {
        let out = match format {
            Format::JsonLines => Out::JsonLines(out),
            Format::Csv => {
                let mut csv = WriterBuilder::new().terminator(Terminator::CRLF).from_writer(out);
                let names = fields.iter().filter_map(|index| resource.columns.get(*index)).map(|column| &column.name);
                csv.write_record(names).map_err(|error| unwritable(io_of(error)))?;
                Out::Csv(Box::new(csv))
            }
        };
        Ok(Self { out, fields })
    }

    pub fn write(&mut self, record: &Record) -> Result<()> {
        let shown = Part { record, fields: self.fields };
        match &mut self.out {
            Out::JsonLines(out) => {
                serde_json::to_writer(&mut **out, &shown).map_err(|error| unwritable(error.into()))?;
                out.write_all(b"\n").map_err(unwritable)
            }
            Out::Csv(csv) => {
                let cells = shown.columns().map(|(column, value)| cell::encode(column, value));
                csv.write_record(cells.collect::<Result<Vec<_>>>()?).map_err(|error| unwritable(io_of(error)))
            }
        }
    }

    pub fn finish(self) -> Result<()> {
        match self.out {
            Out::JsonLines(out) => out.flush().map_err(unwritable),
            Out::Csv(mut csv) => csv.flush().map_err(unwritable),
        }
    }
}

/// Some fields of a record.
struct Part<'a> {
    record: &'a Record,
    fields: &'a [usize],
}

impl<'a> Part<'a> {
    fn columns(&self) -> impl Iterator<Item = (&'a crate::schema::Column, &'a kernel::Value)> {
        let record = self.record;
        let column = |index: &usize| Some((record.resource.columns.get(*index)?, record.values.get(*index)?));
        self.fields.iter().filter_map(column)
    }
}

impl Serialize for Part<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        for (column, value) in self.columns() {
            map.serialize_entry(&column.name, &InColumn(column, value))?;
        }
        map.end()
    }
}

/// The source is the `io::Error`, so that whoever printed into a pipe can tell that its reader is gone.
fn unwritable(error: std::io::Error) -> Error {
    Error::new(Code::Unavailable).with_detail("The file could not be written.").with_source(error)
}

fn io_of(error: csv::Error) -> std::io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => std::io::Error::other(format!("{other:?}")),
    }
}

//! CSV, read one bounded record at a time.
use std::io::{self, Read};

use csv::{ByteRecord, Position, Reader, ReaderBuilder};
use kernel::{Code, Error, FieldError, Result, schema::Kind, schema::unknown_field};
use serde_json::Map;

use super::{
    MOST_ROW_BYTES, Refusal, cell,
    rows::{Next, Row, unreadable},
};

pub(super) struct Table<'r> {
    reader: Reader<Bounded<Box<dyn Read + Send + 'r>>>,
    /// The field of each place.
    header: Vec<(String, Kind)>,
    record: ByteRecord,
    /// Whether lines end in a line feed alone. A carriage return ends a record before its line feed is read.
    is_unix: bool,
    is_over: bool,
}

/// A source that fails when one record takes too much of it: a quote that is never closed would take the rest of the file.
struct Bounded<R> {
    inner: R,
    left: usize,
    is_exceeded: bool,
}

impl<R: Read> Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.is_exceeded = read > self.left;
        self.left = self.left.saturating_sub(read);
        if self.is_exceeded { Err(io::Error::other("a record is too long")) } else { Ok(read) }
    }
}

impl<'r> Table<'r> {
    /// Errors: 422 naming the columns that are unknown or there twice.
    pub fn open(kind_of: impl Fn(&str) -> Option<Kind>, input: Box<dyn Read + Send + 'r>) -> Result<Self> {
        let input = Bounded { inner: input, left: MOST_ROW_BYTES, is_exceeded: false };
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(input);
        let names = reader.headers().map_err(unreadable)?.clone();
        let mut errors = Vec::new();
        let mut header: Vec<(String, Kind)> = Vec::new();
        for name in &names {
            match kind_of(name) {
                None => errors.push(unknown_field("", name)),
                Some(_) if header.iter().any(|(other, _)| other == name) => {
                    errors.push(FieldError::new(name, "duplicate", "is there twice"));
                }
                Some(kind) => header.push((name.to_owned(), kind)),
            }
        }
        if errors.is_empty() {
            let is_unix = reader.position().line() > 1;
            return Ok(Self { reader, header, record: ByteRecord::new(), is_unix, is_over: false });
        }
        let error = Error::new(Code::Invalid).with_detail("The header of the file does not fit.");
        Err(errors.into_iter().take(kernel::error::MAX_FIELD_ERRORS).fold(error, Error::with_field))
    }

    pub fn next(&mut self) -> Result<Option<Next>> {
        if self.is_over {
            return Ok(None);
        }
        self.reader.get_mut().left = MOST_ROW_BYTES;
        match self.reader.read_byte_record(&mut self.record) {
            Ok(true) => Ok(Some(self.row())),
            Ok(false) => Ok(None),
            Err(_) if self.reader.get_ref().is_exceeded => {
                // Where the next record begins is anybody's guess.
                self.is_over = true;
                let mut refusal = Refusal::too_long(self.reader.position().line());
                refusal.message.push_str("; is a quote not closed? The rest of the file was not read");
                Ok(Some(Next::Refused(refusal)))
            }
            Err(error) => Err(unreadable(error)),
        }
    }

    /// Where the record begins: as many lines before its end as it has itself. The reader's own word counts no blank lines before
    /// the record, but is better for a last line without an end.
    fn line(&self) -> u64 {
        let within = self.record.as_slice().split(|byte| *byte == b'\n').count() - 1;
        let after = u64::try_from(within).unwrap_or(0) + u64::from(self.is_unix);
        self.record.position().map_or(0, Position::line).max(self.reader.position().line().saturating_sub(after))
    }

    fn row(&self) -> Next {
        let line = self.line();
        if self.record.len() != self.header.len() {
            let why = format!("has {} cells, the header has {}", self.record.len(), self.header.len());
            return Next::Refused(Refusal::malformed(line, why));
        }
        let mut body = Map::new();
        let mut errors = Vec::new();
        for ((name, kind), bytes) in self.header.iter().zip(&self.record) {
            let Ok(text) = std::str::from_utf8(bytes) else {
                return Next::Refused(Refusal::malformed(line, "is not UTF-8"));
            };
            match cell::decode(kind, text) {
                Ok(json) => drop(body.insert(name.clone(), json)),
                Err((code, message)) => errors.push(FieldError::new(name, code, message)),
            }
        }
        if !errors.is_empty() {
            return Next::Refused(Refusal::invalid(line, errors));
        }
        Next::Row(Row { line, body, bytes: self.record.as_slice().len() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_know_their_lines() {
        for end in ["\n", "\r\n"] {
            for last in ["", end] {
                let file = format!("b{end}1{end}{end}\"2{end}{end}\"{end}{end}\"3{end}\"{end}4{last}");
                let mut table = Table::open(|_| Some(Kind::text(9)), Box::new(file.as_bytes())).unwrap();
                let mut lines = Vec::new();
                while let Some(Next::Row(row)) = table.next().unwrap() {
                    lines.push(row.line);
                }
                assert_eq!(lines, [2, 4, 8, 10], "{file:?}");
            }
        }
    }
}

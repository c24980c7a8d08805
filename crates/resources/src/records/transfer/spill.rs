//! Rows put aside in a temporary file that nobody else can open, to be tried once more.
use std::{
    fs::File,
    io::{BufReader, Read as _, Seek as _, SeekFrom, Write as _},
};

use kernel::{Code, Error, Result};

use super::{CHUNK_BYTES, CHUNK_ROWS, rows::Row};

pub(super) struct Spill {
    file: File,
    /// Where each batch begins and ends.
    batches: Vec<(u64, u64)>,
    /// The batch that is not written yet, a row a line.
    pending: Vec<u8>,
    pending_rows: usize,
    end: u64,
    rows: u64,
}

impl Spill {
    pub fn new() -> Result<Self> {
        let file = tempfile::tempfile().map_err(failed)?;
        Ok(Self { file, batches: Vec::new(), pending: Vec::new(), pending_rows: 0, end: 0, rows: 0 })
    }

    pub const fn rows(&self) -> u64 {
        self.rows
    }

    pub fn push(&mut self, row: &Row) -> Result<()> {
        serde_json::to_writer(&mut self.pending, row).map_err(Error::internal)?;
        self.pending.push(b'\n');
        self.pending_rows += 1;
        self.rows += 1;
        if self.pending_rows >= CHUNK_ROWS || self.pending.len() >= CHUNK_BYTES { self.write_batch() } else { Ok(()) }
    }

    fn write_batch(&mut self) -> Result<()> {
        self.file.write_all(&self.pending).map_err(failed)?;
        let begin = self.end;
        self.end += u64::try_from(self.pending.len()).unwrap_or(0);
        self.batches.push((begin, self.end));
        self.pending.clear();
        self.pending_rows = 0;
        Ok(())
    }

    /// The rows of a batch, from the last one on. Nothing when there is none left.
    pub fn pop(&mut self) -> Result<Option<Vec<Row>>> {
        let batch = self.take(Vec::pop)?;
        Ok(batch.map(|mut rows| {
            rows.reverse();
            rows
        }))
    }

    /// The same from the first one on.
    pub fn shift(&mut self) -> Result<Option<Vec<Row>>> {
        self.take(|batches| if batches.is_empty() { None } else { Some(batches.remove(0)) })
    }

    fn take(&mut self, next: impl FnOnce(&mut Vec<(u64, u64)>) -> Option<(u64, u64)>) -> Result<Option<Vec<Row>>> {
        if self.pending_rows > 0 {
            self.write_batch()?;
        }
        let Some((begin, end)) = next(&mut self.batches) else { return Ok(None) };
        self.file.seek(SeekFrom::Start(begin)).map_err(failed)?;
        let reader = BufReader::new((&self.file).take(end - begin));
        let rows = serde_json::Deserializer::from_reader(reader).into_iter::<Row>();
        rows.map(|row| row.map_err(Error::internal)).collect::<Result<_>>().map(Some)
    }
}

fn failed(error: std::io::Error) -> Error {
    Error::new(Code::Unavailable).with_detail("Rows could not be put aside in a temporary file.").with_source(error)
}

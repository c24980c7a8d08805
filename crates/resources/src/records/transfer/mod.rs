//! Export and import: records as files, JSON Lines or CSV, in bounded memory.
mod cell;
mod chunk;
mod draft;
mod export;
mod facts;
mod import;
mod lines;
mod prepared;
mod refusal;
mod rows;
mod spill;
mod table;
mod writer;

pub use export::Export;
pub use import::{Import, Summary, Watch};
pub use refusal::Refusal;
pub use rows::{Next, Row, Rows};

/// How records stand in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line, as the API shows records.
    JsonLines,
    /// RFC 4180 with a header.
    Csv,
}

/// Rows one transaction of an import writes.
pub const CHUNK_ROWS: usize = 500;
/// Bytes of the file it takes in at most, the last row not counted; an export's pages aim at it.
pub const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Longest row of a file, in bytes.
const MOST_ROW_BYTES: usize = 16 * 1024 * 1024;

//! From a table's first row to its last, in chunks.
use std::sync::Arc;

use kernel::{Result, Value};

use super::{encode::encode, tables::Table};
use crate::Tx;

/// What a chunk aims at, in bytes; its last row may go past it.
const CHUNK_SIZE: usize = 2 << 20;
const MOST_ROWS: usize = 2_000;
/// The first chunk's rows, while it is not known how large they are.
const FIRST_ROWS: usize = 50;

/// Reads a table in the order of its key.
pub struct Walk {
    table: Arc<Table>,
    after: Option<Vec<Value>>,
    limit: usize,
    is_over: bool,
}

/// Rows that follow each other.
pub struct Chunk {
    pub rows: Vec<Vec<Value>>,
    pub encoded: Vec<u8>,
    /// The last row's key.
    pub(super) end: Vec<Value>,
}

impl Walk {
    pub const fn new(table: Arc<Table>) -> Self {
        Self { table, after: None, limit: FIRST_ROWS, is_over: false }
    }

    /// From the row after the one with the key `end`.
    pub const fn after(table: Arc<Table>, end: Vec<Value>) -> Self {
        Self { table, after: Some(end), limit: FIRST_ROWS, is_over: false }
    }

    /// The next rows; nothing after the last.
    pub async fn next(&mut self, tx: &mut Tx<'_>) -> Result<Option<Chunk>> {
        if self.is_over {
            return Ok(None);
        }
        let table = &self.table;
        let (columns, key) = (table.column_list(), table.key_list());
        let start = match &self.after {
            None => String::new(),
            Some(end) => {
                let places: Vec<String> = (1..=end.len()).map(|place| format!("${place}")).collect();
                format!("WHERE ({key}) > ({}) ", places.join(", "))
            }
        };
        let params = self.after.as_ref().map(|end| table.fit_key(end)).transpose()?.unwrap_or_default();
        // The limit is part of the text, and one of few: a row must not cost a statement.
        let sql = format!("SELECT {columns} FROM \"{}\" {start}ORDER BY {key} LIMIT {}", table.name, self.limit);
        let mut encoded = Vec::new();
        let mut rows = Vec::new();
        // The limit goes by the rows before; these may be longer.
        let part = tx.query_part(&sql, &params, CHUNK_SIZE).await?;
        for row in part.rows {
            let row = table.level(row.into_values())?;
            encode(&row, &mut encoded)?;
            rows.push(row);
        }
        self.is_over = !part.is_cut && rows.len() < self.limit;
        let Some(last) = rows.last() else { return Ok(None) };
        let end = table.key_of(last);
        self.after = Some(end.clone());
        self.limit = limit_for(encoded.len() / rows.len());
        Ok(Some(Chunk { rows, encoded, end }))
    }
}

/// How many rows of this size fit a chunk, as a power of two.
fn limit_for(row_size: usize) -> usize {
    let rows = (CHUNK_SIZE / row_size.max(1)).clamp(1, MOST_ROWS);
    1 << rows.ilog2()
}

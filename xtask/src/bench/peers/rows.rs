//! The rows everybody starts with: the same on every run.
use std::{
    fs,
    io::{BufWriter, Write as _},
    path::Path,
};

use kernel::{Timestamp, Uuid};
use serde_json::Value as Json;

/// So many people own as many rows each.
pub const OWNERS: usize = 20;
/// 2026-01-01 in microseconds; a note came every ten seconds since.
const BEGINNING: i64 = 1_767_225_600_000_000;
const PACE: i64 = 10_000_000;

pub const TITLE: &str = "What is written in a note";
pub const BODY: &str =
    "What is written in a note of no more than usual length, in words that say little and take their room, as words do";

/// The id of the so-manieth row, as a UUIDv7.
pub fn uuid(number: usize) -> Uuid {
    let milliseconds = u128::try_from(BEGINNING / 1000 + PACE / 1000 * micros(number)).unwrap_or(0);
    // Bits that look random, as those of a real one.
    let noise = (number as u128).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    Uuid::from_u128(milliseconds << 80 | 0x7 << 76 | (noise >> 116) << 64 | 0x2 << 62 | (noise & 0x3fff_ffff_ffff_ffff))
}

/// Writes them as JSON Lines, each as `row` has it: of a number, its owner and the time it was made.
pub fn write(path: &Path, rows: usize, owners: &[String], row: fn(usize, &str, String) -> Json) -> Result<(), String> {
    let write = || {
        let mut file = BufWriter::new(fs::File::create(path)?);
        for number in 0..rows {
            let at = Timestamp::from_micros(BEGINNING.saturating_add(PACE * micros(number)));
            writeln!(file, "{}", row(number, &owners[number % OWNERS], at.to_string()))?;
        }
        file.flush()
    };
    write().map_err(|error: std::io::Error| format!("{}: {error}", path.display()))
}

fn micros(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_of_time() {
        let uuids: Vec<Uuid> = (0..1000).map(uuid).collect();
        assert!(uuids.is_sorted() && uuids.iter().all(|uuid| uuid.get_version_num() == 7));
    }
}

//! What to measure, and over how many rows.
use clap::Args;

use crate::live::{Format, Target, count};

/// The small table.
pub const FEW: u64 = 10_000;
/// Fewer than this in the large one and there is nothing to compare.
const LEAST: u64 = 2 * FEW;

/// Lists 20 rows of ten thousand and 20 of many, at the front and at page 10,000, with the declared indexes and without. Tables are filled
/// once and kept in target/bench.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rows of the large table
    #[arg(long, value_parser = rows, default_value = "10000000", default_value_if("quick", "true", "100000"))]
    pub rows: u64,
    #[arg(long, value_parser = count::<usize>, default_value = "500", default_value_if("quick", "true", "100"))]
    pub rounds: usize,
    /// 100,000 rows and 100 rounds: a look, not a measurement
    #[arg(long)]
    quick: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    #[command(flatten)]
    pub target: Target,
}

/// Round numbers only: every tenth row has a meaning, and every so many-th.
fn rows(value: &str) -> Result<u64, String> {
    let rows: u64 = count(value)?;
    let is_fit = rows >= LEAST && rows.is_multiple_of(FEW);
    is_fit.then_some(rows).ok_or_else(|| format!("a multiple of {FEW} from {LEAST} is wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bench::Measurement,
        live::{engine::Engine, tests::parsed},
    };

    fn lists(line: &str) -> Option<Options> {
        let Ok(Measurement::Lists(options)) = parsed::<Measurement>(line) else { return None };
        Some(options)
    }

    #[test]
    fn arguments_choose() {
        let all = lists("lists").unwrap();
        assert_eq!((all.rows, all.rounds, all.format), (10_000_000, 500, Format::Text));
        let some = lists("lists --quick --rounds 7 --engine=sqlite --format json --hardpan a/b").unwrap();
        assert_eq!((some.rows, some.rounds, some.format), (100_000, 7, Format::Json));
        assert_eq!(some.target.engines, [Engine::Sqlite]);
    }

    #[test]
    fn nonsense_is_told() {
        for line in ["", "writes", "lists --rows 10000", "lists --rows 12345678", "lists --format xml", "lists more"] {
            assert!(lists(line).is_none(), "{line}");
        }
    }
}

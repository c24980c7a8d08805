//! How large the tables are, and how often to ask.
use std::path::PathBuf;

use clap::Args;

use crate::{
    bench::options::FEW,
    live::{Format, Target, count},
};

/// What a get by id and a list of 20 cost in tables of several sizes: latency, and CPU of the server. Tables are filled once
/// and kept in target/bench, those of `lists` among them.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rows of each table, separated by commas
    #[arg(
        long,
        value_parser = rows,
        value_delimiter = ',',
        default_value = "10000,100000,1000000,10000000",
        default_value_if("quick", "true", "10000,100000")
    )]
    rows: Vec<u64>,
    /// Of 2,000 requests to each table, once for gets and once for lists
    #[arg(long, value_parser = count::<usize>, default_value = "20", default_value_if("quick", "true", "10"))]
    pub rounds: usize,
    /// 10,000 and 100,000 rows: a look, within two minutes
    #[arg(long)]
    quick: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// A file for a plot of CPU by rows, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

impl Options {
    /// From the smallest to the largest. Errors: there is only one.
    pub fn sizes(&self) -> Result<Vec<u64>, String> {
        let mut sizes = self.rows.clone();
        sizes.sort_unstable();
        sizes.dedup();
        if sizes.len() > 1 { Ok(sizes) } else { Err("--rows: two sizes at least are wanted".to_owned()) }
    }
}

/// Round numbers only, as the generator wants them.
fn rows(value: &str) -> Result<u64, String> {
    let rows: u64 = count(value)?;
    rows.is_multiple_of(FEW).then_some(rows).ok_or_else(|| format!("a multiple of {FEW} is wanted"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        bench::Measurement,
        live::{engine::Engine, tests::parsed},
    };

    fn growth(line: &str) -> Option<Options> {
        let Ok(Measurement::Growth(options)) = parsed::<Measurement>(line) else { return None };
        Some(options)
    }

    #[test]
    fn arguments_choose() {
        let all = growth("growth").unwrap();
        assert_eq!((all.sizes().unwrap(), all.rounds), (vec![10_000, 100_000, 1_000_000, 10_000_000], 20));
        let quick = growth("growth --quick").unwrap();
        assert_eq!((quick.sizes().unwrap(), quick.rounds), (vec![10_000, 100_000], 10));
        let some = growth("growth --rows=50000,10000,50000 --engine sqlite --format json --plot a.svg").unwrap();
        assert_eq!((some.sizes().unwrap(), some.target.engines), (vec![10_000, 50_000], vec![Engine::Sqlite]));
    }

    #[test]
    fn nonsense_is_told() {
        for line in ["growth --rows 0", "growth --rows 12345", "growth --rounds 0", "growth more"] {
            assert!(growth(line).is_none(), "{line}");
        }
        assert!(growth("growth --rows 20000").unwrap().sizes().is_err());
    }
}

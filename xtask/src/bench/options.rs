//! What to measure, and over how many rows.
use std::path::PathBuf;

use crate::live::{count, engine::Engine};

pub const USAGE: &str =
    "cargo xtask bench lists [--rows 10000000] [--rounds 500] [--quick] [--engine sqlite|postgres|both]
                        [--format text|json] [--hardpan PATH]
cargo xtask bench log-ins [...]

  lists  lists 20 rows of ten thousand and 20 of many, at the front and at page 10,000, with the declared indexes and without

  --quick  100,000 rows and 100 rounds: a look, not a measurement

Tables are filled once and kept in target/bench.";

/// The small table.
pub const FEW: u64 = 10_000;
/// Fewer than this in the large one and there is nothing to compare.
const LEAST: u64 = 2 * FEW;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Text,
    Json,
}

/// The command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Rows of the large table.
    pub rows: u64,
    pub rounds: usize,
    pub engines: Vec<Engine>,
    pub format: Format,
    /// The program; built when not given.
    pub hardpan: Option<PathBuf>,
}

impl Options {
    /// Errors: what is wrong with the arguments.
    pub fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut arguments = arguments.into_iter();
        if arguments.next().as_deref() != Some("lists") {
            return Err("what to measure is named first".to_owned());
        }
        let mut options = Self {
            rows: 10_000_000,
            rounds: 500,
            engines: vec![Engine::Sqlite, Engine::Postgres],
            format: Format::Text,
            hardpan: None,
        };
        while let Some(argument) = arguments.next() {
            if argument == "--quick" {
                (options.rows, options.rounds) = (100_000, 100);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (argument, arguments.next().unwrap_or_default()),
            };
            match (name.as_str(), value.as_str()) {
                ("--rows", _) => options.rows = rows(&value)?,
                ("--rounds", _) => options.rounds = count(&name, &value)?,
                ("--engine", _) => options.engines = Engine::parse(&value)?,
                ("--format", "text") => options.format = Format::Text,
                ("--format", "json") => options.format = Format::Json,
                ("--hardpan", path) if !path.is_empty() => options.hardpan = Some(path.into()),
                _ => return Err(format!("{name} {value} is not understood")),
            }
        }
        Ok(options)
    }
}

/// Round numbers only: every tenth row has a meaning, and every so many-th.
fn rows(value: &str) -> Result<u64, String> {
    let rows = count("--rows", value)?;
    let is_fit = rows >= LEAST && rows % FEW == 0;
    is_fit.then_some(rows).ok_or_else(|| format!("--rows wants a multiple of {FEW} from {LEAST}, not {value}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn arguments_choose() {
        let all = parsed("lists").unwrap();
        assert_eq!((all.rows, all.rounds, all.engines.len(), all.format), (10_000_000, 500, 2, Format::Text));
        let some = parsed("lists --quick --rounds 7 --engine=sqlite --format json --hardpan a/b").unwrap();
        assert_eq!((some.rows, some.rounds, some.format), (100_000, 7, Format::Json));
        assert_eq!((some.engines, some.hardpan), (vec![Engine::Sqlite], Some("a/b".into())));
    }

    #[test]
    fn nonsense_is_told() {
        for line in ["", "writes", "lists --rows 10000", "lists --rows 12345678", "lists --format xml", "lists more"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}

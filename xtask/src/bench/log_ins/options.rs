//! How often to try, and for how long the storm blows.
use std::path::PathBuf;

use crate::live::{count, engine::Engine};

pub const USAGE: &str =
    "cargo xtask bench log-ins [--tries 1000] [--rounds 5] [--seconds 10] [--quick] [--engine sqlite|postgres|both]
                          [--hardpan PATH]

  --tries    of each flow, for addresses that are known and as many that are not
  --rounds   calm and storm, in turns
  --seconds  how long each of them lasts
  --quick    100 tries, 2 rounds of 3 seconds: a look, not a measurement";

/// The command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub tries: usize,
    pub rounds: usize,
    pub seconds: usize,
    pub engines: Vec<Engine>,
    /// The program; built when not given.
    pub hardpan: Option<PathBuf>,
}

impl Options {
    /// Errors: what is wrong with the arguments.
    pub fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let engines = vec![Engine::Sqlite, Engine::Postgres];
        let mut options = Self { tries: 1000, rounds: 5, seconds: 10, engines, hardpan: None };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if argument == "--quick" {
                (options.tries, options.rounds, options.seconds) = (100, 2, 3);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (argument, arguments.next().unwrap_or_default()),
            };
            match (name.as_str(), value.as_str()) {
                ("--tries", _) => options.tries = count(&name, &value)?,
                ("--rounds", _) => options.rounds = count(&name, &value)?,
                ("--seconds", _) => options.seconds = count(&name, &value)?,
                ("--engine", _) => options.engines = Engine::parse(&value)?,
                ("--hardpan", path) if !path.is_empty() => options.hardpan = Some(path.into()),
                _ => return Err(format!("{name} {value} is not understood")),
            }
        }
        Ok(options)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Options, String> {
        Options::parse(line.split_whitespace().map(str::to_owned).collect())
    }

    #[test]
    fn arguments_choose() {
        let all = parsed("").unwrap();
        assert_eq!((all.tries, all.rounds, all.seconds, all.engines.len()), (1000, 5, 10, 2));
        let some = parsed("--quick --tries=7 --engine sqlite --hardpan a/b").unwrap();
        assert_eq!((some.tries, some.rounds, some.seconds), (7, 2, 3));
        assert_eq!((some.engines, some.hardpan), (vec![Engine::Sqlite], Some("a/b".into())));
        assert!(parsed("--tries 0").is_err() && parsed("lists").is_err());
    }
}

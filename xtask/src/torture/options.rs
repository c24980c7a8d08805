//! What to torture, how long and how hard.
use std::path::PathBuf;

use crate::live::{count, engine::Engine};

pub const USAGE: &str =
    "cargo xtask torture [kill|start|outage|drain|fsync|footprint|migrate ...] [--rounds 20] [--clients 200]
                    [--rows 1000000] [--engine sqlite|postgres|both] [--hardpan PATH]

  kill       documents are created while the program is killed; nothing acknowledged may be missing or there twice
  start      the first start on an empty folder is killed; the next one must work
  outage     documents are created while PostgreSQL crashes and comes back
  drain      the program is asked to stop under load; nothing may be cut off
  fsync      counts how often the disk is asked to be durable (SQLite; needs strace)
  footprint  time to the first answer, and resident memory before and after a thousand log-ins
  migrate    tables of --rows rows are migrated by a program that is killed; they must end whole, as before or as after

Without names, all of them.";

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Kill,
    Start,
    Outage,
    Drain,
    Fsync,
    Footprint,
    Migrate,
}

const PARTS: [(&str, Part); 7] = [
    ("kill", Part::Kill),
    ("start", Part::Start),
    ("outage", Part::Outage),
    ("drain", Part::Drain),
    ("fsync", Part::Fsync),
    ("footprint", Part::Footprint),
    ("migrate", Part::Migrate),
];

/// The command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    pub parts: Vec<Part>,
    pub rounds: usize,
    pub clients: usize,
    /// Of the tables that are migrated.
    pub rows: u64,
    pub engines: Vec<Engine>,
    /// The program; built when not given.
    pub hardpan: Option<PathBuf>,
}

impl Options {
    /// Errors: what is wrong with the arguments.
    pub fn parse(arguments: Vec<String>) -> Result<Self, String> {
        let mut options = Self {
            parts: Vec::new(),
            rounds: 20,
            clients: 200,
            rows: 1_000_000,
            engines: vec![Engine::Sqlite, Engine::Postgres],
            hardpan: None,
        };
        let mut arguments = arguments.into_iter();
        while let Some(argument) = arguments.next() {
            if let Some((_, part)) = PARTS.iter().find(|(name, _)| *name == argument) {
                options.parts.push(*part);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name.to_owned(), value.to_owned()),
                None => (argument, arguments.next().unwrap_or_default()),
            };
            match name.as_str() {
                "--rounds" => options.rounds = count(&name, &value)?,
                "--clients" => options.clients = count(&name, &value)?,
                "--rows" => options.rows = count(&name, &value)?,
                "--engine" => options.engines = Engine::parse(&value)?,
                "--hardpan" if !value.is_empty() => options.hardpan = Some(value.into()),
                _ => return Err(format!("{name} {value} is not understood")),
            }
        }
        if options.parts.is_empty() {
            options.parts = PARTS.iter().map(|(_, part)| *part).collect();
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
    fn without_arguments_everything_is_done() {
        let options = parsed("").unwrap();
        assert_eq!((options.parts.len(), options.rounds, options.clients), (7, 20, 200));
        assert_eq!(options.engines, [Engine::Sqlite, Engine::Postgres]);
    }

    #[test]
    fn arguments_choose() {
        let options = parsed("kill --rounds 3 --clients=7 drain --engine sqlite --hardpan a/b").unwrap();
        assert_eq!(options.parts, [Part::Kill, Part::Drain]);
        assert_eq!((options.rounds, options.clients), (3, 7));
        assert_eq!(options.engines, [Engine::Sqlite]);
        assert_eq!(options.hardpan, Some("a/b".into()));
    }

    #[test]
    fn nonsense_is_told() {
        for line in ["kil", "--rounds", "--rounds 0", "--rounds x", "--engine mysql", "--hardpan", "--loud yes"] {
            assert!(parsed(line).is_err(), "{line}");
        }
    }
}

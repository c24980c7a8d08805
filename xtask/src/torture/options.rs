//! What to torture, how long and how hard.
use clap::{Args, ValueEnum};

use super::chaos::Fault;
use crate::live::{Target, count};

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// Documents are created while the program is killed; nothing acknowledged may be missing or there twice
    Kill,
    /// The first start on an empty folder is killed; the next one must work
    Start,
    /// Documents are created while PostgreSQL crashes and comes back
    Outage,
    /// The program is asked to stop under load; nothing may be cut off
    Drain,
    /// Counts how often the disk is asked to be durable (SQLite; needs strace)
    Fsync,
    /// Time to the first answer, and resident memory before and after a thousand log-ins
    Footprint,
    /// Tables of --rows rows are migrated by a program that is killed; they must end whole, as before or as after
    Migrate,
    /// --faults of every kind in an order that --seed gives, under load; nothing acknowledged may be lost or doubled,
    /// and the service is back by itself each time
    Chaos,
}

/// Crashes, outages and measurements of the real program.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// All of them when none is named
    #[arg(value_enum)]
    named: Vec<Part>,
    #[arg(long, value_parser = count::<usize>, default_value = "20")]
    pub rounds: usize,
    #[arg(long, value_parser = count::<usize>, default_value = "200")]
    pub clients: usize,
    /// Of the tables that are migrated
    #[arg(long, value_parser = count::<u64>, default_value = "1000000")]
    pub rows: u64,
    /// Faults of chaos
    #[arg(long, value_parser = count::<usize>, default_value = "100")]
    pub faults: usize,
    /// Of the order of faults and requests; printed, to be given again
    #[arg(long, default_value = "1")]
    pub seed: u64,
    /// Of chaos only these kinds of faults, separated by commas
    #[arg(long, value_delimiter = ',')]
    pub kinds: Vec<Fault>,
    #[command(flatten)]
    pub target: Target,
}

impl Options {
    pub fn parts(&self) -> &[Part] {
        if self.named.is_empty() { Part::value_variants() } else { &self.named }
    }
}

#[cfg(test)]
mod tests {
    use clap::Subcommand;

    use super::*;
    use crate::live::{engine::Engine, tests};

    #[derive(Subcommand)]
    enum Task {
        Torture(Options),
    }

    fn parsed(line: &str) -> Option<Options> {
        tests::parsed(&format!("torture {line}")).ok().map(|Task::Torture(options)| options)
    }

    #[test]
    fn without_arguments_everything_is_done() {
        let options = parsed("").unwrap();
        assert_eq!((options.parts().len(), options.rounds, options.clients), (8, 20, 200));
        assert_eq!(options.target.engines, [Engine::Sqlite, Engine::Postgres]);
        assert_eq!((options.faults, options.seed, options.kinds), (100, 1, Vec::new()));
    }

    #[test]
    fn arguments_choose() {
        let options = parsed("kill --rounds 3 --clients=7 drain --engine sqlite --hardpan a/b").unwrap();
        assert_eq!(options.parts(), [Part::Kill, Part::Drain]);
        assert_eq!((options.rounds, options.clients), (3, 7));
        assert_eq!(options.target.engines, [Engine::Sqlite]);
        let options = parsed("chaos --faults 1000 --seed 0 --kinds clock,full-disk").unwrap();
        assert_eq!((options.faults, options.seed), (1000, 0));
        assert_eq!(options.kinds, [Fault::Clock, Fault::FullDisk]);
    }

    #[test]
    fn nonsense_is_told() {
        for line in [
            "kil",
            "--rounds",
            "--rounds 0",
            "--rounds x",
            "--engine mysql",
            "--hardpan",
            "--loud yes",
            "--faults 0",
            "--kinds flood",
        ] {
            assert!(parsed(line).is_none(), "{line}");
        }
    }
}

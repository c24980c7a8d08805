//! How long, and how much a second.
use std::{path::PathBuf, time::Duration};

use clap::Args;

use crate::live::{Format, Target, count};

/// A steady mixed load for as long as one likes: memory, descriptors and threads must not grow with time or rows, and
/// every request is answered well.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// How long, on each engine
    #[arg(long, value_parser = count::<u64>, default_value = "60")]
    minutes: u64,
    /// Requests a second, offered whether those before are answered or not
    #[arg(long, value_parser = count::<u64>, default_value = "1000")]
    pub rate: u64,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// A file for a plot of memory and latency over time, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

impl Options {
    pub const fn length(&self) -> Duration {
        Duration::from_secs(60 * self.minutes)
    }

    /// Between samples: ten seconds, and less in a short run, so that each tenth of it has several.
    pub fn interval(&self) -> Duration {
        Duration::from_secs(self.minutes.min(10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        live::{engine::Engine, tests::parsed},
        torture::Endurance,
    };

    #[derive(clap::Subcommand)]
    enum Task {
        Torture(crate::torture::Arguments),
    }

    fn soak(line: &str) -> Option<Options> {
        let Ok(Task::Torture(arguments)) = parsed::<Task>(&format!("torture {line}")) else { return None };
        arguments.endurance.map(|Endurance::Soak(options)| options)
    }

    #[test]
    fn arguments_choose() {
        let long = soak("soak").unwrap();
        assert_eq!((long.length().as_secs(), long.interval().as_secs(), long.rate), (3600, 10, 1000));
        let short = soak("soak --minutes 2 --rate=50 --engine sqlite --format table --plot a.svg").unwrap();
        assert_eq!((short.length().as_secs(), short.interval().as_secs(), short.rate), (120, 2, 50));
        assert_eq!((short.format, short.target.engines), (Format::Text, vec![Engine::Sqlite]));
    }

    #[test]
    fn nonsense_is_told() {
        for line in
            ["", "kill", "soak kill", "soak --minutes 0", "soak --rate x", "soak --format xml", "--rounds 3 soak"]
        {
            assert!(soak(line).is_none(), "{line}");
        }
    }
}

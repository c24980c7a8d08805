//! How often to try, and for how long the storm blows.
use clap::Args;

use crate::live::{Target, count};

/// Asks about addresses that have an account and addresses that have none, and lets a storm of log-ins blow beside reads.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Of each flow, for addresses that are known and as many that are not
    #[arg(long, value_parser = count::<usize>, default_value = "1000", default_value_if("quick", "true", "100"))]
    pub tries: usize,
    /// Calm and storm, in turns
    #[arg(long, value_parser = count::<usize>, default_value = "5", default_value_if("quick", "true", "2"))]
    pub rounds: usize,
    /// How long each of them lasts
    #[arg(long, value_parser = count::<usize>, default_value = "10", default_value_if("quick", "true", "3"))]
    pub seconds: usize,
    /// A look, not a measurement
    #[arg(long)]
    quick: bool,
    #[command(flatten)]
    pub target: Target,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bench::Measurement, live::tests::parsed};

    fn log_ins(line: &str) -> Option<Options> {
        let Ok(Measurement::LogIns(options)) = parsed::<Measurement>(line) else { return None };
        Some(options)
    }

    #[test]
    fn arguments_choose() {
        let all = log_ins("log-ins").unwrap();
        assert_eq!((all.tries, all.rounds, all.seconds, all.target.engines.len()), (1000, 5, 10, 2));
        let some = log_ins("log-ins --quick --tries=7").unwrap();
        assert_eq!((some.tries, some.rounds, some.seconds), (7, 2, 3));
        assert!(log_ins("log-ins --tries 0").is_none() && log_ins("log-ins lists").is_none());
    }
}

//! What is compared, and for how long.
use clap::Args;

use crate::live::{Format, Target, count};

/// Drives Hardpan and its peers with the same requests over the same rows, in turns.
#[derive(Args, Clone, Debug)]
pub struct Options {
    /// Rows that are there before
    #[arg(long, value_parser = count::<usize>, default_value = "200000", default_value_if("quick", "true", "20000"))]
    pub rows: usize,
    /// How often each workload is driven against each peer
    #[arg(long, value_parser = count::<usize>, default_value = "5", default_value_if("quick", "true", "2"))]
    pub rounds: usize,
    /// How long, each time
    #[arg(long, value_parser = count::<usize>, default_value = "5", default_value_if("quick", "true", "2"))]
    pub seconds: usize,
    /// A look, within five minutes
    #[arg(long)]
    pub quick: bool,
    /// Workloads whose names begin so, as `get`; all of them when none is named
    #[arg(long, value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leaves out peers whose names begin so, as `FastAPI`
    #[arg(long, value_delimiter = ',')]
    pub without: Vec<String>,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
    /// A file for a plot of the table, as SVG
    #[arg(long, value_name = "FILE")]
    pub plot: Option<std::path::PathBuf>,
    #[command(flatten)]
    pub target: Target,
}

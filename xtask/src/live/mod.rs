//! Tasks that drive the real program over real databases: what they share.
pub mod accounts;
pub mod curve;
pub mod engine;
pub mod http;
pub mod program;
pub mod strace;
pub mod usage;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use clap::{Args, Parser, ValueEnum};

use self::engine::Engine;
use crate::{bench, test::interrupted, torture};

/// Tasks that drive the real program.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Task {
    Bench(bench::Arguments),
    Torture(torture::Arguments),
}

/// What a report is printed as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// A table in Markdown, and what is wrong
    #[value(alias = "table")]
    Text,
    Json,
}

/// What all of them take.
#[derive(Args, Clone, Debug)]
pub struct Target {
    /// Databases to work with, separated by commas
    #[arg(long = "engine", value_enum, value_delimiter = ',', default_values_t = [Engine::Sqlite, Engine::Postgres])]
    pub engines: Vec<Engine>,
    /// The program, built when not given
    #[arg(long, value_name = "PATH")]
    hardpan: Option<PathBuf>,
}

impl Target {
    /// The program to drive: given, or built now.
    pub fn binary(&self) -> Result<PathBuf, String> {
        if let Some(path) = &self.hardpan {
            return path.canonicalize().map_err(|error| format!("{}: {error}", path.display()));
        }
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let status = std::process::Command::new(cargo).args(["build", "--release", "-p", "hardpan"]).status();
        if !status.is_ok_and(|status| status.success()) {
            return Err("the program could not be built".to_owned());
        }
        Ok(target()?.join("release").join(format!("hardpan{}", std::env::consts::EXE_SUFFIX)))
    }
}

/// Runs `task`.
pub fn run(task: &str, arguments: Vec<String>) -> ExitCode {
    let words = ["cargo xtask", task].map(str::to_owned).into_iter().chain(arguments);
    // Ends with exit code 2, and says why, when the arguments are not understood.
    let task = Task::parse_from(words);
    let task = async {
        let outcome = async {
            match task {
                Task::Bench(arguments) => bench::run(arguments).await,
                Task::Torture(arguments) => torture::run(&arguments).await,
            }
        };
        tokio::select! {
            code = outcome => Ok(code),
            () = interrupted() => Err("interrupted".to_owned()),
        }
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let code = runtime.map_err(|error| error.to_string()).and_then(|runtime| runtime.block_on(task));
    code.unwrap_or_else(|why| failed(&why))
}

/// Says why there is no result.
pub fn failed(why: &str) -> ExitCode {
    eprintln!("xtask: {why}");
    ExitCode::FAILURE
}

/// Where cargo builds: the folder above the one this program was built into.
pub fn target() -> Result<PathBuf, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let target = own.parent().and_then(Path::parent).ok_or("the folder of built programs is not known")?;
    Ok(target.to_owned())
}

/// A whole number from 1. Errors: anything else.
pub fn count<N: std::str::FromStr + PartialOrd + From<u8>>(value: &str) -> Result<N, String> {
    let number = value.parse().ok().filter(|number| *number >= N::from(1));
    number.ok_or_else(|| "a number from 1 is wanted".to_owned())
}

#[cfg(test)]
pub mod tests {
    use clap::{Parser, Subcommand};

    #[derive(Parser)]
    struct Line<T: Subcommand> {
        #[command(subcommand)]
        task: T,
    }

    /// What a command line asks for.
    pub fn parsed<T: Subcommand>(line: &str) -> Result<T, clap::Error> {
        Line::<T>::try_parse_from(["xtask"].into_iter().chain(line.split_whitespace())).map(|line| line.task)
    }
}

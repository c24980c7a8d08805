//! The command line: one file a command. The only part that prints.
mod backup;
mod check;
mod copying;
mod export;
mod failure;
mod import;
mod import_users;
mod init;
mod keygen;
mod migrate;
mod offline;
mod openapi;
mod output;
mod place;
mod progress;
mod purge;
mod refusals;
mod relocate;
mod restore;
mod serve;
mod transfer;
mod user;
mod welcome;

use std::process::ExitCode;

use clap::{Parser, Subcommand, ValueEnum};

pub use failure::{Failure, Outcome};
use place::Place;

use crate::config;

/// An application backend in one binary: describe your app in hardpan.toml, and it is served as a hardened API.
#[derive(Parser)]
#[command(name = "hardpan", version, after_help = "Example: hardpan init notes && hardpan serve notes")]
struct Cli {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Serve(serve::Args),
    Init(init::Args),
    Check(check::Args),
    Keygen(keygen::Args),
    Migrate(migrate::Args),
    User(user::Args),
    Export(export::Args),
    Import(import::Args),
    Backup(backup::Args),
    Restore(restore::Args),
    Move(relocate::Args),
    Openapi(openapi::Args),
    Purge(purge::Args),
    /// The reference page of every key, as docs/configuration.md holds it
    #[command(hide = true)]
    ConfigReference,
}

/// How an answer is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Text,
    Json,
}

/// Runs the program with this process's arguments: 0 fine, 1 the thing checked is wrong, 2 usage.
pub fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(cli) => run(cli).unwrap_or_else(|failure| failure.print()),
        Err(error) => {
            // Help and the version come this way too, with code 0.
            let _ = error.print();
            u8::try_from(error.exit_code()).map_or(ExitCode::FAILURE, ExitCode::from)
        }
    }
}

fn run(Cli { place, command }: Cli) -> Outcome {
    match command {
        Command::Serve(args) => {
            let loaded = place.load(args.dir.as_deref(), args.flags())?;
            serve::run(loaded)
        }
        Command::Init(args) => init::run(&place.dir(args.dir.as_deref())?),
        Command::Check(args) => {
            let loaded = place.load(args.dir.as_deref(), Vec::new())?;
            check::run(&args, loaded)
        }
        Command::Keygen(_) => Ok(keygen::run()),
        Command::Migrate(args) => migrate::run(&args, place.load(None, Vec::new())?),
        Command::User(args) => user::run(args, place.load(None, Vec::new())?),
        Command::Export(args) => export::run(args, place.load(None, Vec::new())?),
        Command::Import(args) => import::run(args, place.load(None, Vec::new())?),
        Command::Purge(args) => purge::run(&args, place.load(None, Vec::new())?),
        Command::Backup(args) => backup::run(&args, place.load(None, Vec::new())?),
        Command::Restore(args) => restore::run(&args, place.load(None, Vec::new())?),
        Command::Move(args) => relocate::run(&args, place.load(None, Vec::new())?),
        Command::Openapi(_) => openapi::run(place.load(None, Vec::new())?),
        Command::ConfigReference => {
            output::text(&config::reference());
            Ok(ExitCode::SUCCESS)
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn every_command_is_well_formed_and_shows_an_example() {
        let mut command = Cli::command();
        command.build();
        command.clone().debug_assert();
        for command in
            command.get_subcommands().filter(|command| !command.is_hide_set() && command.get_name() != "help")
        {
            let leaves: Vec<_> = command.get_subcommands().filter(|leaf| leaf.get_name() != "help").collect();
            for leaf in if leaves.is_empty() { vec![command] } else { leaves } {
                let help = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
                assert!(help.contains("Example: ") && help.contains("hardpan "), "{}", leaf.get_name());
            }
        }
    }

    #[test]
    fn usage_errors_are_2_and_help_is_0() {
        let code = |line: &str| Cli::try_parse_from(line.split(' ')).err().map_or(-1, |error| error.exit_code());
        assert_eq!(code("hardpan serve --no-such-flag"), 2);
        assert_eq!(code("hardpan no-such-command"), 2);
        assert_eq!(code("hardpan serve --help"), 0);
        assert_eq!(code("hardpan --version"), 0);
        assert_eq!(code("hardpan user create ann@example.com --role admin --app notes"), -1);
        assert_eq!(code("hardpan --app notes migrate status --format json"), -1);
    }
}

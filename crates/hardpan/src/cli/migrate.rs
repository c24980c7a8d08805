//! `hardpan migrate`: the state of the database's tables, and bringing them up to date.
use std::{process::ExitCode, sync::Arc};

use clap::Subcommand;
use kernel::{OsRandom, SystemClock};
use serde_json::{Value as Json, json};
use store::migrate::State as Applied;

use super::{Failure, Format, Outcome, output};
use crate::{
    assemble::{self, Foundation, State},
    config::Loaded,
    runtime,
};

/// Shows or applies migrations
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Shows every migration and whether it is applied; exits with 1 if something is not in order
    #[command(after_help = "Example: hardpan migrate status --app notes --format json")]
    Status(Options),
    /// Applies what is pending, in order
    #[command(after_help = "Example: hardpan migrate apply --app notes")]
    Apply(Options),
}

#[derive(clap::Args)]
pub struct Options {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    runtime::single_threaded()?.block_on(async {
        let foundation = assemble::open(config, declaration, Arc::new(SystemClock), Arc::new(OsRandom)).await?;
        let outcome = match &args.command {
            Command::Status(options) => status(&foundation, options.format).await,
            Command::Apply(options) => apply(&foundation, options.format).await,
        };
        foundation.source.db.close().await;
        outcome
    })
}

async fn status(foundation: &Foundation, format: Format) -> Outcome {
    let state = foundation.state().await?;
    match format {
        Format::Text => output::text(&text(&state)),
        Format::Json => output::json(&json(&state)),
    }
    Ok(if state.is_in_order() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn apply(foundation: &Foundation, format: Format) -> Outcome {
    let applied = foundation.migrate().await?;
    match (format, applied.is_empty()) {
        (Format::Json, _) => output::json(&json!({"applied": applied})),
        (Format::Text, true) => output::line("Nothing to do: the database is up to date."),
        (Format::Text, false) => applied.iter().for_each(|step| output::line(&format!("applied  {step}"))),
    }
    Ok(ExitCode::SUCCESS)
}

const fn word(state: Applied) -> &'static str {
    match state {
        Applied::Applied => "applied",
        Applied::Pending => "pending",
        Applied::Changed => "changed",
        Applied::Unknown => "unknown",
    }
}

/// The declared tables' steps and refusals; the steps of a database without any table are known once it has some.
fn steps(state: &State) -> (Vec<String>, Vec<String>) {
    let plan = state.plan.as_ref();
    let steps = plan.map(|plan| plan.steps.iter().map(ToString::to_string).collect());
    (steps.unwrap_or_default(), plan.map(|plan| plan.refused.clone()).unwrap_or_default())
}

fn text(state: &State) -> String {
    let (steps, refused) = steps(state);
    let migrations = state.migrations.iter().map(|status| format!("{:<8} {}\n", word(status.state), status.id));
    let steps = steps.iter().map(|step| format!("{:<8} {step}\n", "pending"));
    let refused = refused.iter().map(|reason| format!("{:<8} {reason}\n", "refused"));
    let end = if state.is_in_order() { "The database is up to date.\n" } else { "The database is not up to date.\n" };
    migrations.chain(steps).chain(refused).chain([end.to_owned()]).collect()
}

fn json(state: &State) -> Json {
    let (steps, refused) = steps(state);
    let migrations: Vec<Json> =
        state.migrations.iter().map(|status| json!({"id": status.id, "state": word(status.state)})).collect();
    json!({"ok": state.is_in_order(), "migrations": migrations, "steps": steps, "refused": refused})
}

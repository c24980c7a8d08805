//! `hardpan migrate`: the state of the database's tables, the files that change them, and bringing them up to date.
use std::process::ExitCode;

use clap::Subcommand;
use resources::schema::{Preview, Section, Statement, Step, Work};
use serde_json::{Value as Json, json};
use store::migrate::{State as Applied, Status};

use super::{Format, Outcome, offline::with_database, output};
use crate::{assemble::Foundation, config::Loaded, migrations::State};

/// Shows, writes or applies migrations
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Writes the file that leads from the tables to the app file into migrations/, for review; changes no database
    #[command(after_help = "Example: hardpan migrate diff --app notes --name rename_title")]
    Diff(Diff),
    /// Shows every migration and whether it is applied; exits with 1 if something is not in order
    #[command(after_help = "Example: hardpan migrate status --app notes --format json")]
    Status(Options),
    /// Applies what is pending, in order
    #[command(after_help = "Example: hardpan migrate apply --app notes --dry-run")]
    Apply(Apply),
}

#[derive(clap::Args)]
pub struct Options {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(clap::Args)]
pub struct Diff {
    /// What the file is called, after the time [default: after its first step]
    #[arg(long, value_parser = name)]
    pub name: Option<String>,
    /// Leaves tables and columns that are no longer declared where they are, instead of dropping them
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub options: Options,
}

#[derive(clap::Args)]
pub struct Apply {
    /// Applies steps that may lose data too
    #[arg(long)]
    pub allow_destructive: bool,
    /// Prints the steps and their SQL for this database's engine, and changes nothing
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub options: Options,
}

fn name(text: &str) -> Result<String, String> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if (1..=64).contains(&text.len()) && text.bytes().all(is_name) {
        return Ok(text.to_owned());
    }
    Err("use up to 64 of a-z, 0-9 and _".to_owned())
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    with_database(loaded, async |foundation| match &args.command {
        Command::Diff(args) => diff(foundation, args).await,
        Command::Status(options) => status(foundation, options.format).await,
        Command::Apply(args) if args.dry_run => preview(foundation, args).await,
        Command::Apply(args) => apply(foundation, args).await,
    })
}

async fn diff(foundation: &Foundation, args: &Diff) -> Outcome {
    let written = foundation.write_migration(args.name.as_deref(), args.keep).await?;
    let steps = written.as_ref().map_or(&[][..], |(_, steps)| steps);
    match (args.options.format, &written) {
        (Format::Json, _) => {
            let path = written.as_ref().map(|(path, _)| path.display().to_string());
            let steps: Vec<Json> = steps
                .iter()
                .map(|step| json!({"step": step.to_string(), "destructive": step.is_destructive()}))
                .collect();
            output::json(&json!({"file": path, "steps": steps}));
        }
        (Format::Text, None) => output::line("Nothing to write: the tables fit the app file."),
        (Format::Text, Some((path, _))) => {
            output::line(&format!("wrote {}", path.display()));
            for step in steps {
                output::line(&format!("  {}", marked(step)));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn status(foundation: &Foundation, format: Format) -> Outcome {
    let state = foundation.state().await?;
    match format {
        Format::Text => output::text(&text(&state)),
        Format::Json => output::json(&json(&state)),
    }
    Ok(if state.is_in_order() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn apply(foundation: &Foundation, args: &Apply) -> Outcome {
    let applied = foundation.migrate(args.allow_destructive).await?;
    match (args.options.format, applied.is_empty()) {
        (Format::Json, _) => output::json(&json!({"applied": applied})),
        (Format::Text, true) => output::line("Nothing to do: the database is up to date."),
        (Format::Text, false) => applied.iter().for_each(|step| output::line(&format!("applied  {step}"))),
    }
    Ok(ExitCode::SUCCESS)
}

/// What `apply` would do. Hardpan's own migrations are named, the rest is shown as SQL.
async fn preview(foundation: &Foundation, args: &Apply) -> Outcome {
    let state = foundation.state().await?;
    let own = state.migrations.iter().filter(|status| status.state == Applied::Pending);
    let own: Vec<&str> = own.map(|status| status.id.as_str()).collect();
    let Preview { sections, refused, .. } = foundation.preview(args.allow_destructive).await?;
    let code = if refused.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    if args.options.format == Format::Json {
        let sections: Vec<Json> = sections
            .iter()
            .map(|Section { title, works, destructive }| {
                let steps: Vec<&String> = works.iter().flat_map(|work| &work.steps).collect();
                let sql: Vec<String> = works.iter().flat_map(lines).collect();
                json!({"migration": title, "steps": steps, "destructive": destructive, "sql": sql})
            })
            .collect();
        output::json(&json!({"own": own, "sections": sections, "refused": refused}));
        return Ok(code);
    }
    for id in &own {
        output::line(&format!("-- {id}: of Hardpan itself"));
    }
    for Section { title, works, destructive } in &sections {
        output::line(&format!("-- {title}"));
        for work in works {
            let mark = |step: &String| if destructive.contains(step) { " (destructive)" } else { "" };
            let steps = work.steps.iter().map(|step| format!("--   {step}{}", mark(step)));
            for line in steps.chain(lines(work)) {
                output::line(&line);
            }
        }
    }
    for why in &refused {
        output::note(&format!("error: apply would end here: {why}"));
    }
    if own.is_empty() && sections.is_empty() && refused.is_empty() {
        output::line("Nothing to do: the database is up to date.");
    }
    Ok(code)
}

/// The statements of `work`, a line each.
fn lines(work: &Work) -> Vec<String> {
    let line = |statement: &Statement| match statement {
        Statement::Run(sql) => format!("{sql};"),
        Statement::Refuse { sql, why, .. } => format!("{sql}; -- must be 0: {why}"),
        Statement::Index { table, columns } => format!("-- every row of {table} is indexed by {}", columns.join(", ")),
    };
    let mut lines: Vec<String> = work.statements.iter().map(line).collect();
    if let Some(table) = &work.rebuilt {
        lines.push(format!("-- the triggers of {table}, as they were"));
    }
    lines
}

fn marked(step: &Step) -> String {
    if step.is_destructive() { format!("{step} (destructive)") } else { step.to_string() }
}

const fn word(state: Applied) -> &'static str {
    match state {
        Applied::Applied => "applied",
        Applied::Pending => "pending",
        Applied::Changed => "changed",
        Applied::Unknown => "unknown",
    }
}

fn text(state: &State) -> String {
    let line = |status: &Status| format!("{:<8} {}\n", word(status.state), status.id);
    let migrations = state.migrations.iter().map(line);
    let files = state.files.iter().map(|status| format!("{:<8} migrations/{}.toml\n", word(status.state), status.id));
    let steps = state.plan.steps.iter().map(|step| format!("{:<8} {}\n", "missing", marked(step)));
    let refused = state.plan.refused.iter().map(|reason| format!("{:<8} {reason}\n", "refused"));
    let kept = state.plan.kept.iter().map(|name| format!("{:<8} {name}, which is no longer declared\n", "kept"));
    let end = if state.is_in_order() { "The database is up to date.\n" } else { "The database is not up to date.\n" };
    migrations.chain(files).chain(steps).chain(refused).chain(kept).chain([end.to_owned()]).collect()
}

fn json(state: &State) -> Json {
    let list = |statuses: &[Status]| -> Vec<Json> {
        statuses.iter().map(|status| json!({"id": status.id, "state": word(status.state)})).collect()
    };
    let steps: Vec<String> = state.plan.steps.iter().map(ToString::to_string).collect();
    json!({
        "ok": state.is_in_order(),
        "migrations": list(&state.migrations),
        "files": list(&state.files),
        "steps": steps,
        "refused": state.plan.refused,
        "kept": state.plan.kept,
    })
}

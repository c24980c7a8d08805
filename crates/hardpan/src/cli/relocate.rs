//! `hardpan move`: everything from the app's database into another, of either engine, proved equal.
use std::{path::Path, process::ExitCode};

use serde_json::json;

use super::{Failure, Format, Outcome, copying, output};
use crate::{
    archive::{self, Moved},
    assemble,
    config::{Config, Loaded},
    runtime,
};

/// Moves the database to another URL, of either engine, while nothing serves; run it again if it was interrupted
#[derive(clap::Args)]
#[command(
    after_help = "Example: hardpan move --to postgres://notes@db.internal/notes --app notes\n\nExits with 1 if a table differs \
                  in the end. The source is left as it is."
)]
pub struct Args {
    /// Where to: postgres://... or sqlite:FILE; empty, or the beginning of the same move
    #[arg(long, value_name = "URL")]
    pub to: String,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    let (_, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let here = std::env::current_dir().map_err(|error| Failure::Failed(format!("the working folder: {error}")))?;
    // Without the URL, which may hold a password.
    let wrong = |why| Failure::Usage(format!("the URL of --to {why}"));
    let target = config.with_database(&args.to, &here).map_err(wrong)?;
    copying::refuse_missing(&config)?;
    let moved = runtime::multi_threaded()?.block_on(relocate(&config, &target))?;
    let is_equal = moved.iter().all(Moved::is_equal);
    match args.format {
        Format::Json => output::json(&json!({"ok": is_equal, "tables": moved.iter().map(json).collect::<Vec<_>>()})),
        Format::Text => print(&moved, is_equal, target.sqlite_file().as_deref()),
    }
    Ok(if is_equal { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn relocate(source: &Config, target: &Config) -> Result<Vec<Moved>, Failure> {
    let (from, to) = (assemble::database_options(source), assemble::database_options(target));
    let held = copying::alone(&from).await?;
    // Two files of one folder have one lock.
    let folder = |config: &Config| config.sqlite_file().and_then(|file| file.parent().map(Path::to_path_buf));
    let is_one_lock = folder(source).is_some() && folder(source) == folder(target);
    if is_one_lock && source.sqlite_file() == target.sqlite_file() {
        return Err(Failure::Failed("the database is to be moved to where it is".into()));
    }
    let other = if is_one_lock { None } else { Some(copying::alone(&to).await?) };
    let (source, target) = (archive::open(from).await?, archive::open(to).await?);
    let holds = [held.hold(), other.as_ref().unwrap_or(&held).hold()];
    let moved = archive::relocate(&source, &target, holds, &copying::progress()).await;
    source.db().close().await;
    target.db().close().await;
    Ok(moved?)
}

fn json(moved: &Moved) -> serde_json::Value {
    json!({
        "table": moved.table, "equal": moved.is_equal(),
        "source": {"rows": moved.source.rows, "sha256": moved.source.to_string()},
        "target": {"rows": moved.target.rows, "sha256": moved.target.to_string()},
    })
}

fn print(moved: &[Moved], is_equal: bool, file: Option<&Path>) {
    let width = moved.iter().map(|moved| moved.table.len()).max().unwrap_or_default();
    for moved in moved {
        let verdict = if moved.is_equal() { "equal" } else { "DIFFERENT" };
        let short = |digest: &store::copy::Digest| digest.to_string()[..16].to_owned();
        let (source, target) = (&moved.source, &moved.target);
        output::line(&format!(
            "{:<width$}  {:>10} rows {}  {:>10} rows {}  {verdict}",
            moved.table,
            source.rows,
            short(source),
            target.rows,
            short(target)
        ));
    }
    if !is_equal {
        output::note(
            "error: the databases differ; the target is not served. Run the same command again, or empty the target.",
        );
        return;
    }
    output::line("\nEverything is there. The source is as it was. To go on with the target, set DATABASE_URL");
    match file {
        Some(file) => output::line(&format!("(or database.url in the app file) to sqlite:{}", file.display())),
        None => output::line("(or database.url in the app file) to the URL you gave."),
    }
    output::line(
        "Keep the master key: it belongs to the data. Take a backup of the target before you delete the source.",
    );
}

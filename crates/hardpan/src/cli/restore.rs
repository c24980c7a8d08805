//! `hardpan restore`: a backup takes the place of the database, while nothing serves it.
use std::{path::PathBuf, process::ExitCode};

use serde_json::json;

use super::{Failure, Format, Outcome, copying, output};
use crate::{archive, assemble, config::Loaded, runtime};

/// Restores a backup, while nothing serves; it is verified before anything is replaced
#[derive(clap::Args)]
#[command(after_help = "Example: hardpan restore --from notes-20261121T090000.000000Z.hardpan --replace --app notes")]
pub struct Args {
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Replaces a database that is not empty; it is kept beside the new one
    #[arg(long)]
    pub replace: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let keyring = copying::keyring(&config)?;
    let restored = runtime::multi_threaded()?.block_on(async {
        let alone = copying::alone(&assemble::database_options(&config)).await?;
        let work =
            archive::restore((&config, declaration), &keyring, &alone, &args.from, args.replace, copying::progress());
        Ok::<_, Failure>(Box::pin(work).await?)
    })?;
    match args.format {
        Format::Json => output::json(&json!({
            "backup": restored.head, "tables": copying::tables(&restored.tables),
            "kept": restored.kept, "is_behind": restored.is_behind,
        })),
        Format::Text => {
            let (rows, tables) = (copying::rows(&restored.tables), restored.tables.len());
            let head = &restored.head;
            output::line(&format!("restored {rows} rows of {tables} tables: {} as of {}", head.app, head.created_at));
            if let Some(kept) = &restored.kept {
                output::line(&format!("the database before is kept: {kept}"));
            }
            if restored.is_behind {
                output::line(
                    "the database is not what this release and the app file want: run `hardpan migrate apply` before you serve it",
                );
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

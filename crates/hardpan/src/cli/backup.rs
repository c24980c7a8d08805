//! `hardpan backup`: a backup of the database while it is served, and the proof that one can be restored.
use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use kernel::{Clock as _, OsRandom, SystemClock};
use serde_json::json;

use super::{Failure, Format, Outcome, copying, output};
use crate::{
    archive::{self, Taken},
    assemble,
    config::{Config, Loaded, make_private_folder},
    runtime,
};

/// Backs the database up while it is served, or verifies a backup by restoring it beside
#[derive(clap::Args)]
#[command(
    after_help = "Example: hardpan backup --to /var/backups/notes/ --keep 14 --encrypt --app notes\n\nExample: hardpan backup \
                  --verify /var/backups/notes/notes-20261121T090000.000000Z.hardpan --app notes"
)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["to", "verify"])))]
pub struct Args {
    /// The file to write, which must not exist; or a folder, where the file is named by app and time
    #[arg(long, value_name = "FILE or DIR/")]
    pub to: Option<PathBuf>,
    /// Restores this backup into a scratch database, compares every table, and leaves nothing; exits with 1 if it is not good
    #[arg(long, value_name = "FILE", conflicts_with_all = ["keep", "encrypt"])]
    pub verify: Option<PathBuf>,
    /// Encrypts the file with a key derived from the master key
    #[arg(long)]
    pub encrypt: bool,
    /// In a folder: afterwards removes all but this many of the app's newest backups
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    pub keep: Option<u16>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: &Args, loaded: Loaded) -> Outcome {
    if args.keep.is_some() && !args.to.as_deref().is_some_and(is_folder) {
        return Err(Failure::Usage("--keep needs a folder: --to DIR/".into()));
    }
    match (&args.to, &args.verify) {
        (Some(to), _) => take(args, to, loaded),
        (None, Some(file)) => verify(args, file, loaded),
        (None, None) => Err(Failure::Usage("say --to or --verify".into())),
    }
}

fn is_folder(path: &Path) -> bool {
    path.is_dir() || path.as_os_str().to_string_lossy().ends_with(std::path::is_separator)
}

fn take(args: &Args, to: &Path, loaded: Loaded) -> Outcome {
    let (_, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let path = place(to, &config)?;
    copying::refuse_missing(&config)?;
    let app = &config.app.name;
    let seal = if args.encrypt { Some(copying::keyring(&config)?) } else { None };
    let taken = runtime::multi_threaded()?.block_on(async {
        let (source, _claim) = assemble::open_source(&config, Arc::new(SystemClock), Arc::new(OsRandom)).await?;
        let taken = archive::take(&source.system("backup"), app, &path, seal.as_ref(), copying::progress()).await;
        source.db.close().await;
        taken
    })?;
    let removed = match args.keep {
        Some(keep) => archive::keep_newest(to, app, keep.into())?,
        None => Vec::new(),
    };
    print(args.format, &path, &taken, &removed);
    Ok(ExitCode::SUCCESS)
}

fn place(to: &Path, config: &Config) -> Result<PathBuf, Failure> {
    if !is_folder(to) {
        return Ok(to.to_owned());
    }
    make_private_folder(to)?;
    Ok(to.join(archive::name(&config.app.name, SystemClock.now())))
}

fn print(format: Format, path: &Path, taken: &Taken, removed: &[String]) {
    match format {
        Format::Json => output::json(&json!({
            "file": path.display().to_string(), "bytes": taken.bytes, "backup": taken.head,
            "tables": copying::tables(&taken.tables), "removed": removed,
        })),
        Format::Text => {
            let (rows, tables) = (copying::rows(&taken.tables), taken.tables.len());
            let how = if taken.head.is_encrypted { ", encrypted" } else { "" };
            output::line(&format!("{}: {rows} rows of {tables} tables, {} bytes{how}", path.display(), taken.bytes));
            for name in removed {
                output::line(&format!("removed {name}"));
            }
        }
    }
}

fn verify(args: &Args, file: &Path, loaded: Loaded) -> Outcome {
    let (_, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let keyring = assemble::existing_keyring(&config)?;
    let work = archive::verify(&config, keyring.as_ref(), file, copying::progress());
    let verified = runtime::multi_threaded()?.block_on(work)?;
    match args.format {
        Format::Json => output::json(&json!({
            "ok": true, "backup": verified.head, "restored_into": verified.engine,
            "tables": copying::tables(&verified.tables),
        })),
        Format::Text => {
            let (rows, tables) = (copying::rows(&verified.tables), verified.tables.len());
            let head = &verified.head;
            output::line(&format!("{}: the backup of {} from {} is good", file.display(), head.app, head.created_at));
            output::line(&format!("{rows} rows of {tables} tables, restored into {} and compared", verified.engine));
        }
    }
    Ok(ExitCode::SUCCESS)
}

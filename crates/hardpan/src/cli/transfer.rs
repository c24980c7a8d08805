//! What `export` and `import` share: the app, the resource, the format.
use std::{
    fs::File,
    future::Future,
    io::{self, Read},
    path::Path,
    pin::Pin,
    sync::Arc,
};

use clap::ValueEnum;
use kernel::{OsRandom, SystemClock};
use resources::{
    records::{Records, transfer},
    schema::Resource,
};
use store::Ctx;

use super::{Failure, Outcome};
use crate::{
    assemble::{self, Foundation},
    config::Loaded,
    runtime,
};

/// The format of a file; by its name where it is not said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// One JSON object a line
    Jsonl,
    /// A header and a row a record
    Csv,
}

/// `-` is standard input or output.
pub const STANDARD: &str = "-";

/// What the work of a command is given.
pub struct Scene {
    pub foundation: Foundation,
    pub records: Records,
    pub resource: Arc<Resource>,
    pub ctx: Ctx,
}

/// Opens the app's database, finds the resource, and does the work.
pub fn run<W>(loaded: Loaded, resource: &str, work: W) -> Outcome
where
    W: for<'s> FnOnce(&'s Scene) -> Pin<Box<dyn Future<Output = Outcome> + 's>>,
{
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).map_err(Failure::Refused)?;
    let Some(resource) = declaration.find(resource).map(Arc::clone) else {
        let known: Vec<&str> = declaration.resources.iter().map(|resource| resource.name.as_str()).collect();
        return Err(Failure::Usage(format!("there is no resource {resource}; there are {}", known.join(", "))));
    };
    runtime::single_threaded()?.block_on(async {
        let foundation = assemble::open(config, declaration, Arc::new(SystemClock), Arc::new(OsRandom)).await?;
        foundation.prepare().await?;
        let records = foundation.records()?;
        let ctx = foundation.source.system("cli");
        let scene = Scene { foundation, records, resource, ctx };
        let outcome = work(&scene).await;
        scene.foundation.source.db.close().await;
        outcome
    })
}

/// What a command reads. Errors: it cannot be opened.
pub fn open(path: &Path) -> Result<Box<dyn Read + Send>, Failure> {
    if path.as_os_str() == STANDARD {
        return Ok(Box::new(io::stdin()));
    }
    Ok(Box::new(File::open(path).map_err(|error| failed("read", path, &error))?))
}

pub fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
}

/// The format that was said, else that of the file's name, else JSON Lines.
pub fn format(said: Option<Format>, file: &Path) -> transfer::Format {
    let is_csv = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("csv"));
    match said {
        Some(Format::Csv) => transfer::Format::Csv,
        None if is_csv => transfer::Format::Csv,
        Some(Format::Jsonl) | None => transfer::Format::JsonLines,
    }
}

//! `hardpan export`: the records of a resource into a file.
use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use resources::records::transfer::Export;
use tempfile::NamedTempFile;

use super::{
    Failure, Outcome, output,
    progress::Progress,
    transfer::{self, Format, STANDARD, Scene},
};
use crate::config::Loaded;

/// Writes the records of a resource into a file, as JSON Lines or CSV
#[derive(clap::Args)]
#[command(
    after_help = "Example: hardpan export documents --to documents.csv --filter 'record.favourite == true' --app notes"
)]
pub struct Args {
    /// The resource, as documents
    pub resource: String,
    /// The file to write, replaced whole at the end; - is standard output
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// The format [default: csv for a file named so, else jsonl]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Which records, in the language of access rules
    #[arg(long, value_name = "EXPRESSION")]
    pub filter: Option<String>,
    /// Which fields, in which order
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    pub fields: Vec<String>,
    /// Soft-deleted records too
    #[arg(long)]
    pub deleted: bool,
}

pub fn run(args: Args, loaded: Loaded) -> Outcome {
    let export = Export {
        format: transfer::format(args.format, &args.to),
        fields: args.fields,
        filter: args.filter,
        has_deleted: args.deleted,
    };
    let to = args.to;
    transfer::run(loaded, &args.resource, move |scene| Box::pin(write(scene, to, export)))
}

async fn write(scene: &Scene, to: PathBuf, export: Export) -> Outcome {
    let mut out = Out::open(&to).map_err(|error| unwritable(&to, &error))?;
    let mut progress = Progress::new();
    let name = &scene.resource.name;
    let mut shown = |total| progress.show(|| format!("{total} {name} exported"));
    let exported = scene.records.export(&scene.ctx, &scene.resource, &export, out.writer(), &mut shown).await;
    progress.clear();
    let total = match exported {
        Ok(total) => total,
        Err(error) if is_closed_pipe(&error) => return Ok(ExitCode::SUCCESS),
        Err(error) => return Err(error.into()),
    };
    out.keep().map_err(|error| unwritable(&to, &error))?;
    let summary = format!("Exported {total} {name} to {}", to.display());
    if to.as_os_str() == STANDARD {
        output::note(&summary);
    } else {
        output::line(&summary);
    }
    Ok(ExitCode::SUCCESS)
}

/// A reader that closes early, as `head` does, is no error.
fn is_closed_pipe(error: &kernel::Error) -> bool {
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<io::Error>());
    source.is_some_and(|source| source.kind() == io::ErrorKind::BrokenPipe)
}

fn unwritable(path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot write {}: {error}", path.display()))
}

/// Where an export goes.
enum Out {
    /// Standard output, a device, a pipe.
    Straight(BufWriter<Box<dyn Write>>),
    /// A file beside the one it becomes, so that nobody sees half of it. Readable by its owner alone.
    Beside(BufWriter<NamedTempFile>, PathBuf),
}

impl Out {
    fn open(to: &Path) -> io::Result<Self> {
        if to.as_os_str() == STANDARD {
            return Ok(Self::Straight(BufWriter::new(Box::new(io::stdout()))));
        }
        let to = match to.metadata() {
            Ok(found) if !found.is_file() => return Ok(Self::Straight(BufWriter::new(Box::new(File::create(to)?)))),
            // What a link leads to is replaced, not the link.
            Ok(_) => to.canonicalize()?,
            Err(_) => to.to_owned(),
        };
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let file = tempfile::Builder::new().prefix(".hardpan-export-").tempfile_in(folder)?;
        Ok(Self::Beside(BufWriter::new(file), to))
    }

    fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::Straight(out) => out,
            Self::Beside(out, _) => out,
        }
    }

    /// The file is on the disk before it takes its name.
    fn keep(self) -> io::Result<()> {
        match self {
            Self::Straight(mut out) => out.flush(),
            Self::Beside(out, to) => {
                let file = out.into_inner().map_err(io::IntoInnerError::into_error)?;
                file.as_file().sync_all()?;
                file.persist(to).map(|_| ()).map_err(|error| error.error)
            }
        }
    }
}

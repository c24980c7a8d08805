//! `hardpan import`: a file's rows into a resource.
use std::{
    fs::File,
    io::{self, BufWriter, Read, Write as _},
    path::{Path, PathBuf},
    process::ExitCode,
};

use kernel::{Code, Error, Result, UserId};
use resources::records::transfer::{Import, Refusal, Summary, Watch};

use super::{
    Failure, Outcome, output,
    progress::Progress,
    transfer::{self, Format, STANDARD, Scene},
};
use crate::config::Loaded;

/// Most refused rows that are printed; a report has all of them.
const MOST_PRINTED: u64 = 20;

/// Reads rows of JSON Lines or CSV into a resource; refused rows do not stop the rest
#[derive(clap::Args)]
#[command(
    after_help = "Example: hardpan import documents --from documents.csv --owner ann@example.com --report refused.jsonl --app notes\n\nExits with 1 if any row was refused."
)]
pub struct Args {
    /// The resource, as documents
    pub resource: String,
    /// The file to read; - is standard input
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// The format [default: csv for a file named so, else jsonl]
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Whose the records are whose rows do not say
    #[arg(long, value_name = "EMAIL")]
    pub owner: Option<String>,
    /// Changes records that are there: id, or the unique fields that tell which record a row is about
    #[arg(long, value_name = "FIELD,...", value_delimiter = ',')]
    pub upsert: Vec<String>,
    /// Checks everything and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A file for the refused rows, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
}

pub fn run(args: Args, loaded: Loaded) -> Outcome {
    if args.resource == "users" {
        return Err(Failure::Usage("accounts are not a resource; `hardpan user create` makes one".into()));
    }
    let resource = args.resource.clone();
    transfer::run(loaded, &resource, move |scene| Box::pin(read(scene, args)))
}

async fn read(scene: &Scene, args: Args) -> Outcome {
    let owner = match &args.owner {
        Some(email) => Some(owner(scene, email).await?),
        None => None,
    };
    let input: Box<dyn Read + Send> = if args.from.as_os_str() == STANDARD {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(&args.from).map_err(|error| failed("read", &args.from, &error))?)
    };
    let format = transfer::format(args.format, &args.from);
    let import = Import { format, owner, upsert: args.upsert, is_dry_run: args.dry_run };
    let mut watcher = Watcher::new(args.report.as_deref())?;
    let imported = scene.records.import(&scene.ctx, &scene.resource, &import, input, &mut watcher).await;
    let printed = watcher.finish();
    let summary = imported?;
    printed.map_err(|error| failed("write", args.report.as_deref().unwrap_or(Path::new("the report")), &error))?;
    output::line(&format!("{}{}", if args.dry_run { "Dry run, nothing written: " } else { "" }, text(&summary)));
    Ok(if summary.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn owner(scene: &Scene, email: &str) -> Result<UserId, Failure> {
    let identity = scene.foundation.identity(&scene.records).await?;
    let user = identity.find_by_email(&scene.ctx, email).await?;
    user.map(|user| user.id).ok_or_else(|| Failure::Failed(format!("there is no account {email}")))
}

fn text(summary: &Summary) -> String {
    let Summary { created, updated, unchanged, refused } = summary;
    format!("{created} created, {updated} updated, {unchanged} unchanged, {refused} refused")
}

fn failed(what: &str, path: &Path, error: &io::Error) -> Failure {
    Failure::Failed(format!("cannot {what} {}: {error}", path.display()))
}

/// Prints what is refused and how far it has come.
struct Watcher {
    progress: Progress,
    report: Option<BufWriter<File>>,
    refused: u64,
}

impl Watcher {
    fn new(report: Option<&Path>) -> Result<Self, Failure> {
        let create = |path: &Path| File::create(path).map_err(|error| failed("write", path, &error));
        let report = report.map(create).transpose()?.map(BufWriter::new);
        Ok(Self { progress: Progress::new(), report, refused: 0 })
    }

    /// Says how many rows were not printed.
    fn finish(&mut self) -> io::Result<()> {
        self.progress.clear();
        if let Some(more) = self.refused.checked_sub(MOST_PRINTED).filter(|more| *more > 0) {
            let hint = if self.report.is_some() { "the report has them all" } else { "--report FILE keeps them all" };
            output::note(&format!("... and {more} more; {hint}"));
        }
        self.report.as_mut().map_or(Ok(()), BufWriter::flush)
    }
}

impl Watch for Watcher {
    fn progress(&mut self, summary: &Summary) {
        self.progress.show(|| text(summary));
    }

    fn refused(&mut self, refusal: &Refusal) -> Result<()> {
        self.refused += 1;
        if self.refused <= MOST_PRINTED {
            self.progress.clear();
            output::note(&refusal.to_text());
        }
        let Some(report) = &mut self.report else { return Ok(()) };
        let written = serde_json::to_writer(&mut *report, refusal).map_err(io::Error::from);
        written.and_then(|()| report.write_all(b"\n")).map_err(|error| {
            Error::new(Code::Unavailable).with_detail("The report could not be written.").with_source(error)
        })
    }
}

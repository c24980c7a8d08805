//! `hardpan import users`: accounts of another program, with the hashes it made.
use std::{mem, path::PathBuf, process::ExitCode};

use identity::{Identity, Imported, Seen, import_schema};
use kernel::Result;
use resources::records::transfer::{CHUNK_BYTES, CHUNK_ROWS, Next, Refusal, Row, Rows};
use serde_json::json;
use store::Ctx;

use super::{Format, Outcome, offline::with_identity, output, refusals::Refusals, transfer};
use crate::config::Loaded;

/// Reads accounts with their password hashes; whoever is there already is left alone
#[derive(clap::Args)]
#[command(
    after_help = "Example: hardpan import users users.jsonl --report refused.jsonl --app notes\n\nA row: {\"email\": \"ann@example.com\", \"password_hash\": \"$2b$12$...\", \"name\": \"Ann\", \"username\": \"ann\", \"email_verified\": true, \"roles\": [\"editor\"]}; the first two are required.\nHashes: bcrypt, Argon2, scrypt, and PBKDF2-SHA256 as Django writes it.\nExits with 1 if any row was refused."
)]
pub struct Args {
    /// The file to read, CSV or JSON Lines; - is standard input
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
    /// The format of the file [default: csv for a file named so, else jsonl]
    #[arg(long, value_enum, value_name = "FORMAT")]
    pub input: Option<transfer::Format>,
    /// Checks everything and writes nothing
    #[arg(long)]
    pub dry_run: bool,
    /// A file for the refused rows, as JSON Lines
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

pub fn run(args: Args, loaded: Loaded) -> Outcome {
    with_identity(loaded, async |ctx, identity| import(ctx, identity, args).await)
}

async fn import(ctx: &Ctx, identity: &Identity, args: Args) -> Outcome {
    let input = transfer::open(&args.file)?;
    let schema = import_schema();
    let kind_of = |name: &str| schema.fields.iter().find(|field| field.name == name).map(|field| field.kind.clone());
    let mut rows = Rows::open(kind_of, transfer::format(args.input, &args.file), input)?;
    let mut run = Run {
        ctx,
        identity,
        seen: args.dry_run.then(Seen::default),
        chunk: Vec::new(),
        refused: Vec::new(),
        counts: Counts::default(),
        refusals: Refusals::new(args.report.as_deref(), &args.file)?,
    };
    let done = run.all(&mut rows).await;
    let printed = run.refusals.finish();
    done?;
    printed?;
    run.counts.print(&args);
    Ok(if run.counts.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

#[derive(Default)]
struct Counts {
    created: u64,
    present: u64,
    refused: u64,
}

impl Counts {
    fn text(&self) -> String {
        format!("{} created, {} there already, {} refused", self.created, self.present, self.refused)
    }

    fn print(&self, args: &Args) {
        let Self { created, present, refused } = self;
        match args.format {
            Format::Json => output::json(
                &json!({"created": created, "present": present, "refused": refused, "dry_run": args.dry_run}),
            ),
            Format::Text => {
                let dry = if args.dry_run { "Dry run, nothing written: " } else { "" };
                output::line(&format!("{dry}{}", self.text()));
            }
        }
    }
}

/// An import under way.
struct Run<'i> {
    ctx: &'i Ctx,
    identity: &'i Identity,
    /// What a dry run would have written.
    seen: Option<Seen>,
    chunk: Vec<Row>,
    /// What of the chunk was refused so far, to be told in the order of the file.
    refused: Vec<Refusal>,
    counts: Counts,
    refusals: Refusals,
}

impl Run<'_> {
    async fn all(&mut self, rows: &mut Rows<'_>) -> Result<()> {
        let mut bytes = 0;
        while let Some(next) = rows.read()? {
            match next {
                Next::Row(row) => {
                    bytes += row.bytes;
                    self.chunk.push(row);
                }
                Next::Refused(refusal) => self.refused.push(refusal),
            }
            if self.chunk.len() + self.refused.len() == CHUNK_ROWS || bytes >= CHUNK_BYTES {
                self.flush().await?;
                bytes = 0;
            }
        }
        self.flush().await
    }

    async fn flush(&mut self) -> Result<()> {
        let (lines, bodies): (Vec<_>, Vec<_>) =
            mem::take(&mut self.chunk).into_iter().map(|row| (row.line, row.body)).unzip();
        let verdicts = self.identity.import_users(self.ctx, bodies, self.seen.as_mut()).await?;
        for (line, verdict) in lines.into_iter().zip(verdicts) {
            match verdict {
                Imported::Created => self.counts.created += 1,
                Imported::Present => self.counts.present += 1,
                Imported::Refused(errors) => self.refused.push(Refusal::invalid(line, errors)),
            }
        }
        self.refused.sort_by_key(|refusal| refusal.line);
        for refusal in mem::take(&mut self.refused) {
            self.counts.refused += 1;
            self.refusals.refuse(&refusal)?;
        }
        self.refusals.show(|| self.counts.text());
        Ok(())
    }
}

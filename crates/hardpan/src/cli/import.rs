//! `hardpan import`: a file's rows into a resource.
use std::{path::PathBuf, process::ExitCode};

use kernel::{Result, UserId};
use resources::records::transfer::{Import, Refusal, Summary, Watch};

use super::{
    Failure, Outcome, import_users, output,
    refusals::Refusals,
    transfer::{self, Format, Scene},
};
use crate::config::Loaded;

/// Reads rows of JSON Lines or CSV into a resource, or accounts of another program; refused rows do not stop the rest
#[derive(clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true, disable_help_subcommand = true)]
#[command(
    after_help = "Example: hardpan import documents --from documents.csv --owner ann@example.com --report refused.jsonl --app notes\n\nExits with 1 if any row was refused."
)]
pub struct Args {
    #[command(subcommand)]
    pub accounts: Option<Accounts>,
    #[command(flatten)]
    pub rows: Option<Rows>,
}

#[derive(clap::Subcommand)]
pub enum Accounts {
    Users(import_users::Args),
}

/// Of a resource.
#[derive(clap::Args)]
pub struct Rows {
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
    match args {
        Args { accounts: Some(Accounts::Users(args)), .. } => import_users::run(args, loaded),
        Args { rows: Some(args), .. } => {
            let resource = args.resource.clone();
            transfer::run(loaded, &resource, move |scene| Box::pin(read(scene, args)))
        }
        Args { accounts: None, rows: None } => Err(Failure::Usage("say what to import".into())),
    }
}

async fn read(scene: &Scene, args: Rows) -> Outcome {
    let owner = match &args.owner {
        Some(email) => Some(owner(scene, email).await?),
        None => None,
    };
    let input = transfer::open(&args.from)?;
    let format = transfer::format(args.format, &args.from);
    let import = Import { format, owner, upsert: args.upsert, is_dry_run: args.dry_run };
    let mut refusals = Refusals::new(args.report.as_deref(), &args.from)?;
    let imported = scene.records.import(&scene.ctx, &scene.resource, &import, input, &mut refusals).await;
    let printed = refusals.finish();
    let summary = imported?;
    printed?;
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

impl Watch for Refusals {
    fn progress(&mut self, summary: &Summary) {
        self.show(|| text(summary));
    }

    fn refused(&mut self, refusal: &Refusal) -> Result<()> {
        self.refuse(refusal)
    }
}

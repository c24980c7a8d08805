//! `hardpan user`: administration without HTTP.
use clap::Subcommand;

use super::{Failure, Format, Outcome};
use crate::config::Loaded;

/// Creates and lists accounts, and gives them roles
#[derive(clap::Args)]
pub struct Args {
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Subcommand)]
pub enum Command {
    /// Creates an account and shows its password once
    #[command(after_help = "Example: hardpan user create ann@example.com --role admin --app notes")]
    Create(Create),
    /// Lists accounts, the newest first
    #[command(after_help = "Example: hardpan user list --app notes --format json")]
    List(List),
    /// Gives an account a role, or takes it away
    #[command(after_help = "Example: hardpan user role ann@example.com editor --remove --app notes")]
    Role(Role),
}

#[derive(clap::Args)]
pub struct Create {
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// A role it gets, as admin; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    #[arg(long)]
    pub username: Option<String>,
    #[arg(long)]
    pub name: Option<String>,
    /// Reads the password from standard input instead of making one
    #[arg(long)]
    pub password_stdin: bool,
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(clap::Args)]
pub struct List {
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(clap::Args)]
pub struct Role {
    #[arg(value_name = "EMAIL")]
    pub email: String,
    #[arg(value_name = "ROLE")]
    pub role: String,
    /// Takes the role away
    #[arg(long)]
    pub remove: bool,
}

pub fn run(_args: Args, _loaded: Loaded) -> Outcome {
    // body follows with assemble
    Err(Failure::Failed("user is not wired yet".into()))
}

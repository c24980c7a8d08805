//! `hardpan user`: administration without HTTP.
use std::{
    io::{self, BufRead as _},
    process::ExitCode,
};

use clap::Subcommand;
use identity::{Identity, NewAccount, State, User};
use kernel::{Limit, Secret};
use serde_json::json;
use store::Ctx;
use zeroize::Zeroizing;

use super::{Failure, Format, Outcome, offline::with_identity, output, welcome};
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
    Role(Give),
    /// Removes every second factor and passkey of someone who lost them
    #[command(after_help = "Example: hardpan user reset-factors ann@example.com --app notes")]
    ResetFactors(Account),
    /// Shuts an account out, at once, until it is resumed
    #[command(after_help = "Example: hardpan user suspend ann@example.com --reason \"laptop stolen\" --app notes")]
    Suspend(Suspend),
    /// Lets an account in again
    #[command(after_help = "Example: hardpan user resume ann@example.com --app notes")]
    Resume(Suspend),
}

#[derive(clap::Args)]
pub struct Create {
    /// Its email address
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// A role it gets, as admin; may be repeated
    #[arg(long = "role", value_name = "ROLE")]
    pub roles: Vec<String>,
    /// A name to log in with, besides the address
    #[arg(long)]
    pub username: Option<String>,
    /// What to call the person
    #[arg(long)]
    pub name: Option<String>,
    /// Reads the password from standard input instead of making one
    #[arg(long)]
    pub password_stdin: bool,
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(clap::Args)]
pub struct List {
    /// How to print the answer
    #[arg(long, value_enum, default_value_t = Format::Text)]
    pub format: Format,
}

#[derive(clap::Args)]
pub struct Account {
    /// Its email address
    #[arg(value_name = "EMAIL")]
    pub email: String,
}

#[derive(clap::Args)]
pub struct Suspend {
    /// Its email address
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// Why, for the audit trail
    #[arg(long, value_name = "TEXT")]
    pub reason: Option<String>,
}

#[derive(clap::Args)]
pub struct Give {
    /// Its email address
    #[arg(value_name = "EMAIL")]
    pub email: String,
    /// The role, as admin
    #[arg(value_name = "ROLE")]
    pub role: String,
    /// Takes the role away
    #[arg(long)]
    pub remove: bool,
}

pub fn run(args: Args, loaded: Loaded) -> Outcome {
    with_identity(loaded, async |ctx, identity| match args.command {
        Command::Create(args) => create(ctx, identity, args).await,
        Command::List(args) => list(ctx, identity, args.format).await,
        Command::Role(args) => role(ctx, identity, &args).await,
        Command::ResetFactors(args) => reset_factors(ctx, identity, &args.email).await,
        Command::Suspend(args) => set_state(ctx, identity, args, State::Suspended).await,
        Command::Resume(args) => set_state(ctx, identity, args, State::Active).await,
    })
}

async fn create(ctx: &Ctx, identity: &Identity, args: Create) -> Outcome {
    let given = if args.password_stdin { Some(read_password()?) } else { None };
    let password = given.clone().unwrap_or_else(|| Zeroizing::new(welcome::password(ctx.random())));
    let new = NewAccount {
        email: args.email,
        password: Secret::new(password.to_string()),
        username: args.username,
        name: args.name,
    };
    let user = identity.create_user(ctx, new, &args.roles).await?;
    // A password that was given is known already.
    let shown = given.is_none().then_some(password);
    match args.format {
        Format::Json => output::json(&json!({"user": user, "password": shown.as_ref().map(|shown| shown.as_str())})),
        Format::Text => {
            output::line(&format!("Created {} ({})", user.email, user.id));
            if let Some(shown) = shown {
                output::line(&format!("Password: {}  (shown once)", *shown));
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read_password() -> Result<Zeroizing<String>, Failure> {
    let mut line = Zeroizing::new(String::new());
    io::stdin()
        .lock()
        .read_line(&mut line)
        .map_err(|error| Failure::Failed(format!("cannot read the password: {error}")))?;
    let end = line.trim_end_matches(['\r', '\n']).len();
    line.truncate(end);
    Ok(line)
}

async fn list(ctx: &Ctx, identity: &Identity, format: Format) -> Outcome {
    let mut after = None;
    let mut users = Vec::new();
    loop {
        let page = identity.list_users(ctx, Limit::new(200)?, after.as_deref()).await?;
        users.extend(page.items);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    match format {
        Format::Json => output::json(&json!({"items": users})),
        Format::Text => {
            for user in &users {
                let state = if user.is_active() { "" } else { "  (suspended)" };
                let roles = user.roles.join(",");
                output::line(&format!("{}  {}  {}  {roles}{state}", user.id, user.created_at, user.email));
            }
            output::line(&format!("{} accounts", users.len()));
        }
    }
    Ok(ExitCode::SUCCESS)
}

async fn role(ctx: &Ctx, identity: &Identity, args: &Give) -> Outcome {
    let user = find(ctx, identity, &args.email).await?;
    let mut roles: Vec<String> = user.roles.iter().map(ToString::to_string).filter(|role| *role != args.role).collect();
    if !args.remove {
        roles.push(args.role.clone());
    }
    let user = identity.set_roles(ctx, user.id, &roles).await?;
    let roles = if user.roles.is_empty() { "no role".to_owned() } else { user.roles.join(", ") };
    output::line(&format!("{} holds {roles}", user.email));
    Ok(ExitCode::SUCCESS)
}

async fn reset_factors(ctx: &Ctx, identity: &Identity, email: &str) -> Outcome {
    let user = find(ctx, identity, email).await?;
    identity.reset_factors(ctx, user.id).await?;
    output::line(&format!("{} has no second factor and no passkey any more; the owner is told by mail", user.email));
    Ok(ExitCode::SUCCESS)
}

async fn set_state(ctx: &Ctx, identity: &Identity, args: Suspend, state: State) -> Outcome {
    let user = find(ctx, identity, &args.email).await?;
    let user = identity.set_state(ctx, user.id, state, args.reason).await?;
    output::line(&match state {
        State::Active => format!("{} can log in again", user.email),
        State::Suspended => format!("{} is suspended: every session is ended, and API keys rest", user.email),
    });
    Ok(ExitCode::SUCCESS)
}

async fn find(ctx: &Ctx, identity: &Identity, email: &str) -> Result<User, Failure> {
    let found = identity.find_by_email(ctx, email).await?;
    found.ok_or_else(|| Failure::Failed(format!("there is no account {email}")))
}

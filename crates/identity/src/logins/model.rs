//! Types of the log-ins.
use std::time::Duration;

use kernel::{Code, Error, FieldError, Result, Secret};
use serde::Deserialize;

use crate::{
    accounts::{Identifier, NewAccount, User},
    factors::FactorKind,
    sessions::{Session, Transport},
};

/// Who may create an account for themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Anyone, with the answer at once.
    Open,
    /// Anyone, by the link that is mailed to the address; nobody learns from the answer whether there is an account.
    VerifyFirst,
    /// Whom administrators invite.
    Invite,
    /// Nobody by themselves; administrators create accounts, and may invite.
    Closed,
}

/// What comes of asking for an account.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
pub enum Registered {
    Granted(Grant),
    /// Whatever there is to know stands in a mail.
    Mailed,
}

/// What becomes of a log-in that is out of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnSuspicion {
    /// The owner is told.
    Tell,
    /// It also wants a second factor, on trusted devices too, or a code that is mailed to an account without one.
    StepUp,
}

/// What a successful log-in, registration or refresh hands out.
pub struct Grant {
    pub user: User,
    pub session: Session,
    pub access_token: String,
    pub refresh_token: String,
    pub expires_in: Duration,
    /// What the device is known by from now on, when it was made for this log-in. What was sent is never told back: scripts must
    /// not read a cookie that is kept from them.
    pub device_token: Option<String>,
}

/// What comes of a first factor that was right.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
pub enum Outcome {
    Granted(Grant),
    /// A second factor is due.
    Challenged(Challenge),
}

/// What is to be proven before there is a session.
pub struct Challenge {
    /// Names the challenge and proves the right to answer it.
    pub id: String,
    pub kinds: Vec<FactorKind>,
    pub expires_in: Duration,
}

#[derive(Deserialize)]
pub(super) struct RegisterBody {
    email: String,
    password: String,
    username: Option<String>,
    name: Option<String>,
    #[serde(default)]
    pub transport: Transport,
}

impl RegisterBody {
    pub(super) fn into_account(self) -> NewAccount {
        let password = Secret::new(self.password);
        NewAccount { email: self.email, password, username: self.username, name: self.name }
    }
}

#[derive(Deserialize)]
pub(super) struct LoginBody {
    email: Option<String>,
    username: Option<String>,
    password: String,
    #[serde(default)]
    pub transport: Transport,
}

impl LoginBody {
    /// Errors: 422 unless exactly one of the two names is there.
    pub(super) fn into_parts(self) -> Result<(Identifier, Secret<String>)> {
        let identifier = match (self.email, self.username) {
            (Some(email), None) => Identifier::Email(email),
            (None, Some(username)) => Identifier::Username(username),
            (None, None) => return Err(one_name("missing", "email or username is required")),
            (Some(_), Some(_)) => return Err(one_name("ambiguous", "give email or username, not both")),
        };
        Ok((identifier, Secret::new(self.password)))
    }
}

fn one_name(code: &'static str, message: &str) -> Error {
    Error::new(Code::Invalid).with_field(FieldError::new("email", code, message))
}

#[derive(Default, Deserialize)]
pub(super) struct RefreshBody {
    pub refresh_token: Option<String>,
}

//! Types of the single-use things.
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Secret, UserId, Uuid};

/// What a single-use thing is for. It is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub name: &'static str,
    pub ttl: Duration,
    /// Tries with a wrong secret after which it is dead.
    pub attempts: u32,
}

/// Every purpose there is, so that tests can walk them all.
pub const PURPOSES: [Purpose; 1] = [Purpose::MFA];

impl Purpose {
    /// A log-in whose first factor was right.
    pub const MFA: Self = Self { name: "mfa", ttl: Duration::from_mins(10), attempts: 5 };
}

/// Something to issue. `payload` comes back when it is consumed.
pub struct Issue<'a> {
    pub purpose: Purpose,
    /// The account whose it is. It ends with a change of that account's credentials.
    pub user_id: Option<UserId>,
    pub payload: &'a [u8],
}

/// Names a single-use thing and proves the right to use it: what links and challenges carry. Some 65 characters.
#[derive(Clone)]
pub struct Ticket {
    pub subject: Uuid,
    pub secret: Secret<Vec<u8>>,
}

/// Bytes of a ticket's secret.
pub(super) const SECRET_LENGTH: usize = 32;

impl Ticket {
    pub fn reveal(&self) -> String {
        URL_SAFE_NO_PAD.encode([self.subject.as_bytes(), self.secret.expose().as_slice()].concat())
    }

    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Secret::new(URL_SAFE_NO_PAD.decode(text).ok()?);
        let (subject, secret) = bytes.expose().split_at_checked(16)?;
        (secret.len() == SECRET_LENGTH)
            .then(|| Some(Self { subject: Uuid::from_slice(subject).ok()?, secret: Secret::new(secret.to_vec()) }))?
    }
}

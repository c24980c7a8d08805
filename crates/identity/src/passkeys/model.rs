//! Types of the passkeys.
use kernel::{Error, FieldError, PasskeyId, Result, Timestamp, UserId};
use serde::Serialize;

/// Longest name, in characters.
pub(super) const NAME_MAX: usize = 100;
/// What one is called that was not given a name.
pub(super) const NAME_DEFAULT: &str = "Passkey";
/// Most of one account.
pub(super) const MAX_PER_ACCOUNT: usize = 20;

/// A registered WebAuthn credential.
#[derive(Clone, Debug)]
pub(super) struct Passkey {
    pub id: PasskeyId,
    pub user_id: UserId,
    pub name: String,
    /// The authenticator's own name for it.
    pub credential_id: Vec<u8>,
    /// The public key and what was said of it at registration, as the library of the ceremonies writes it.
    pub credential: String,
    pub is_user_verified: bool,
    pub transports: Vec<String>,
    pub counter: i64,
    pub is_backed_up: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
    pub suspended_at: Option<Timestamp>,
}

/// What its owner sees of a passkey.
#[derive(Clone, Debug, Serialize)]
pub struct PasskeyView {
    pub id: PasskeyId,
    pub name: String,
    pub kind: PasskeyKind,
    pub transports: Vec<String>,
    pub is_backed_up: bool,
    /// Its counter went back, so that there may be a copy: it is good for nothing until its owner says that it is fine.
    pub is_suspended: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What a passkey is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PasskeyKind {
    /// It verifies its user: the whole log-in.
    Passkey,
    /// It is touched: a second factor alone.
    SecurityKey,
}

impl PasskeyKind {
    pub const NAMES: [&str; 2] = ["passkey", "security_key"];
}

impl Passkey {
    pub fn kind(&self) -> PasskeyKind {
        if self.is_user_verified { PasskeyKind::Passkey } else { PasskeyKind::SecurityKey }
    }

    /// In words, for people.
    pub fn describe(&self) -> &'static str {
        if self.is_user_verified { "passkey" } else { "security key" }
    }

    pub fn view(self) -> PasskeyView {
        PasskeyView {
            kind: self.kind(),
            id: self.id,
            name: self.name,
            transports: self.transports,
            is_backed_up: self.is_backed_up,
            is_suspended: self.suspended_at.is_some(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
        }
    }
}

/// A name as it is kept. Errors: 422 for one of spaces alone.
pub(super) fn name(given: &str) -> Result<String> {
    let name = given.trim();
    if name.is_empty() {
        return Err(Error::invalid(vec![FieldError::new("name", "too_short", "must not be blank")]));
    }
    Ok(name.to_owned())
}

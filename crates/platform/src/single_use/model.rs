//! Types of the single-use things.
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Random, Secret, UserId, Uuid};

/// What a single-use thing is for. It is good for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purpose {
    pub name: &'static str,
    pub ttl: Duration,
    /// Tries with a wrong secret after which it is dead.
    pub attempts: u32,
}

/// Every purpose there is, so that tests can walk them all.
pub const PURPOSES: [Purpose; 15] = [
    Purpose::MFA,
    Purpose::VERIFY_EMAIL,
    Purpose::REGISTER,
    Purpose::RESET_PASSWORD,
    Purpose::CHANGE_EMAIL,
    Purpose::UNDO_EMAIL,
    Purpose::INVITATION,
    Purpose::SMS_CODE,
    Purpose::EMAIL_CODE,
    Purpose::OAUTH_STATE,
    Purpose::OAUTH_CODE,
    Purpose::PASSKEY_REGISTRATION,
    Purpose::PASSKEY_LOGIN,
    Purpose::PASSKEY_FACTOR,
    Purpose::PASSKEY_STEP_UP,
];

impl Purpose {
    /// A log-in whose first factor was right.
    pub const MFA: Self = Self { name: "mfa", ttl: Duration::from_mins(10), attempts: 5 };
    /// A link by which someone proves that the address of their account is theirs.
    pub const VERIFY_EMAIL: Self = Self::link("verify_email", Duration::from_hours(24));
    /// A link that makes the account somebody asked for.
    pub const REGISTER: Self = Self::link("register", Duration::from_hours(24));
    /// A link that sets a password.
    pub const RESET_PASSWORD: Self = Self::link("reset_password", Duration::from_hours(1));
    /// A link that makes an address the account's.
    pub const CHANGE_EMAIL: Self = Self::link("change_email", Duration::from_hours(1));
    /// A link that gives an account its former address back. It outlives a change of credentials: whoever took the account could
    /// otherwise end it.
    pub const UNDO_EMAIL: Self = Self::link("undo_email", Duration::from_hours(7 * 24));
    /// A link that makes the account an administrator offers.
    pub const INVITATION: Self = Self::link("invitation", Duration::from_hours(7 * 24));
    /// A code that went to a telephone.
    pub const SMS_CODE: Self = Self { name: "sms_code", ..Self::MFA };
    /// A code that went to a mail address.
    pub const EMAIL_CODE: Self = Self { name: "email_code", ..Self::MFA };

    const fn link(name: &'static str, ttl: Duration) -> Self {
        Self { name, ttl, attempts: 5 }
    }
    /// A log-in with a provider that was begun; its secret is the browser's.
    pub const OAUTH_STATE: Self = Self { name: "oauth_state", ttl: Duration::from_mins(10), attempts: 1 };
    /// A log-in with a provider that was right, for the app to fetch.
    pub const OAUTH_CODE: Self = Self { name: "oauth_code", ttl: Duration::from_mins(1), attempts: 1 };
    /// A new passkey, asked of an authenticator.
    pub const PASSKEY_REGISTRATION: Self = Self::ceremony("passkey_registration");
    /// A log-in by a passkey alone.
    pub const PASSKEY_LOGIN: Self = Self::ceremony("passkey_login");
    /// A passkey or a security key as the second factor of a log-in.
    pub const PASSKEY_FACTOR: Self = Self::ceremony("passkey_factor");
    /// The same in a session that is to be proven anew.
    pub const PASSKEY_STEP_UP: Self = Self::ceremony("passkey_step_up");

    const fn ceremony(name: &'static str) -> Self {
        Self { name, ttl: Duration::from_mins(5), attempts: 1 }
    }
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
    /// One about `subject`, with a secret of its own; [`issue_about`](super::SingleUse::issue_about) takes both.
    pub fn about(subject: Uuid, random: &dyn Random) -> Self {
        let mut secret = vec![0; SECRET_LENGTH];
        random.fill(&mut secret);
        Self { subject, secret: Secret::new(secret) }
    }

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

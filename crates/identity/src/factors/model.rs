//! Types of the second factors.
use kernel::{FactorId, Method, Timestamp};
use serde::{Deserialize, Serialize};

/// A second factor, as requests name it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FactorKind {
    Totp,
    /// A code that is sent to a telephone.
    Sms,
    /// A code that is mailed to the account's address.
    Email,
    BackupCode,
    /// A passkey or a security key, which answers no code but a ceremony of its own.
    Passkey,
}

impl FactorKind {
    /// Those that are given as codes.
    pub const ALL: [Self; 4] = [Self::Totp, Self::Sms, Self::Email, Self::BackupCode];
    /// Those whose codes are sent when they are asked for.
    pub const SENT: [Self; 2] = [Self::Sms, Self::Email];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Totp => "totp",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::BackupCode => "backup_code",
            Self::Passkey => "passkey",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// In words, for people.
    pub const fn describe(self) -> &'static str {
        match self {
            Self::Totp => "authenticator app",
            Self::Sms => "codes by SMS",
            Self::Email => "codes by mail",
            Self::BackupCode => "backup code",
            Self::Passkey => "passkey",
        }
    }

    /// What it counts as once it was proven.
    pub const fn method(self) -> Method {
        match self {
            Self::Totp => Method::Totp,
            Self::Sms => Method::Sms,
            Self::Email => Method::Email,
            Self::BackupCode => Method::BackupCode,
            Self::Passkey => Method::SecurityKey,
        }
    }
}

/// A stored factor.
pub(super) struct Factor {
    pub id: FactorId,
    pub kind: FactorKind,
    pub label: Option<String>,
    /// Sealed: the secret of a generator of codes, the number of a telephone. Nothing of an address: codes go to the account's.
    pub secret: Vec<u8>,
    pub created_at: Timestamp,
    pub confirmed_at: Option<Timestamp>,
    pub last_used_at: Option<Timestamp>,
}

/// What people see of a factor.
#[derive(Clone, Debug, Serialize)]
pub struct FactorView {
    pub id: FactorId,
    pub kind: FactorKind,
    pub label: Option<String>,
    /// Of a telephone, masked.
    pub phone: Option<String>,
    /// Whether it was used once, so that log-ins ask for it.
    pub is_confirmed: bool,
    pub created_at: Timestamp,
    pub last_used_at: Option<Timestamp>,
}

/// What an authenticator app is told, once.
#[derive(Serialize)]
pub(super) struct Enrolment {
    pub id: FactorId,
    /// Base 32.
    pub secret: String,
    pub otpauth_uri: String,
    pub qr_svg: String,
}

/// What its owner is told of a way that codes travel, when one was sent there.
#[derive(Serialize)]
pub(super) struct SentEnrolment {
    pub id: FactorId,
    /// Masked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone: Option<String>,
    /// Seconds until the code ends.
    pub expires_in: u64,
}

impl Factor {
    pub(super) fn view(self, phone: Option<String>) -> FactorView {
        FactorView {
            id: self.id,
            kind: self.kind,
            label: self.label,
            phone,
            is_confirmed: self.confirmed_at.is_some(),
            created_at: self.created_at,
            last_used_at: self.last_used_at,
        }
    }
}

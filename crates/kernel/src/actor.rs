//! Who asks: the authentication level is a type, so that half a log-in cannot pass for a whole one.
use std::{sync::Arc, time::Duration};

use crate::{
    error::{Code, Error, Result},
    id::{SessionId, UserId},
    time::Timestamp,
};

/// A role's name, `[a-z][a-z0-9_]*`.
pub type Role = Arc<str>;

/// The role whose holders administer the server.
pub const ADMIN: &str = "admin";

/// What roles that want a second factor ask for: one proven in this session, however long ago.
const HELD_BACK_AGE: Duration = Duration::from_hours(30 * 24);

/// Who is behind a call.
#[derive(Clone, Debug)]
pub enum Actor {
    Anonymous,
    /// The password was right and a second factor is still due: good for nothing but giving that factor.
    PasswordOnly(UserId),
    Full(Principal),
    /// The server itself or its command line; names the part that acts.
    System(&'static str),
}

/// Someone wholly logged in.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user_id: UserId,
    pub session_id: SessionId,
    /// Those the session may use: a role that wants a second factor is not held without one.
    pub roles: Arc<[Role]>,
    /// How the log-in was proven, and when.
    pub proofs: Arc<[Proof]>,
    /// Whether the account has a second factor, so that a first one alone is no fresh proof.
    pub has_second_factor: bool,
    /// Whether roles are held back until a second factor is proven.
    pub is_held_back: bool,
}

/// A factor that was proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    pub method: Method,
    pub at: Timestamp,
}

/// A way to prove who one is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Password,
    /// A provider of log-ins (OpenID Connect) said so.
    Federated,
    /// A time-based code, RFC 6238.
    Totp,
    Sms,
    Email,
    BackupCode,
    /// A WebAuthn authenticator that was touched.
    SecurityKey,
    /// A WebAuthn authenticator that also knows its user, by a finger or a PIN.
    Passkey,
}

/// What kind of thing a factor is. Two proofs of one class are one factor (CVE-2024-45042).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    Knowledge,
    Possession,
    Inherence,
}

/// How well a log-in is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Strength {
    /// By one factor.
    Single,
    /// By factors of two classes.
    Multi,
}

impl Method {
    pub const ALL: [Self; 8] = [
        Self::Password,
        Self::Federated,
        Self::Totp,
        Self::Sms,
        Self::Email,
        Self::BackupCode,
        Self::SecurityKey,
        Self::Passkey,
    ];

    /// As in RFC 8176, where that has a name for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
            Self::Federated => "fed",
            Self::Totp => "otp",
            Self::Sms => "sms",
            Self::Email => "email",
            Self::BackupCode => "backup",
            Self::SecurityKey => "hwk",
            Self::Passkey => "passkey",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|method| method.as_str() == text)
    }

    /// What it proves.
    pub const fn classes(self) -> &'static [Class] {
        match self {
            Self::Password | Self::Federated => &[Class::Knowledge],
            Self::Totp | Self::Sms | Self::Email | Self::BackupCode | Self::SecurityKey => &[Class::Possession],
            Self::Passkey => &[Class::Possession, Class::Inherence],
        }
    }
}

/// How well `proofs` together prove who it is.
pub fn strength(proofs: &[Proof]) -> Strength {
    let proves = |class| proofs.iter().any(|proof| proof.method.classes().contains(&class));
    let classes = [Class::Knowledge, Class::Possession, Class::Inherence];
    if classes.into_iter().filter(|class| proves(*class)).count() > 1 { Strength::Multi } else { Strength::Single }
}

/// How well and how lately someone must have proven who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StepUp {
    /// [`Strength::Single`] asks for as much as the account has: of one with a second factor, that one.
    pub strength: Strength,
    pub max_age: Duration,
}

impl StepUp {
    /// As well as the account can, in the last five minutes.
    pub const FRESH: Self = Self { strength: Strength::Single, max_age: Duration::from_mins(5) };
}

/// What administrative functions ask for. Administrators hold all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    ReadUsers,
    ManageUsers,
    ManageRoles,
    ManageSessions,
    ReadHealthDetail,
    ReadApiDocument,
}

impl Actor {
    pub const fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Full(principal) => Some(principal),
            _ => None,
        }
    }

    /// The logged-in caller, or 401.
    pub fn require_login(&self) -> Result<&Principal> {
        self.principal().ok_or_else(|| Error::new(Code::Unauthenticated))
    }

    /// The logged-in caller if they proved it lately and well enough, or 401 asking for that (RFC 9470).
    pub fn require_fresh(&self, now: Timestamp, wanted: StepUp) -> Result<&Principal> {
        let principal = self.require_login()?;
        if principal.is_fresh(now, wanted) { Ok(principal) } else { Err(Error::step_up(wanted)) }
    }

    pub fn require(&self, permission: Permission) -> Result<()> {
        if matches!(self, Self::System(_)) {
            return Ok(());
        }
        let principal = self.require_login()?;
        if principal.may(permission) { Ok(()) } else { Err(principal.refusal()) }
    }

    /// Refuses everyone but the server itself and its command line.
    pub fn require_system(&self) -> Result<()> {
        if matches!(self, Self::System(_)) { Ok(()) } else { Err(Error::new(Code::Forbidden)) }
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.principal().is_some_and(|principal| principal.has_role(role))
    }

    pub const fn user_id(&self) -> Option<UserId> {
        match self {
            Self::Full(principal) => Some(principal.user_id),
            _ => None,
        }
    }

    pub const fn is_authenticated(&self) -> bool {
        matches!(self, Self::Full(_))
    }
}

impl Principal {
    pub fn strength(&self) -> Strength {
        strength(&self.proofs)
    }

    /// When anything was last proven.
    pub fn authenticated_at(&self) -> Timestamp {
        self.proofs.iter().map(|proof| proof.at).max().unwrap_or(Timestamp::from_micros(0))
    }

    pub fn is_fresh(&self, now: Timestamp, wanted: StepUp) -> bool {
        let wants_second = self.has_second_factor || wanted.strength == Strength::Multi;
        let counts = |proof: &Proof| !wants_second || proof.method.classes().contains(&Class::Possession);
        let is_lately = |proof: &Proof| proof.at <= now && now.since(proof.at) <= wanted.max_age;
        (!wants_second || self.strength() == Strength::Multi)
            && self.proofs.iter().any(|proof| counts(proof) && is_lately(proof))
    }

    /// Why they may not: for want of a second factor, or at all.
    pub fn refusal(&self) -> Error {
        if self.is_held_back {
            return Error::step_up(StepUp { strength: Strength::Multi, max_age: HELD_BACK_AGE });
        }
        Error::new(Code::Forbidden)
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| &**held == role)
    }

    /// Every permission there is belongs to administrators alone until roles can be declared.
    pub fn may(&self, _permission: Permission) -> bool {
        self.has_role(ADMIN)
    }
}

/// Whether `name` can be a role: 1 to 64 of `[a-z0-9_]`, a letter first.
pub fn is_role(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proofs(methods: &[Method]) -> Vec<Proof> {
        methods.iter().map(|method| Proof { method: *method, at: Timestamp::from_micros(0) }).collect()
    }

    /// CVE-2024-45042: two of one kind are not two factors.
    #[test]
    fn strength_is_of_classes_and_not_of_counts() {
        use Method::{BackupCode, Federated, Passkey, Password, SecurityKey, Sms, Totp};
        for single in [&[][..], &[Password], &[Password, Federated], &[Totp, Sms, BackupCode, SecurityKey]] {
            assert_eq!(strength(&proofs(single)), Strength::Single, "{single:?}");
        }
        for multi in [&[Password, Totp][..], &[Federated, BackupCode], &[Passkey]] {
            assert_eq!(strength(&proofs(multi)), Strength::Multi, "{multi:?}");
        }
    }

    #[test]
    fn with_a_second_factor_a_fresh_first_one_is_not_enough() {
        let minute = 60_000_000;
        let at = |method, minutes: i64| Proof { method, at: Timestamp::from_micros(minutes * minute) };
        let principal = |proofs: Vec<Proof>, has_second_factor| Principal {
            user_id: UserId::from_uuid(uuid::Uuid::nil()),
            session_id: SessionId::from_uuid(uuid::Uuid::nil()),
            roles: Arc::default(),
            proofs: proofs.into(),
            has_second_factor,
            is_held_back: false,
        };
        let now = Timestamp::from_micros(100 * minute);
        let fresh = |proofs, has| principal(proofs, has).is_fresh(now, StepUp::FRESH);
        assert!(fresh(vec![at(Method::Password, 95)], false));
        assert!(!fresh(vec![at(Method::Password, 94)], false));
        assert!(!fresh(vec![at(Method::Password, 101)], false), "proven in the future");
        assert!(!fresh(vec![at(Method::Password, 99)], true));
        assert!(!fresh(vec![at(Method::Totp, 50), at(Method::Password, 99)], true));
        assert!(fresh(vec![at(Method::Password, 50), at(Method::Totp, 99)], true));
        assert!(!fresh(vec![at(Method::Sms, 98), at(Method::Totp, 99)], true), "one class only");
        let multi = StepUp { strength: Strength::Multi, ..StepUp::FRESH };
        assert!(!principal(vec![at(Method::Password, 99)], false).is_fresh(now, multi));
    }
}

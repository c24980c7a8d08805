//! Who asks: the authentication level is a type, so that half a log-in cannot pass for a whole one.
use std::{sync::Arc, time::Duration};

use crate::{
    error::{Code, Error, Result},
    id::{ApiKeyId, SessionId, UserId},
    permission::{Permission, Permissions},
    scope::{Operation, Scope},
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

/// Someone wholly logged in, or a program with a key of theirs.
#[derive(Clone, Debug)]
pub struct Principal {
    pub user_id: UserId,
    pub credential: Credential,
    /// Those the credential may use: a role that wants a second factor is not held without one.
    pub roles: Arc<[Role]>,
    /// Those of the roles.
    pub permissions: Permissions,
    /// How the log-in was proven, and when.
    pub proofs: Arc<[Proof]>,
    /// Whether the account has a second factor, so that a first one alone is no fresh proof.
    pub has_second_factor: bool,
    /// Whether roles are held back until a second factor is proven.
    pub is_held_back: bool,
}

/// What was shown for it.
#[derive(Clone, Debug)]
pub enum Credential {
    Session(SessionId),
    ApiKey(Arc<ApiKeyGrant>),
}

/// What a key may be used for: no more than its scopes say, of what its owner may do.
#[derive(Clone, Debug)]
pub struct ApiKeyGrant {
    pub id: ApiKeyId,
    pub scopes: Vec<Scope>,
    /// Beside what the server allows its owner.
    pub requests_per_minute: Option<u32>,
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

    /// The logged-in caller and their session, or 401; 403 for an API key.
    pub fn require_session(&self) -> Result<(&Principal, SessionId)> {
        let principal = self.require_login()?;
        Ok((principal, principal.session().ok_or_else(Error::no_api_keys)?))
    }

    /// Errors: 403 `insufficient_scope` when the caller is an API key that may not do this with records of `resource`. Nobody
    /// else has scopes.
    pub fn require_scope(&self, resource: &str, operation: Operation) -> Result<()> {
        let Some(key) = self.principal().and_then(Principal::api_key) else { return Ok(()) };
        let wanted = Scope::of(resource, operation);
        if key.may_use(&wanted) { Ok(()) } else { Err(Error::insufficient_scope(&wanted)) }
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

impl ApiKeyGrant {
    pub fn may_use(&self, wanted: &Scope) -> bool {
        self.scopes.iter().any(|scope| scope.covers(wanted))
    }
}

impl Principal {
    /// Someone of whom nothing is known but their session.
    pub fn of_session(user_id: UserId, session_id: SessionId) -> Self {
        Self {
            user_id,
            credential: Credential::Session(session_id),
            roles: Arc::default(),
            permissions: Permissions::NONE,
            proofs: Arc::default(),
            has_second_factor: false,
            is_held_back: false,
        }
    }

    /// The session that asks; none for an API key.
    pub const fn session(&self) -> Option<SessionId> {
        match &self.credential {
            Credential::Session(id) => Some(*id),
            Credential::ApiKey(_) => None,
        }
    }

    /// The API key that asks, if one does.
    pub fn api_key(&self) -> Option<&ApiKeyGrant> {
        match &self.credential {
            Credential::Session(_) => None,
            Credential::ApiKey(key) => Some(key),
        }
    }

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
        if self.api_key().is_some() {
            return Error::no_api_keys();
        }
        if self.is_held_back {
            return Error::step_up(StepUp { strength: Strength::Multi, max_age: HELD_BACK_AGE });
        }
        Error::new(Code::Forbidden)
    }

    pub fn has_role(&self, role: &str) -> bool {
        self.roles.iter().any(|held| &**held == role)
    }

    /// Administration is for people: an API key has no permission, whosever it is.
    pub fn may(&self, permission: Permission) -> bool {
        self.session().is_some() && (self.has_role(ADMIN) || self.permissions.contains(permission))
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

    fn nobody() -> Principal {
        Principal::of_session(UserId::from_uuid(uuid::Uuid::nil()), SessionId::from_uuid(uuid::Uuid::nil()))
    }

    #[test]
    fn a_key_of_an_administrator_administers_nothing_and_is_never_fresh() {
        let id = ApiKeyId::from_uuid(uuid::Uuid::nil());
        let scopes = vec![Scope::of("documents", Operation::Read)];
        let key = Credential::ApiKey(Arc::new(ApiKeyGrant { id, scopes, requests_per_minute: None }));
        let admin = Principal { roles: Arc::new([ADMIN.into()]), permissions: Permissions::all(), ..nobody() };
        let with_key = Actor::Full(Principal { credential: key, ..admin.clone() });
        let code = |result: Result<()>| result.map_err(|error| error.code());
        for permission in Permission::ALL {
            assert_eq!(code(Actor::Full(admin.clone()).require(permission)), Ok(()));
            assert_eq!(code(with_key.require(permission)), Err(Code::InsufficientScope));
        }
        assert!(with_key.require_fresh(Timestamp::from_micros(0), StepUp::FRESH).is_err());
        assert_eq!(with_key.require_session().map_err(|error| error.code()).err(), Some(Code::InsufficientScope));
        assert_eq!(code(with_key.require_scope("documents", Operation::Read)), Ok(()));
        assert_eq!(code(with_key.require_scope("documents", Operation::Update)), Err(Code::InsufficientScope));
        for other in [Actor::Full(admin), Actor::Anonymous, Actor::System("test")] {
            assert_eq!(code(other.require_scope("documents", Operation::Update)), Ok(()));
        }
    }

    #[test]
    fn permissions_are_those_of_the_roles() {
        let permissions = [Permission::ReadUsers].into_iter().collect();
        let principal = Principal { permissions, ..nobody() };
        assert!(principal.may(Permission::ReadUsers) && !principal.may(Permission::ManageUsers));
        assert!(!nobody().may(Permission::ReadUsers));
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
        let principal =
            |proofs: Vec<Proof>, has_second_factor| Principal { proofs: proofs.into(), has_second_factor, ..nobody() };
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

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
    pub roles: Arc<[Role]>,
    /// How the log-in was proven.
    pub methods: Arc<[Method]>,
    /// When it was last proven.
    pub authenticated_at: Timestamp,
}

/// A way to prove who one is; names as in RFC 8176.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    Password,
}

impl Method {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "pwd",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        (text == "pwd").then_some(Self::Password)
    }
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

    /// The logged-in caller if the log-in is at most `age` old, or 401 asking for a fresh one (RFC 9470).
    pub fn require_fresh(&self, now: Timestamp, age: Duration) -> Result<&Principal> {
        let principal = self.require_login()?;
        if now.since(principal.authenticated_at) > age {
            return Err(Error::new(Code::FreshLoginRequired).with_max_age(age));
        }
        Ok(principal)
    }

    pub fn require(&self, permission: Permission) -> Result<()> {
        if matches!(self, Self::System(_)) {
            return Ok(());
        }
        let principal = self.require_login()?;
        if principal.may(permission) { Ok(()) } else { Err(Error::new(Code::Forbidden)) }
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

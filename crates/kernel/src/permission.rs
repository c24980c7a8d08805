//! Permissions: what administrative functions ask for, by names that the app file can give to roles.

/// Administrators hold all of them, others those of their roles.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permission {
    ReadUsers,
    ManageUsers,
    ManageRoles,
    ManageSessions,
    ManageApiKeys,
    ReadHealthDetail,
    ReadApiDocument,
}

/// Some permissions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Permissions(u32);

impl Permission {
    pub const ALL: [Self; 7] = [
        Self::ReadUsers,
        Self::ManageUsers,
        Self::ManageRoles,
        Self::ManageSessions,
        Self::ManageApiKeys,
        Self::ReadHealthDetail,
        Self::ReadApiDocument,
    ];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ReadUsers => "users:read",
            Self::ManageUsers => "users:manage",
            Self::ManageRoles => "roles:manage",
            Self::ManageSessions => "sessions:manage",
            Self::ManageApiKeys => "api_keys:manage",
            Self::ReadHealthDetail => "health:read",
            Self::ReadApiDocument => "docs:read",
        }
    }

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|permission| permission.as_str() == text)
    }

    const fn bit(self) -> u32 {
        1 << self as u32
    }
}

impl Permissions {
    pub const NONE: Self = Self(0);

    /// Those an administrator holds.
    pub fn all() -> Self {
        Permission::ALL.into_iter().collect()
    }

    pub const fn contains(self, permission: Permission) -> bool {
        self.0 & permission.bit() != 0
    }

    /// Whether all of `other` are among these.
    pub const fn covers(self, other: Self) -> bool {
        other.0 & !self.0 == 0
    }

    /// The published names of these.
    pub fn names(self) -> Vec<&'static str> {
        Permission::ALL.into_iter().filter(|permission| self.contains(*permission)).map(Permission::as_str).collect()
    }

    #[must_use]
    pub const fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl FromIterator<Permission> for Permissions {
    fn from_iter<I: IntoIterator<Item = Permission>>(permissions: I) -> Self {
        permissions.into_iter().fold(Self::NONE, |all, permission| Self(all.0 | permission.bit()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_bits_are_one_each() {
        for permission in Permission::ALL {
            assert_eq!(Permission::parse(permission.as_str()), Some(permission));
            let others: Permissions = Permission::ALL.into_iter().filter(|other| *other != permission).collect();
            assert!(!others.contains(permission) && Permissions::all().contains(permission));
            assert!(Permissions::all().covers(others) && !others.covers(Permissions::all()));
            assert_eq!(others.and([permission].into_iter().collect()), Permissions::all());
        }
        assert_eq!(Permission::parse("users:*"), None);
    }
}

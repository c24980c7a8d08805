//! Types of the roles.
use std::sync::Arc;

use kernel::{Permissions, Role};
use serde::Serialize;

/// What the app says of a role.
#[derive(Clone, Debug)]
pub struct RoleTerms {
    pub name: String,
    pub description: Option<String>,
    pub permissions: Permissions,
    /// Whether it is held with a second factor alone.
    pub requires_mfa: bool,
}

/// A role as administrators see it.
#[derive(Clone, Debug, Serialize)]
pub struct RoleView {
    pub name: String,
    pub description: Option<String>,
    pub permissions: Vec<&'static str>,
    pub requires_mfa: bool,
}

/// The same, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Terms {
    pub description: Option<String>,
    pub permissions: Permissions,
    pub requires_mfa: bool,
}

/// What the roles of an account amount to.
pub(crate) struct Held {
    pub roles: Arc<[Role]>,
    pub permissions: Permissions,
    /// Whether more would be held with a second factor.
    pub is_held_back: bool,
}

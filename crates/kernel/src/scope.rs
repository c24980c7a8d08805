//! Scopes: what an API key may be used for, `resource:action` each.
use std::{fmt, sync::Arc};

/// What is done with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    Read,
    Create,
    Update,
    Delete,
}

/// `documents:read`, `documents:*`, `*:read`, `*:*`; and [`Scope::account`], which `*` does not cover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    resource: Arc<str>,
    /// None: all of them.
    operation: Option<Operation>,
}

/// Stands for every declared resource, and for every operation.
const ANY: &str = "*";
const ACCOUNT: &str = "account";

impl Operation {
    pub const ALL: [Self; 4] = [Self::Read, Self::Create, Self::Update, Self::Delete];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
        }
    }
}

impl Scope {
    /// To do this with records of this resource.
    pub fn of(resource: &str, operation: Operation) -> Self {
        Self { resource: resource.into(), operation: Some(operation) }
    }

    /// `account:read`, to read one's own account.
    pub fn account() -> Self {
        Self::of(ACCOUNT, Operation::Read)
    }

    /// What `text` stands for, if `is_resource` knows the name.
    pub fn parse(text: &str, is_resource: impl Fn(&str) -> bool) -> Option<Self> {
        let (resource, operation) = text.split_once(':')?;
        let operation = match operation {
            ANY => None,
            name => Some(Operation::ALL.into_iter().find(|operation| operation.as_str() == name)?),
        };
        let scope = Self { resource: resource.into(), operation };
        (resource == ANY || is_resource(resource) || scope == Self::account()).then_some(scope)
    }

    /// Whether whoever has this one has `wanted`.
    pub fn covers(&self, wanted: &Self) -> bool {
        let is_same = self.resource == wanted.resource;
        (is_same || &*self.resource == ANY && &*wanted.resource != ACCOUNT)
            && (self.operation.is_none() || self.operation == wanted.operation)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.resource, self.operation.map_or(ANY, Operation::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Option<Scope> {
        Scope::parse(text, |name| ["documents", "folders"].contains(&name))
    }

    #[test]
    fn scopes_are_of_what_there_is() {
        for text in ["documents:read", "folders:*", "*:delete", "*:*", "account:read"] {
            assert_eq!(parse(text).unwrap().to_string(), text);
        }
        for text in [
            "",
            "documents",
            "documents:",
            "documents:write",
            "document:read",
            "Documents:read",
            ":read",
            "documents:read:read",
            " documents:read",
            "account:*",
            "account:update",
            "doc*:read",
            "*",
        ] {
            assert_eq!(parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn a_scope_covers_what_it_names_and_nothing_else() {
        let covers = |granted: &str, wanted: &Scope| parse(granted).unwrap().covers(wanted);
        let read = Scope::of("documents", Operation::Read);
        for granted in ["documents:read", "documents:*", "*:read", "*:*"] {
            assert!(covers(granted, &read), "{granted}");
        }
        for granted in ["documents:update", "folders:read", "folders:*", "*:create", "account:read"] {
            assert!(!covers(granted, &read), "{granted}");
        }
        assert!(covers("account:read", &Scope::account()));
        assert!(!covers("*:*", &Scope::account()));
    }
}

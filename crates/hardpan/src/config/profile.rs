//! Profiles: where a server runs decides what it may get wrong.
use std::fmt;

use super::finding::Finding;

/// Where a server runs, from `HARDPAN_PROFILE`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    Development,
    Testing,
    Staging,
    Production,
}

/// The variable that names the profile.
pub const VARIABLE: &str = "HARDPAN_PROFILE";

impl Profile {
    pub const ALL: [Self; 4] = [Self::Development, Self::Testing, Self::Staging, Self::Production];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Testing => "testing",
            Self::Staging => "staging",
            Self::Production => "production",
        }
    }

    /// Whether strangers can reach it: staging and production, which refuse what is unsafe.
    pub const fn is_exposed(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }

    fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|profile| profile.as_str() == text)
    }

    /// The profile `named` by the environment; development when there is none.
    pub(super) fn read(named: Option<&str>, findings: &mut Vec<Finding>) -> Self {
        let Some(name) = named.map(str::trim).filter(|name| !name.is_empty()) else { return Self::Development };
        Self::parse(name).unwrap_or_else(|| {
            let guess = Self::guess(name);
            findings.push(Finding::error(
                VARIABLE,
                format!("\"{name}\" is not a profile; the rest of this report assumes {guess}"),
                "set it to development, testing, staging or production",
            ));
            guess
        })
    }

    /// What an unknown name most likely means; the strictest when nothing is like it.
    fn guess(name: &str) -> Self {
        let name = name.to_ascii_lowercase();
        let start: String = name.chars().take(3).collect();
        Self::ALL
            .into_iter()
            .find(|profile| name.len() >= 3 && profile.as_str().starts_with(&start))
            .unwrap_or(Self::Production)
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_names_are_errors_and_read_strictly() {
        for (name, expected, errors) in [
            (None, Profile::Development, 0),
            (Some(" "), Profile::Development, 0),
            (Some("testing"), Profile::Testing, 0),
            (Some("prod"), Profile::Production, 1),
            (Some("dev"), Profile::Development, 1),
            (Some("Staging"), Profile::Staging, 1),
            (Some("live"), Profile::Production, 1),
        ] {
            let mut findings = Vec::new();
            assert_eq!(Profile::read(name, &mut findings), expected, "{name:?}");
            assert_eq!(findings.len(), errors, "{name:?}");
        }
    }
}

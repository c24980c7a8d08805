//! Constraint violations, told by the constraint's name on both engines.
use std::{error::Error as StdError, fmt};

use kernel::{Code, Error};

/// Which constraint a statement broke. Names of unique constraints are index names; SQLite does not name foreign keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Violation {
    Unique(String),
    ForeignKey(Option<String>),
    Check(String),
    NotNull(String),
}

impl Violation {
    pub(crate) fn into_error(self) -> Error {
        let code = match self {
            Self::Unique(_) => Code::UniqueViolation,
            Self::ForeignKey(_) => Code::ReferenceViolation,
            // What is declared is validated before it is written, so these are defects.
            Self::Check(_) | Self::NotNull(_) => Code::Internal,
        };
        Error::new(code).with_source(self)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unique(name) => write!(f, "unique constraint {name}"),
            Self::ForeignKey(name) => write!(f, "foreign key {}", name.as_deref().unwrap_or("(unnamed)")),
            Self::Check(name) => write!(f, "check constraint {name}"),
            Self::NotNull(column) => write!(f, "not-null column {column}"),
        }
    }
}

impl StdError for Violation {}

/// The name of the unique constraint that `error` reports as broken.
pub fn violated(error: &Error) -> Option<&str> {
    match error.source()?.downcast_ref::<Violation>()? {
        Violation::Unique(name) => Some(name),
        _ => None,
    }
}

/// Why a transaction was given up that is in order by itself: others were in its way, as in a deadlock.
#[derive(Debug)]
pub(crate) struct Contended(pub Box<dyn StdError + Send + Sync>);

impl fmt::Display for Contended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "given up for the sake of other transactions: {}", self.0)
    }
}

impl StdError for Contended {}

/// Whether `error` says that the same transaction may well succeed when it is begun again.
pub(crate) fn is_contended(error: &Error) -> bool {
    matches!(error.source(), Some(source) if source.is::<Contended>())
}

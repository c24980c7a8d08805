//! How a command fails: what is said, and the exit code.
use std::{error::Error as StdError, process::ExitCode};

use super::output;
use crate::config::Report;

/// What every command returns.
pub type Outcome = Result<ExitCode, Failure>;

/// Why a command ended early.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense: 2.
    Usage(String),
    /// It could not be done: 1.
    Failed(String),
    /// The configuration has errors: 1.
    Refused(Report),
}

impl Failure {
    /// Says what is wrong, on standard error.
    pub(super) fn print(&self) -> ExitCode {
        match self {
            Self::Usage(message) => {
                output::note(&format!("error: {message}\n\nFor more information, try '--help'."));
                ExitCode::from(2)
            }
            Self::Failed(message) => {
                output::note(&format!("error: {message}"));
                ExitCode::FAILURE
            }
            Self::Refused(report) => {
                output::note(report.to_text().trim_end());
                ExitCode::FAILURE
            }
        }
    }
}

impl From<kernel::Error> for Failure {
    /// Whoever runs the program may read the private half of an error too.
    fn from(error: kernel::Error) -> Self {
        let mut parts = Vec::new();
        // The general words for an internal error say less than its cause; a detail of its own says where it happened.
        let is_general = error.code() == kernel::Code::Internal && error.detail() == error.code().message();
        if error.source().is_none() || !is_general {
            parts.push(error.detail().trim_end_matches('.').to_owned());
        }
        parts.extend(error.fields().iter().map(|field| format!("{} {}", field.field, field.message)));
        let mut source = error.source();
        while let Some(cause) = source {
            parts.push(cause.to_string());
            source = cause.source();
        }
        Self::Failed(parts.join(": "))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Code, Error, FieldError};

    use super::*;

    #[test]
    fn errors_tell_their_cause() {
        let text = |error: Error| match Failure::from(error) {
            Failure::Failed(message) => message,
            _ => String::new(),
        };
        assert_eq!(text(Error::internal("the disk is full")), "the disk is full");
        assert_eq!(text(Error::new(Code::EmailTaken)), "There is an account with this email address");
        let step = Error::new(Code::Internal).with_detail("Could not create index a on b.").with_source("it is there");
        assert_eq!(text(step), "Could not create index a on b: it is there");
        let field = FieldError::new("email", "format", "must be an email address");
        assert!(text(Error::invalid(vec![field])).ends_with(": email must be an email address"));
        assert!(text(Error::unavailable("refused")).ends_with(": refused"));
    }
}

//! Errors: one type, a published code, a public message and a private source. Transports map it once, at the edge.
use std::{borrow::Cow, error::Error as StdError, fmt, time::Duration};

use serde::Serialize;

use crate::{
    actor::{StepUp, Strength},
    scope::Scope,
};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of failure it is; each transport has one answer for each kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Malformed,
    Unauthenticated,
    Forbidden,
    NotFound,
    MethodNotAllowed,
    Conflict,
    PreconditionFailed,
    TooLarge,
    UnsupportedMediaType,
    Invalid,
    PreconditionRequired,
    LimitExceeded,
    Internal,
    Unavailable,
    Timeout,
}

/// The groups of the published list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    Authentication,
    Validation,
    Resource,
    Business,
    System,
    RateLimit,
}

impl Group {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Authentication => "authentication",
            Self::Validation => "validation",
            Self::Resource => "resource",
            Self::Business => "business",
            Self::System => "system",
            Self::RateLimit => "rate_limit",
        }
    }
}

/// A published code. Codes are added, never renamed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    Unauthenticated,
    InvalidCredentials,
    InvalidToken,
    RefreshReused,
    InvalidCode,
    InvalidPasskey,
    FreshLoginRequired,
    Forbidden,
    InsufficientScope,
    CsrfFailed,
    RegistrationClosed,
    MalformedBody,
    BodyTooDeep,
    BadQuery,
    BadCursor,
    BadHeader,
    Invalid,
    UnsupportedMediaType,
    BodyTooLarge,
    ForeignHost,
    NotFound,
    MethodNotAllowed,
    VersionMismatch,
    VersionRequired,
    EmailTaken,
    UsernameTaken,
    UniqueViolation,
    ReferenceViolation,
    IdempotencyKeyReused,
    LastAdministrator,
    TooMany,
    AlreadyConfirmed,
    NoSecondFactor,
    IdentityRefused,
    IdentityNotLinked,
    IdentityTaken,
    PasskeyTaken,
    LastWayIn,
    RateLimited,
    Internal,
    Unavailable,
    Overloaded,
    Timeout,
}

impl Code {
    /// Every code, in the order the documentation lists them.
    pub const ALL: [Self; 43] = [
        Self::Unauthenticated,
        Self::InvalidCredentials,
        Self::InvalidToken,
        Self::RefreshReused,
        Self::InvalidCode,
        Self::InvalidPasskey,
        Self::FreshLoginRequired,
        Self::Forbidden,
        Self::InsufficientScope,
        Self::CsrfFailed,
        Self::RegistrationClosed,
        Self::MalformedBody,
        Self::BodyTooDeep,
        Self::BadQuery,
        Self::BadCursor,
        Self::BadHeader,
        Self::Invalid,
        Self::UnsupportedMediaType,
        Self::BodyTooLarge,
        Self::ForeignHost,
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::VersionMismatch,
        Self::VersionRequired,
        Self::EmailTaken,
        Self::UsernameTaken,
        Self::UniqueViolation,
        Self::ReferenceViolation,
        Self::IdempotencyKeyReused,
        Self::LastAdministrator,
        Self::TooMany,
        Self::AlreadyConfirmed,
        Self::NoSecondFactor,
        Self::IdentityRefused,
        Self::IdentityNotLinked,
        Self::IdentityTaken,
        Self::PasskeyTaken,
        Self::LastWayIn,
        Self::RateLimited,
        Self::Internal,
        Self::Unavailable,
        Self::Overloaded,
        Self::Timeout,
    ];

    /// `(name, kind, group, public message)`.
    #[allow(clippy::too_many_lines, reason = "a table")]
    const fn row(self) -> (&'static str, Kind, Group, &'static str) {
        use {Group as G, Kind as K};
        match self {
            Self::Unauthenticated => ("unauthenticated", K::Unauthenticated, G::Authentication, "This needs a log-in."),
            Self::InvalidCredentials => {
                ("invalid_credentials", K::Unauthenticated, G::Authentication, "The name or the password is wrong.")
            }
            Self::InvalidToken => {
                ("invalid_token", K::Unauthenticated, G::Authentication, "The token is not valid, or no longer.")
            }
            Self::RefreshReused => (
                "refresh_reused",
                K::Unauthenticated,
                G::Authentication,
                "This refresh token was used before; the session is ended.",
            ),
            Self::InvalidCode => {
                ("invalid_code", K::Unauthenticated, G::Authentication, "The code is wrong, or it was used before.")
            }
            Self::InvalidPasskey => {
                ("invalid_passkey", K::Unauthenticated, G::Authentication, "This passkey was not accepted.")
            }
            Self::FreshLoginRequired => {
                ("fresh_login_required", K::Unauthenticated, G::Authentication, "This needs a fresh log-in.")
            }
            Self::Forbidden => ("forbidden", K::Forbidden, G::Authentication, "You may not do this."),
            Self::InsufficientScope => {
                ("insufficient_scope", K::Forbidden, G::Authentication, "This API key may not be used for this.")
            }
            Self::CsrfFailed => (
                "csrf_failed",
                K::Forbidden,
                G::Authentication,
                "A request with cookies must come from a known origin and echo the CSRF cookie in X-CSRF-Token.",
            ),
            Self::RegistrationClosed => {
                ("registration_closed", K::Forbidden, G::Business, "Accounts are not created here by their owners.")
            }
            Self::MalformedBody => {
                ("malformed_body", K::Malformed, G::Validation, "The body is missing, not expected or not valid JSON.")
            }
            Self::BodyTooDeep => ("body_too_deep", K::Malformed, G::Validation, "The body is nested too deeply."),
            Self::BadQuery => ("bad_query", K::Malformed, G::Validation, "A query parameter is wrong."),
            Self::BadCursor => (
                "bad_cursor",
                K::Malformed,
                G::Validation,
                "The cursor does not come from this list, or no longer fits it.",
            ),
            Self::BadHeader => ("bad_header", K::Malformed, G::Validation, "A request header is wrong."),
            Self::Invalid => ("invalid", K::Invalid, G::Validation, "The body does not fit what is expected here."),
            Self::UnsupportedMediaType => (
                "unsupported_media_type",
                K::UnsupportedMediaType,
                G::Validation,
                "The body must be sent as application/json.",
            ),
            Self::BodyTooLarge => ("body_too_large", K::TooLarge, G::Validation, "The body is too large."),
            Self::ForeignHost => (
                "foreign_host",
                K::Malformed,
                G::Validation,
                "In development only local host names are served; HARDPAN_PROFILE=production is the way out.",
            ),
            Self::NotFound => ("not_found", K::NotFound, G::Resource, "There is nothing here."),
            Self::MethodNotAllowed => {
                ("method_not_allowed", K::MethodNotAllowed, G::Resource, "This path does not know that method.")
            }
            Self::VersionMismatch => (
                "version_mismatch",
                K::PreconditionFailed,
                G::Resource,
                "It has changed since the version named in If-Match.",
            ),
            Self::VersionRequired => {
                ("version_required", K::PreconditionRequired, G::Resource, "This needs an If-Match header.")
            }
            Self::EmailTaken => {
                ("email_taken", K::Conflict, G::Business, "There is an account with this email address.")
            }
            Self::UsernameTaken => {
                ("username_taken", K::Conflict, G::Business, "There is an account with this user name.")
            }
            Self::UniqueViolation => (
                "unique_violation",
                K::Conflict,
                G::Resource,
                "Another one has the same value where it must be unique.",
            ),
            Self::ReferenceViolation => (
                "reference_violation",
                K::Conflict,
                G::Resource,
                "Something else still refers to it, or what it refers to is gone.",
            ),
            Self::IdempotencyKeyReused => (
                "idempotency_key_reused",
                K::Invalid,
                G::Validation,
                "This Idempotency-Key came with another body before.",
            ),
            Self::LastAdministrator => {
                ("last_administrator", K::Conflict, G::Business, "The last administrator cannot be removed.")
            }
            Self::TooMany => ("too_many", K::Conflict, G::Business, "There are as many of these as there may be."),
            Self::AlreadyConfirmed => ("already_confirmed", K::Conflict, G::Business, "It was confirmed before."),
            Self::NoSecondFactor => {
                ("no_second_factor", K::Conflict, G::Business, "The account has no second factor; add one first.")
            }
            Self::IdentityRefused => (
                "identity_refused",
                K::Unauthenticated,
                G::Authentication,
                "What the provider said is not valid, or not meant for this log-in.",
            ),
            Self::IdentityNotLinked => (
                "identity_not_linked",
                K::Conflict,
                G::Business,
                "There is an account with this address: log in to it, and link the provider there.",
            ),
            Self::IdentityTaken => {
                ("identity_taken", K::Conflict, G::Business, "This identity is linked to another account.")
            }
            Self::PasskeyTaken => ("passkey_taken", K::Conflict, G::Business, "This passkey is registered already."),
            Self::LastWayIn => {
                ("last_way_in", K::Conflict, G::Business, "Without it nobody could log in to this account.")
            }
            Self::RateLimited => ("rate_limited", K::LimitExceeded, G::RateLimit, "Too many requests; wait a little."),
            Self::Internal => ("internal", K::Internal, G::System, "Something went wrong on our side."),
            Self::Unavailable => {
                ("unavailable", K::Unavailable, G::System, "Something this needs is not available right now.")
            }
            Self::Overloaded => ("overloaded", K::Unavailable, G::System, "Too busy right now; try again shortly."),
            Self::Timeout => ("timeout", K::Timeout, G::System, "This took too long and was given up."),
        }
    }

    pub const fn as_str(self) -> &'static str {
        self.row().0
    }

    pub const fn kind(self) -> Kind {
        self.row().1
    }

    pub const fn group(self) -> Group {
        self.row().2
    }

    pub const fn message(self) -> &'static str {
        self.row().3
    }
}

/// Most fields one error names: a small body must not make a large answer.
pub const MAX_FIELD_ERRORS: usize = 20;

/// What is wrong with one field: `{field, code, message}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct FieldError {
    /// A dotted path; empty for the whole body.
    pub field: String,
    pub code: &'static str,
    pub message: String,
}

impl FieldError {
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.into(), code, message: message.into() }
    }
}

/// A failure: its code and detail are for everyone, its source for the log alone.
pub struct Error(Box<Inner>);

struct Inner {
    code: Code,
    detail: Option<Cow<'static, str>>,
    fields: Vec<FieldError>,
    retry_after: Option<Duration>,
    step_up: Option<StepUp>,
    scope: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

impl Error {
    pub fn new(code: Code) -> Self {
        Self(Box::new(Inner {
            code,
            detail: None,
            fields: Vec::new(),
            retry_after: None,
            step_up: None,
            scope: None,
            source: None,
        }))
    }

    /// A defect or a failure nobody outside can act on; `source` goes to the log.
    pub fn internal(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Internal).with_source(source)
    }

    /// A dependency is away; the caller may try again in a second.
    pub fn unavailable(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Unavailable).with_source(source).with_retry_after(Duration::from_secs(1))
    }

    /// A bounded queue is full; the caller may try again in a second.
    pub fn overloaded(source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        Self::new(Code::Overloaded).with_source(source).with_retry_after(Duration::from_secs(1))
    }

    /// Who one is must be proven anew, or better (RFC 9470).
    pub fn step_up(wanted: StepUp) -> Self {
        let mut error = Self::new(Code::FreshLoginRequired);
        error.0.step_up = Some(wanted);
        if wanted.strength == Strength::Multi {
            return error.with_detail("This needs a second factor.");
        }
        error
    }

    /// An API key without this scope was used for what needs it (RFC 6750, 3.1).
    pub fn insufficient_scope(wanted: &Scope) -> Self {
        let mut error = Self::new(Code::InsufficientScope);
        error.0.scope = Some(wanted.to_string());
        error.with_detail(format!("This API key does not have the scope {wanted}."))
    }

    /// An API key was used for what no API key may do.
    pub fn no_api_keys() -> Self {
        Self::new(Code::InsufficientScope).with_detail("No API key may be used for this; it needs a log-in.")
    }

    /// A body that is well-formed and wrong in these fields.
    pub fn invalid(mut fields: Vec<FieldError>) -> Self {
        let mut error = Self::new(Code::Invalid);
        fields.truncate(MAX_FIELD_ERRORS);
        error.0.fields = fields;
        error
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<Cow<'static, str>>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_field(mut self, field: FieldError) -> Self {
        self.0.fields.push(field);
        self
    }

    /// The same error of a part of what was sent: its fields lie under `path`, and where it names none, `path` is what is wrong.
    #[must_use]
    pub fn under(mut self, path: &str) -> Self {
        if self.0.fields.is_empty() {
            let error = FieldError::new(path, self.code().as_str(), self.detail());
            return self.with_field(error);
        }
        for field in &mut self.0.fields {
            field.field = if field.field.is_empty() { path.to_owned() } else { format!("{path}.{}", field.field) };
        }
        self
    }

    #[must_use]
    pub fn with_retry_after(mut self, after: Duration) -> Self {
        self.0.retry_after = Some(after);
        self
    }

    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    pub const fn code(&self) -> Code {
        self.0.code
    }

    pub fn detail(&self) -> &str {
        self.0.detail.as_deref().unwrap_or_else(|| self.0.code.message())
    }

    pub fn fields(&self) -> &[FieldError] {
        &self.0.fields
    }

    /// What an API key lacked, if one did.
    pub fn scope(&self) -> Option<&str> {
        self.0.scope.as_deref()
    }

    pub const fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// How well and how lately one must have proven who one is (RFC 9470), when that is what is missing.
    pub const fn wanted(&self) -> Option<StepUp> {
        self.0.step_up
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code().as_str(), self.detail())?;
        for field in self.fields() {
            write!(f, "; {}: {}", field.field, field.message)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)?;
        let mut source = StdError::source(self);
        while let Some(cause) = source {
            write!(f, " <- {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

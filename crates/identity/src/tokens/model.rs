//! Types of the tokens.
use kernel::{SessionId, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What an access token says (RFC 9068). Types are strict: an `exp` that is a string or a fraction is none (CVE-2026-25537).
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: String,
    pub sid: String,
    /// Seconds since the epoch, both.
    pub iat: i64,
    pub exp: i64,
    /// Not said by us, and obeyed all the same.
    #[serde(default, skip_serializing)]
    pub nbf: Option<i64>,
}

/// What an access token proves: whose it is, until when. Whether the session still stands is asked of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verified {
    pub user_id: UserId,
    pub session_id: SessionId,
    pub expires_at: Timestamp,
}

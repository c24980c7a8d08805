//! Rules for tokens: what is handed out for a session, and what is accepted back.
use std::{sync::Arc, time::Duration};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Result, SessionId, Timestamp};
use platform::secrets::{Keyring, MacKey};

use super::{access::AccessTokens, model::Verified, refresh};
use crate::{keys::Keys, sessions::Session};

/// Makes and reads tokens; cheap to clone.
#[derive(Clone)]
pub struct Tokens(Arc<Inner>);

struct Inner {
    access: AccessTokens,
    refresh: MacKey,
    csrf: MacKey,
}

impl Tokens {
    pub(crate) fn new(
        keys: Keys,
        keyring: &Keyring,
        issuer: String,
        audience: String,
        access_ttl: Duration,
    ) -> Result<Self> {
        Ok(Self(Arc::new(Inner {
            access: AccessTokens::new(keys, issuer, audience, access_ttl),
            refresh: keyring.mac_key("refresh_token")?,
            csrf: keyring.mac_key("csrf_token")?,
        })))
    }

    /// An access token, and how long it is good.
    pub(crate) fn issue_access(&self, session: &Session, now: Timestamp) -> Result<(String, Duration)> {
        self.0.access.issue(session, now)
    }

    /// What an access token proves at `now`, if anything. Says nothing about whether its session still stands.
    pub(crate) fn verify_access(&self, token: &str, now: Timestamp) -> Option<Verified> {
        self.0.access.verify(token, now)
    }

    pub(crate) fn issue_refresh(&self, session: &Session) -> String {
        refresh::encode(&self.0.refresh, session.id, session.generation)
    }

    /// The session and generation of a refresh token we made.
    pub(crate) fn read_refresh(&self, token: &str) -> Option<(SessionId, i64)> {
        refresh::decode(&self.0.refresh, token)
    }

    /// What writes with the cookies of this session must echo. Bound to the session, so that a cookie planted from a
    /// subdomain fits no other.
    pub(crate) fn csrf(&self, session_id: SessionId) -> String {
        URL_SAFE_NO_PAD.encode(self.0.csrf.sign(session_id.uuid().as_bytes()))
    }

    /// Whether `sent` is that echo, also one made before the master key was changed.
    pub(crate) fn is_csrf(&self, session_id: SessionId, sent: &[u8]) -> bool {
        URL_SAFE_NO_PAD.decode(sent).is_ok_and(|mac| self.0.csrf.verify(session_id.uuid().as_bytes(), &mac))
    }
}

//! Access tokens: `EdDSA` JWTs whose every claim is checked, with a cache of those that verified.
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use jsonwebtoken::{Header, Validation, decode, decode_header, encode};
use kernel::{Error, Result, SessionId, Timestamp, UserId};
use moka::sync::Cache;

use super::model::{Claims, Verified};
use crate::{
    keys::{Keys, SigningKey},
    sessions::Session,
};

/// Tells access tokens from every other JWT (RFC 9068).
const TYPE: &str = "at+jwt";
/// Ours have some 500 bytes.
const MAX_LENGTH: usize = 2048;
/// How far the clocks of two nodes may differ.
const SKEW: Duration = Duration::from_mins(1);
const CAPACITY: u64 = 100_000;

pub(super) struct AccessTokens {
    keys: Keys,
    issuer: String,
    audience: String,
    ttl: Duration,
    /// By digest, so that the cache holds nothing that could be presented. Only good ones: strangers cannot fill it.
    verified: Cache<[u8; 32], Verified>,
}

impl AccessTokens {
    pub(super) fn new(keys: Keys, issuer: String, audience: String, ttl: Duration) -> Self {
        let verified = Cache::builder().max_capacity(CAPACITY).time_to_live(ttl).build();
        Self { keys, issuer, audience, ttl, verified }
    }

    /// A token for a session, and how long it is good: no longer than the session.
    pub(super) fn issue(&self, session: &Session, now: Timestamp) -> Result<(String, Duration)> {
        let expires_at = now.plus(self.ttl).min(session.expires_at);
        let key = self.keys.active();
        let mut header = Header::new(key.algorithm);
        header.typ = Some(TYPE.to_owned());
        header.kid = Some(key.kid.clone());
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.user_id.to_string(),
            sid: session.id.to_string(),
            iat: now.seconds(),
            exp: expires_at.seconds(),
            nbf: None,
        };
        let token = encode(&header, &claims, &key.signing).map_err(Error::internal)?;
        Ok((token, expires_at.since(now)))
    }

    /// What `token` proves at `now`, if anything.
    pub(super) fn verify(&self, token: &str, now: Timestamp) -> Option<Verified> {
        if token.len() > MAX_LENGTH {
            return None;
        }
        let mut key = [0; 32];
        key.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        let verified = if let Some(verified) = self.verified.get(&key) {
            verified
        } else {
            let verified = self.check(token, now)?;
            self.verified.insert(key, verified);
            verified
        };
        (now < verified.expires_at).then_some(verified)
    }

    fn check(&self, token: &str, now: Timestamp) -> Option<Verified> {
        let header = decode_header(token).ok()?;
        // Extensions we do not know must be refused when they are critical (RFC 7515, 4.1.11); we know none.
        if header.typ.as_deref() != Some(TYPE) || header.crit.is_some() {
            return None;
        }
        let key = self.keys.find(header.kid.as_deref()?)?;
        let claims = decode::<Claims>(token, &key.verifying, &self.validation(key)).ok()?.claims;
        let latest = now.plus(SKEW).seconds();
        let is_begun = claims.nbf.is_none_or(|nbf| nbf <= latest);
        let is_issued = claims.iat <= latest && claims.iat <= claims.exp && is_begun;
        let expires_at = Timestamp::from_micros(claims.exp.checked_mul(1_000_000)?);
        let is_ours = claims.iss == self.issuer && claims.aud == self.audience;
        if !is_issued || !is_ours {
            return None;
        }
        let (user_id, session_id) = (UserId::parse(&claims.sub)?, SessionId::parse(&claims.sid)?);
        Some(Verified { user_id, session_id, expires_at })
    }

    /// The algorithm is the one of the key's record, whatever the token's header says.
    fn validation(&self, key: &SigningKey) -> Validation {
        let mut validation = Validation::new(key.algorithm);
        validation.set_required_spec_claims(&["iss", "aud", "sub", "exp"]);
        validation.set_issuer(&[&self.issuer]);
        validation.set_audience(&[&self.audience]);
        // The time is checked against the clock of the context, which the library does not know.
        validation.validate_exp = false;
        validation
    }
}

//! ID tokens (OpenID Connect Core, 3.1.3.7): signature, issuer, audience, time and nonce, in that order.
use std::time::{Duration, UNIX_EPOCH};

use kernel::{Code, Error, Result, Timestamp};
use openidconnect::{
    AdditionalClaims, ClientId, IdToken, IssuerUrl, Nonce,
    core::{
        CoreGenderClaim, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
        CoreJwsSigningAlgorithm,
    },
};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::jws::{self, ALGORITHMS, Refusal};

/// Whose tokens are taken.
#[derive(Clone, Copy)]
pub(crate) enum Issuers<'a> {
    One(&'a str),
    /// Tenants below this base: `{base}/{tid}/v2.0`, where the token must name the tenant, too; one of them, or every one.
    Tenants(&'a str, Option<&'a str>),
}

/// What a token must be.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub client_id: &'a str,
    pub issuers: Issuers<'a>,
    pub nonce: &'a str,
    pub needs_nonce: bool,
    pub now: Timestamp,
}

/// What a token said that was right.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Claims {
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    pub is_email_verified: bool,
    pub name: Option<String>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
struct Extra {
    tid: Option<String>,
    /// Microsoft: whether the domain of the address is proven to be the tenant's. Without it an address is whatever its owner wrote.
    xms_edov: Option<Json>,
}

impl AdditionalClaims for Extra {}

type Token = IdToken<Extra, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

/// Checks a token. The outer error: it is refused, 401; the inner one: the provider may have newer keys.
pub(crate) fn verify(token: &str, keys: &CoreJsonWebKeySet, expected: Expected<'_>) -> Result<Result<Claims, Refusal>> {
    if let Err(refusal) = jws::payload(token, keys) {
        return match refusal {
            Refusal::NoKey => Ok(Err(refusal)),
            Refusal::Bad => Err(refused("its signature is not right")),
        };
    }
    let token: Token = token.parse().map_err(refused)?;
    // Read ahead of the check: it only chooses which issuer is asked for.
    let keys = keys.keys().clone();
    let issuer = match expected.issuers {
        Issuers::One(issuer) => issuer.to_owned(),
        Issuers::Tenants(base, pinned) => {
            let tenant = tenant(&token)?;
            if pinned.is_some_and(|pinned| pinned != tenant) {
                return Err(refused("it is of another tenant"));
            }
            format!("{base}/{tenant}/v2.0")
        }
    };
    let at = Duration::from_micros(u64::try_from(expected.now.micros()).unwrap_or_default());
    let verifier = CoreIdTokenVerifier::new_public_client(
        ClientId::new(expected.client_id.to_owned()),
        IssuerUrl::new(issuer.clone()).map_err(Error::internal)?,
        CoreJsonWebKeySet::new(keys),
    )
    .set_allowed_algs(ALGORITHMS)
    .set_time_fn(move || (UNIX_EPOCH + at).into());
    let nonce = |sent: Option<&Nonce>| match sent {
        Some(nonce) if nonce.secret() == expected.nonce => Ok(()),
        None if !expected.needs_nonce => Ok(()),
        _ => Err("the nonce is another".to_owned()),
    };
    let claims = token.claims(&verifier, nonce).map_err(refused)?;
    if claims.authorized_party().is_some_and(|party| party.as_str() != expected.client_id) {
        return Err(refused("it was made for another party"));
    }
    let is_email_verified = match expected.issuers {
        Issuers::Tenants(..) => claims.additional_claims().xms_edov.as_ref().is_some_and(is_true),
        Issuers::One(_) => claims.email_verified().unwrap_or(false),
    };
    Ok(Ok(Claims {
        issuer,
        subject: claims.subject().to_string(),
        email: claims.email().map(|email| email.to_string()),
        is_email_verified,
        name: claims.name().and_then(|name| name.get(None)).map(|name| name.to_string()),
    }))
}

/// The tenant a token names, before it is known to be right: a GUID, so that it cannot lead out of its place in the issuer.
fn tenant(token: &Token) -> Result<String> {
    let text = token.to_string();
    let payload = text.split('.').nth(1).unwrap_or_default();
    let payload =
        base64::Engine::decode(&base64::engine::general_purpose::URL_SAFE_NO_PAD, payload).map_err(refused)?;
    let extra: Extra = serde_json::from_slice(&payload).map_err(refused)?;
    let tenant = extra.tid.ok_or_else(|| refused("it names no tenant"))?;
    let is_guid = tenant.len() == 36 && tenant.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    if is_guid { Ok(tenant) } else { Err(refused("its tenant is none")) }
}

fn is_true(value: &Json) -> bool {
    *value == Json::Bool(true) || *value == 1 || matches!(value.as_str(), Some("1" | "true"))
}

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::IdentityRefused).with_source(why)
}

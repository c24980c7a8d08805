//! JSON Web Signatures of others (RFC 7515): which algorithms count, and which key a token is tried with.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _, JwsSigningAlgorithm as _,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde::Deserialize;

/// What ID tokens may be signed with: RS256, ES256 and EdDSA. Never `none`, and nothing with a shared secret.
pub(super) const ALGORITHMS: [CoreJwsSigningAlgorithm; 3] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EdDsa,
];

#[derive(Deserialize)]
struct Header {
    alg: CoreJwsSigningAlgorithm,
    kid: Option<String>,
    #[serde(default)]
    crit: serde_json::Value,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// No key of the provider is meant; it may have new ones.
    NoKey,
    Bad,
}

/// What a compact JWS says, when one key of `keys` signed it.
pub(super) fn payload(token: &str, keys: &CoreJsonWebKeySet) -> Result<Vec<u8>, Refusal> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Bad)?;
    let (header, payload) = signed.split_once('.').ok_or(Refusal::Bad)?;
    let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| Refusal::Bad);
    let header: Header = serde_json::from_slice(&decode(header)?).map_err(|_| Refusal::Bad)?;
    // What must be understood, and is not, refuses the token (RFC 7515, 4.1.11).
    if !ALGORITHMS.contains(&header.alg) || !header.crit.is_null() {
        return Err(Refusal::Bad);
    }
    let (payload, signature) = (decode(payload)?, decode(signature)?);
    let mut meant = keys.keys().iter().filter(|key| fits(key, &header));
    let key = meant.next().ok_or(Refusal::NoKey)?;
    if meant.next().is_some() {
        return Err(Refusal::Bad);
    }
    key.verify_signature(&header.alg, signed.as_bytes(), &signature).map_err(|_| Refusal::Bad)?;
    Ok(payload)
}

/// The key decides which algorithm is right for it, not the token.
fn fits(key: &CoreJsonWebKey, header: &Header) -> bool {
    let is_named = header.kid.is_none() || key.key_id().map(|id| id.as_str()) == header.kid.as_deref();
    let may_sign = key.key_use().is_none_or(openidconnect::core::CoreJsonWebKeyUse::allows_signature);
    let algorithm = match key.signing_alg() {
        JsonWebKeyAlgorithm::Unspecified => true,
        JsonWebKeyAlgorithm::Algorithm(algorithm) => *algorithm == header.alg,
        JsonWebKeyAlgorithm::Unsupported => false,
    };
    is_named && may_sign && algorithm && header.alg.key_type().as_ref() == Some(key.key_type())
}

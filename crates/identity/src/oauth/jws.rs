//! JSON Web Signatures of others (RFC 7515): which algorithms count, and which key a token is tried with.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use openidconnect::{
    JsonWebKey as _, JsonWebKeyAlgorithm, JsonWebKeyUse as _, JwsSigningAlgorithm as _,
    core::{CoreJsonWebKey, CoreJsonWebKeySet, CoreJwsSigningAlgorithm},
};
use serde::Deserialize;
use serde_json::Value as Json;

/// What ID tokens may be signed with: RS256, ES256 and `EdDSA`. Never `none`, and nothing with a shared secret.
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
    crit: Json,
}

/// Why a token is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// No key of the provider is meant; it may have new ones.
    NoKey,
    Bad,
}

/// Keys as a provider publishes them, but for those that are not for verifying (RFC 7517, 4.3) and weak ones, which the library does not
/// look at. Errors: they are no keys.
pub(crate) fn keys(mut published: Json) -> serde_json::Result<CoreJsonWebKeySet> {
    let Some(keys) = published.get_mut("keys").and_then(Json::as_array_mut) else {
        return Err(serde::de::Error::missing_field("keys"));
    };
    keys.retain(|key| {
        let may_verify = |uses: &Vec<Json>| uses.iter().any(|name| name == "verify");
        key["key_ops"].as_array().is_none_or(may_verify) && !is_weak(key)
    });
    serde_json::from_value(published)
}

/// RSA below 2,048 bits (RFC 7518, 3.3), or with an exponent that hides nothing.
fn is_weak(key: &Json) -> bool {
    let number = |name: &str| {
        let digits = URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap_or_default()).unwrap_or_default();
        digits.into_iter().skip_while(|digit| *digit == 0).collect::<Vec<u8>>()
    };
    let modulus = number("n");
    // Without the noughts in front, 2,048 bits are 256 bytes whose first bit is set.
    let is_short = modulus.len() < 256 || modulus.len() == 256 && modulus[0] < 0x80;
    key["kty"] == "RSA" && (is_short || number("e") <= vec![1])
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const SIGNATURES: &str = include_str!("../../tests/data/wycheproof/json_web_signature_test.json");
    const KEYS: &str = include_str!("../../tests/data/wycheproof/json_web_key_test.json");
    const ED25519: &str = include_str!("../../tests/data/wycheproof/ed25519_test.json");

    fn keys(of: &Json) -> CoreJsonWebKeySet {
        let set = if of["keys"].is_array() { of.clone() } else { json!({"keys": [of]}) };
        super::keys(set).unwrap()
    }

    /// What the header of a compact JWS says.
    fn algorithm(jws: &Json) -> Option<String> {
        let header = jws.as_str()?.split('.').next()?;
        let header: Json = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).ok()?).ok()?;
        header["alg"].as_str().map(str::to_owned)
    }

    /// Every vector: valid ones of RS256 and ES256 are taken, everything else is refused. Returns how many were taken.
    fn walk(vectors: &str, known: &[u64]) -> usize {
        let vectors: Json = serde_json::from_str(vectors).unwrap();
        let mut taken = 0;
        for group in vectors["testGroups"].as_array().unwrap() {
            let key = if group["public"].is_object() { &group["public"] } else { &group["private"] };
            let keys = keys(key);
            for test in group["tests"].as_array().unwrap() {
                if known.contains(&test["tcId"].as_u64().unwrap()) {
                    continue;
                }
                let is_ours = algorithm(&test["jws"]).is_some_and(|name| ["RS256", "ES256", "EdDSA"].contains(&&*name));
                let is_valid = test["result"] == "valid" && is_ours;
                let found = test["jws"].as_str().map_or(Err(Refusal::Bad), |jws| payload(jws, &keys));
                assert_eq!(found.is_ok(), is_valid, "{} {test}", group["comment"]);
                taken += usize::from(is_valid);
            }
        }
        taken
    }

    #[test]
    fn wycheproof_json_web_signature() {
        assert!(walk(SIGNATURES, &[]) > 8);
    }

    #[test]
    fn wycheproof_json_web_key() {
        // 7: a key as faulty chips made them (ROCA), which nothing tells from others by its form; it is the provider's own.
        assert!(walk(KEYS, &[7]) > 0);
    }

    #[test]
    fn a_modulus_of_2_047_bits_is_weak() {
        let key = |first| {
            let modulus = [&[0, first], [0xff; 255].as_slice()].concat();
            json!({"kty": "RSA", "n": URL_SAFE_NO_PAD.encode(modulus), "e": "AQAB"})
        };
        assert_eq!([0x7f, 0x80].map(|first| is_weak(&key(first))), [true, false]);
    }

    /// Foreign ID tokens and our own access tokens: the verdict on the same signature, by what each is verified with.
    #[test]
    fn wycheproof_ed25519() {
        let vectors: Json = serde_json::from_str(ED25519).unwrap();
        for group in vectors["testGroups"].as_array().unwrap() {
            let jwk = &group["publicKeyJwk"];
            let theirs = keys(jwk);
            let ours = jsonwebtoken::DecodingKey::from_ed_components(jwk["x"].as_str().unwrap()).unwrap();
            for test in group["tests"].as_array().unwrap() {
                let bytes = |name: &str| from_hex(test[name].as_str().unwrap());
                let (message, signature) = (bytes("msg"), bytes("sig"));
                let is_valid = test["result"] == "valid";
                let theirs = theirs.keys()[0].verify_signature(&CoreJwsSigningAlgorithm::EdDsa, &message, &signature);
                assert_eq!(theirs.is_ok(), is_valid, "theirs: {test}");
                let signature = URL_SAFE_NO_PAD.encode(&signature);
                let ours = jsonwebtoken::crypto::verify(&signature, &message, &ours, jsonwebtoken::Algorithm::EdDSA);
                assert_eq!(ours.unwrap_or(false), is_valid, "ours: {test}");
            }
        }
    }

    fn from_hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}

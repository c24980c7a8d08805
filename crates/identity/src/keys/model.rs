//! A signing key: Ed25519 (RFC 8032), named by its thumbprint.
use aws_lc_rs::{
    digest::{SHA256, digest},
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey};
use kernel::{Error, Result, Secret};
use serde_json::{Value as Json, json};

/// The name of the algorithm in the key's record; what a token's header claims is never asked.
pub(super) const EDDSA: &str = "EdDSA";

/// One key pair. Both halves come from the sealed seed, so that writing to the table plants no key.
pub struct SigningKey {
    /// The thumbprint of the public half (RFC 7638).
    pub kid: String,
    pub algorithm: Algorithm,
    pub signing: EncodingKey,
    pub verifying: DecodingKey,
    public: Vec<u8>,
}

impl SigningKey {
    pub(super) fn from_seed(seed: &Secret<Vec<u8>>) -> Result<Self> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| Error::internal("not a seed"))?;
        let pkcs8 = pair.to_pkcs8().map_err(|_| Error::internal("a signing key could not be encoded"))?;
        let public = pair.public_key().as_ref().to_vec();
        Ok(Self {
            kid: thumbprint(&public),
            algorithm: Algorithm::EdDSA,
            signing: EncodingKey::from_ed_der(pkcs8.as_ref()),
            // For Ed25519 this takes the bare public key.
            verifying: DecodingKey::from_ed_der(&public),
            public,
        })
    }

    /// The public half as a JWK (RFC 8037).
    pub(super) fn jwk(&self) -> Json {
        let x = URL_SAFE_NO_PAD.encode(&self.public);
        json!({"kty": "OKP", "crv": "Ed25519", "alg": EDDSA, "use": "sig", "kid": self.kid, "x": x})
    }
}

/// RFC 7638: SHA-256 of the required members in lexical order.
fn thumbprint(public: &[u8]) -> String {
    let canonical = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, URL_SAFE_NO_PAD.encode(public));
    URL_SAFE_NO_PAD.encode(digest(&SHA256, canonical.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8037, A.1 to A.3.
    #[test]
    fn the_key_of_the_rfc_has_its_public_half_and_thumbprint() {
        let seed = URL_SAFE_NO_PAD.decode("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
        let key = SigningKey::from_seed(&Secret::new(seed)).unwrap();
        assert_eq!(key.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
        assert_eq!(key.jwk()["x"], "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo");
    }
}

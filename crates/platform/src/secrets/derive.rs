//! HKDF-SHA256 (RFC 5869): one master key gives as many independent keys as there are purposes.
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use kernel::{Error, Result, Secret};

/// Separates these keys from whatever else the master key might be used for.
const SALT: &[u8] = b"hardpan/v1";

/// The 32-byte key of `usage` and `purpose`; another of either gives an unrelated key.
pub(super) fn key(master: &[u8], usage: &str, purpose: &str) -> Result<Secret<[u8; 32]>> {
    let mut key = [0; 32];
    // `/` cannot be in a usage, so no two pairs make one text.
    derive(SALT, master, &[usage.as_bytes(), b"/", purpose.as_bytes()], &mut key)?;
    Ok(Secret::new(key))
}

fn derive(salt: &[u8], master: &[u8], info: &[&[u8]], key: &mut [u8]) -> Result<()> {
    let prk = Salt::new(HKDF_SHA256, salt).extract(master);
    let filled = prk.expand(info, Length(key.len())).and_then(|expanded| expanded.fill(key));
    filled.map_err(|_| Error::internal("a key could not be derived"))
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    fn derived(salt: &str, master: &str, info: &str) -> Vec<u8> {
        let mut key = vec![0; 42];
        derive(&bytes(salt), &bytes(master), &[&bytes(info)], &mut key).unwrap();
        key
    }

    /// RFC 5869, A.1 and A.3.
    #[test]
    fn the_vectors_of_the_rfc_hold() {
        let master = "0b".repeat(22);
        assert_eq!(
            derived("000102030405060708090a0b0c", &master, "f0f1f2f3f4f5f6f7f8f9"),
            bytes("3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865")
        );
        assert_eq!(
            derived("", &master, ""),
            bytes("8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8")
        );
    }

    #[test]
    fn each_usage_and_purpose_has_its_own_key() {
        let key = |usage, purpose| *key(&[7; 32], usage, purpose).unwrap().expose();
        assert_eq!(key("mac", "csrf"), key("mac", "csrf"));
        assert_ne!(key("mac", "csrf"), key("mac", "cursor"));
        assert_ne!(key("mac", "csrf"), key("seal", "csrf"));
    }
}

//! Message authentication: HMAC-SHA256 under a key of one purpose.
use aws_lc_rs::hmac;
use kernel::{Result, Secret};

use super::derive;

/// Signs and verifies what Hardpan hands out and wants back unchanged.
pub struct MacKey {
    current: hmac::Key,
    previous: Option<hmac::Key>,
}

impl MacKey {
    pub(super) fn derive(master: &Secret<Vec<u8>>, previous: Option<&Secret<Vec<u8>>>, purpose: &str) -> Result<Self> {
        let key = |master: &Secret<Vec<u8>>| {
            let key = derive::key(master.expose(), "mac", purpose)?;
            Ok(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
        };
        Ok(Self { current: key(master)?, previous: previous.map(key).transpose()? })
    }

    pub fn sign(&self, data: &[u8]) -> [u8; 32] {
        let mut mac = [0; 32];
        mac.copy_from_slice(hmac::sign(&self.current, data).as_ref());
        mac
    }

    /// Whether `mac` was made for `data` by this key or its predecessor; compared in constant time.
    pub fn verify(&self, data: &[u8], mac: &[u8]) -> bool {
        let verifies = |key: &hmac::Key| hmac::verify(key, data, mac).is_ok();
        verifies(&self.current) || self.previous.as_ref().is_some_and(verifies)
    }
}

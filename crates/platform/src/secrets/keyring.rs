//! The keyring: the master key, the one before it, and what derives from them.
use std::{
    io::{Read, Write},
    sync::Arc,
};

use kernel::{Error, Random, Result, Secret};

use super::{
    derive,
    mac::MacKey,
    seal,
    stream::{Opening, Sealing},
};

/// Master keys shorter than this could be guessed.
const MASTER_MIN: usize = 32;

/// Gives every part of the server the secrets of its purpose. Cheap to clone; cannot be printed.
#[derive(Clone)]
pub struct Keyring(Arc<Inner>);

struct Inner {
    current: Master,
    previous: Option<Master>,
}

struct Master {
    key: Secret<Vec<u8>>,
    fingerprint: [u8; 32],
}

/// Names a master key without giving it away.
pub(super) type KeyId = [u8; 8];

impl Master {
    fn new(key: Secret<Vec<u8>>) -> Result<Self> {
        if key.expose().len() < MASTER_MIN {
            return Err(Error::internal("a master key has at least 32 bytes"));
        }
        let fingerprint = *derive::key(key.expose(), "fingerprint", "")?.expose();
        Ok(Self { key, fingerprint })
    }

    fn id(&self) -> KeyId {
        let mut id = KeyId::default();
        id.copy_from_slice(&self.fingerprint[..8]);
        id
    }
}

impl Keyring {
    /// `previous` opens and verifies what was made before the master key was changed; nothing new is made with it.
    ///
    /// Errors: internal, for a key of fewer than 32 bytes.
    pub fn new(master: Secret<Vec<u8>>, previous: Option<Secret<Vec<u8>>>) -> Result<Self> {
        let previous = previous.map(Master::new).transpose()?;
        Ok(Self(Arc::new(Inner { current: Master::new(master)?, previous })))
    }

    /// The MAC key of `purpose`. Derive it once and keep it.
    pub fn mac_key(&self, purpose: &'static str) -> Result<MacKey> {
        let previous = self.0.previous.as_ref().map(|master| &master.key);
        MacKey::derive(&self.0.current.key, previous, purpose)
    }

    /// `plain` sealed for `purpose`; `aad` is not kept but must be given again to open it.
    pub fn seal(&self, random: &dyn Random, purpose: &'static str, aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
        let master = &self.0.current;
        let key = derive::key(master.key.expose(), "seal", purpose)?;
        seal::seal(&key, master.id(), random, aad, plain)
    }

    /// What [`Keyring::seal`] sealed under this master key or the previous one.
    ///
    /// Errors: internal, when it was changed, made for something else, or sealed under a key that is not here.
    pub fn open(&self, purpose: &'static str, aad: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>> {
        let master = self.master(seal::key_id(sealed)?)?;
        seal::open(&derive::key(master.key.expose(), "seal", purpose)?, aad, sealed)
    }

    /// What was sealed under the previous master key, sealed under the current one; none when it is under that already.
    ///
    /// Errors: as [`Keyring::open`] has them.
    pub fn renew(
        &self,
        random: &dyn Random,
        purpose: &'static str,
        aad: &[u8],
        sealed: &[u8],
    ) -> Result<Option<Vec<u8>>> {
        if self.is_current(sealed)? {
            return Ok(None);
        }
        self.seal(random, purpose, aad, self.open(purpose, aad, sealed)?.expose()).map(Some)
    }

    /// Seals for `purpose` whatever is written to it, of any length; `aad` is not kept but must be given again to open it.
    pub fn seal_stream<W: Write>(
        &self,
        random: &dyn Random,
        purpose: &'static str,
        aad: &[u8],
        out: W,
    ) -> Result<Sealing<W>> {
        let master = &self.0.current;
        let key = derive::key(master.key.expose(), "stream", purpose)?;
        Sealing::begin(&key, master.id(), random, aad, out)
    }

    /// Reads what [`Keyring::seal_stream`] wrote under this master key or the previous one.
    ///
    /// Errors: internal, when it was sealed under a key that is not here; reading fails where it was changed or cut short.
    pub fn open_stream<R: Read>(&self, purpose: &'static str, aad: &[u8], source: R) -> Result<Opening<R>> {
        Opening::begin(|id| derive::key(self.master(id)?.key.expose(), "stream", purpose), aad, source)
    }

    fn master(&self, id: KeyId) -> Result<&Master> {
        let masters = [Some(&self.0.current), self.0.previous.as_ref()];
        let master = masters.into_iter().flatten().find(|master| master.id() == id);
        master.ok_or_else(|| Error::internal("this was sealed under a master key that is not configured"))
    }

    /// Whether `sealed` is under the current master key, and not to be sealed anew.
    pub fn is_current(&self, sealed: &[u8]) -> Result<bool> {
        Ok(seal::key_id(sealed)? == self.0.current.id())
    }

    /// Tells master keys apart; says nothing about them.
    pub(super) fn fingerprint(&self) -> &[u8; 32] {
        &self.0.current.fingerprint
    }

    /// Whether what is sealed may be under another key than the current one.
    pub fn has_previous(&self) -> bool {
        self.0.previous.is_some()
    }

    pub(super) fn previous_fingerprint(&self) -> Option<&[u8; 32]> {
        self.0.previous.as_ref().map(|master| &master.fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::*;

    fn key(byte: u8) -> Secret<Vec<u8>> {
        Secret::new(vec![byte; 32])
    }

    fn ring(current: u8, previous: Option<u8>) -> Keyring {
        Keyring::new(key(current), previous.map(key)).unwrap()
    }

    fn sealed(ring: &Keyring) -> Vec<u8> {
        ring.seal(&SeededRandom::new(1), "test", b"row 1", b"secret").unwrap()
    }

    #[test]
    fn what_is_sealed_opens_for_its_purpose_and_place_alone() {
        let ring = ring(1, None);
        let sealed = sealed(&ring);
        assert_eq!(ring.open("test", b"row 1", &sealed).unwrap().expose(), b"secret");
        assert!(ring.open("other", b"row 1", &sealed).is_err());
        assert!(ring.open("test", b"row 2", &sealed).is_err());
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let ring = ring(1, None);
        let sealed = sealed(&ring);
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(ring.open("test", b"row 1", &changed).is_err(), "byte {at}");
            assert!(ring.open("test", b"row 1", &sealed[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn the_previous_key_opens_and_verifies_but_makes_nothing_new() {
        let (old, changed, new) = (ring(1, None), ring(2, Some(1)), ring(2, None));
        let from_old = sealed(&old);
        assert!(changed.open("test", b"row 1", &from_old).is_ok());
        assert!(new.open("test", b"row 1", &from_old).is_err());
        assert!(!changed.is_current(&from_old).unwrap());
        assert!(old.open("test", b"row 1", &sealed(&changed)).is_err());
        assert!(changed.is_current(&sealed(&changed)).unwrap());

        let mac = old.mac_key("test").unwrap().sign(b"data");
        assert!(changed.mac_key("test").unwrap().verify(b"data", &mac));
        assert!(!changed.mac_key("test").unwrap().verify(b"date", &mac));
        assert!(!changed.mac_key("other").unwrap().verify(b"data", &mac));
        assert!(!new.mac_key("test").unwrap().verify(b"data", &mac));
    }

    #[test]
    fn short_master_keys_are_refused() {
        assert!(Keyring::new(Secret::new(vec![1; 31]), None).is_err());
    }
}

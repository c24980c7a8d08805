//! Sealing of what is too long to hold: STREAM over XChaCha20-Poly1305, so that no part can be changed, moved, left out or cut off.
use std::io::{self, Read, Write};

use aead_stream::{DecryptorBE32, EncryptorBE32};
use chacha20poly1305::{XChaCha20Poly1305, aead::Payload};
use kernel::{Error, Random, Result, Secret};

use super::keyring::KeyId;

/// `version (1) | key id (8) | nonce (19) | segments`, each segment as long as this with its tag, the last one shorter or equal.
const VERSION: u8 = 1;
const NONCE: usize = 19;
const SEGMENT: usize = 64 << 10;
const TAG: usize = 16;

/// Seals what is written to it. Only [`finish`](Self::finish) makes it whole.
pub struct Sealing<W> {
    encryptor: EncryptorBE32<XChaCha20Poly1305>,
    aad: Vec<u8>,
    plain: Vec<u8>,
    out: W,
}

impl<W: Write> Sealing<W> {
    pub(super) fn begin(
        key: &Secret<[u8; 32]>,
        id: KeyId,
        random: &dyn Random,
        aad: &[u8],
        mut out: W,
    ) -> Result<Self> {
        // 152 random bits never repeat in practice, and each stream has its own.
        let mut nonce = [0; NONCE];
        random.fill(&mut nonce);
        let mut header = vec![VERSION];
        header.extend_from_slice(&id);
        header.extend_from_slice(&nonce);
        out.write_all(&header).map_err(Error::internal)?;
        let encryptor = EncryptorBE32::new(&(*key.expose()).into(), &nonce.into());
        Ok(Self { encryptor, aad: [&header, aad].concat(), plain: Vec::with_capacity(SEGMENT), out })
    }

    /// Seals the last segment, which tells that nothing is missing after it.
    pub fn finish(mut self) -> io::Result<W> {
        let payload = Payload { msg: &self.plain, aad: &self.aad };
        let sealed = self.encryptor.encrypt_last(payload).map_err(|_| io::Error::other("too much to seal"))?;
        self.out.write_all(&sealed)?;
        Ok(self.out)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full segment waits until more follows: it may be the last.
        if self.plain.len() == SEGMENT {
            let payload = Payload { msg: &self.plain, aad: &self.aad };
            let sealed = self.encryptor.encrypt_next(payload).map_err(|_| io::Error::other("too much to seal"))?;
            self.out.write_all(&sealed)?;
            self.plain.clear();
        }
        let taken = bytes.len().min(SEGMENT - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Reads what [`Sealing`] wrote; gives out nothing that is not authentic.
pub struct Opening<R> {
    /// Nothing after the last segment.
    decryptor: Option<DecryptorBE32<XChaCha20Poly1305>>,
    aad: Vec<u8>,
    source: R,
    sealed: Vec<u8>,
    plain: Vec<u8>,
    given: usize,
}

impl<R: Read> Opening<R> {
    /// `key_of` finds the key by its id.
    pub(super) fn begin(
        key_of: impl FnOnce(KeyId) -> Result<Secret<[u8; 32]>>,
        aad: &[u8],
        mut source: R,
    ) -> Result<Self> {
        let mut header = [0; 1 + size_of::<KeyId>() + NONCE];
        source.read_exact(&mut header).map_err(Error::internal)?;
        let [version, rest @ ..] = header;
        let (id, nonce) = rest.split_at(size_of::<KeyId>());
        if version != VERSION {
            return Err(Error::internal("this was sealed by a newer version"));
        }
        let key = key_of(id.try_into().map_err(Error::internal)?)?;
        let nonce: [u8; NONCE] = nonce.try_into().map_err(Error::internal)?;
        let decryptor = DecryptorBE32::new(&(*key.expose()).into(), &nonce.into());
        let aad = [&header[..], aad].concat();
        Ok(Self { decryptor: Some(decryptor), aad, source, sealed: Vec::new(), plain: Vec::new(), given: 0 })
    }

    fn open_next(&mut self) -> io::Result<()> {
        let Some(mut decryptor) = self.decryptor.take() else { return Ok(()) };
        // One byte more than a segment tells whether it is the last.
        let wanted = SEGMENT + TAG + 1 - self.sealed.len();
        self.source.by_ref().take(wanted as u64).read_to_end(&mut self.sealed)?;
        let is_last = self.sealed.len() <= SEGMENT + TAG;
        let rest = if is_last { Vec::new() } else { self.sealed.split_off(SEGMENT + TAG) };
        let payload = Payload { msg: &self.sealed, aad: &self.aad };
        let changed = |_| io::Error::new(io::ErrorKind::InvalidData, "what is sealed was changed or is cut short");
        if is_last {
            self.plain = decryptor.decrypt_last(payload).map_err(changed)?;
        } else {
            self.plain = decryptor.decrypt_next(payload).map_err(changed)?;
            self.decryptor = Some(decryptor);
        }
        self.sealed = rest;
        self.given = 0;
        Ok(())
    }
}

impl<R: Read> Read for Opening<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.plain.len() && self.decryptor.is_some() {
            self.open_next()?;
        }
        let rest = &self.plain[self.given..];
        let taken = rest.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&rest[..taken]);
        self.given += taken;
        Ok(taken)
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::super::Keyring;
    use super::*;

    fn ring(byte: u8) -> Keyring {
        Keyring::new(Secret::new(vec![byte; 32]), None).unwrap()
    }

    fn seal(plain: &[u8]) -> Vec<u8> {
        let mut sealing = ring(1).seal_stream(&SeededRandom::new(1), "test", b"head", Vec::new()).unwrap();
        sealing.write_all(plain).unwrap();
        sealing.finish().unwrap()
    }

    fn open(ring: &Keyring, aad: &[u8], sealed: &[u8]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        ring.open_stream("test", aad, sealed).map_err(io::Error::other)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn any_length_comes_back() {
        for length in [0, 1, SEGMENT - 1, SEGMENT, SEGMENT + 1, 3 * SEGMENT] {
            let plain: Vec<u8> = (0..length).map(|at| (at % 251).to_le_bytes()[0]).collect();
            assert_eq!(open(&ring(1), b"head", &seal(&plain)).unwrap(), plain, "{length}");
        }
    }

    #[test]
    fn what_was_changed_moved_or_cut_off_does_not_open() {
        let sealed = seal(&vec![7; 2 * SEGMENT + 100]);
        let head = 28;
        let is_refused = |sealed: &[u8]| open(&ring(1), b"head", sealed).is_err();
        for at in (0..head).chain((head..sealed.len()).step_by(997)) {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(is_refused(&changed), "byte {at}");
        }
        let segment = SEGMENT + TAG;
        for end in [0, head, head + segment, head + 2 * segment, sealed.len() - 1] {
            assert!(is_refused(&sealed[..end]), "cut at {end}");
        }
        let mut swapped = sealed.clone();
        let (one, other) = swapped[head..].split_at_mut(segment);
        one.swap_with_slice(&mut other[..segment]);
        assert!(is_refused(&swapped));
        assert!(is_refused(&[&sealed[..], b"x"].concat()));
        assert!(open(&ring(1), b"hand", &sealed).is_err());
        assert!(open(&ring(2), b"head", &sealed).is_err());
    }
}

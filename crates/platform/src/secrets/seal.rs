//! Sealing: XChaCha20-Poly1305 with a random nonce and the id of the master key in front.
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use kernel::{Error, Random, Result, Secret};

use super::keyring::KeyId;

/// `version (1) | key id (8) | nonce (24) | ciphertext and tag`.
const VERSION: u8 = 1;
const KEY_ID_END: usize = 9;
const NONCE_END: usize = KEY_ID_END + 24;

pub(super) fn seal(
    key: &Secret<[u8; 32]>,
    id: KeyId,
    random: &dyn Random,
    aad: &[u8],
    plain: &[u8],
) -> Result<Vec<u8>> {
    // 192 random bits never repeat in practice, so nodes need not agree on a counter.
    let mut nonce = [0; 24];
    random.fill(&mut nonce);
    let mut sealed = vec![VERSION];
    sealed.extend_from_slice(&id);
    let aad = bound(&sealed, aad);
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&encrypt(key, nonce, &aad, plain)?);
    Ok(sealed)
}

pub(super) fn open(key: &Secret<[u8; 32]>, aad: &[u8], sealed: &[u8]) -> Result<Secret<Vec<u8>>> {
    let (header, rest) = sealed.split_at_checked(KEY_ID_END).ok_or_else(unreadable)?;
    let (nonce, ciphertext) = rest.split_at_checked(NONCE_END - KEY_ID_END).ok_or_else(unreadable)?;
    let nonce: [u8; 24] = nonce.try_into().map_err(|_| unreadable())?;
    let aad = bound(header, aad);
    let plain = cipher(key).decrypt(&XNonce::from(nonce), Payload { msg: ciphertext, aad: &aad });
    plain.map(Secret::new).map_err(|_| unreadable())
}

/// Which master key `sealed` needs.
pub(super) fn key_id(sealed: &[u8]) -> Result<KeyId> {
    match sealed.get(..KEY_ID_END) {
        Some([VERSION, id @ ..]) => id.try_into().map_err(|_| unreadable()),
        _ => Err(unreadable()),
    }
}

fn encrypt(key: &Secret<[u8; 32]>, nonce: [u8; 24], aad: &[u8], plain: &[u8]) -> Result<Vec<u8>> {
    let sealed = cipher(key).encrypt(&XNonce::from(nonce), Payload { msg: plain, aad });
    sealed.map_err(|_| Error::internal("too much to seal"))
}

fn cipher(key: &Secret<[u8; 32]>) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(&(*key.expose()).into())
}

/// The header is authenticated too; its length is fixed, so the two parts cannot run into each other.
fn bound(header: &[u8], aad: &[u8]) -> Vec<u8> {
    [header, aad].concat()
}

fn unreadable() -> Error {
    Error::internal("a sealed secret cannot be opened: it was changed, or made for something else")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// draft-irtf-cfrg-xchacha-03, A.3.1: the tag, which covers all of the ciphertext.
    #[test]
    fn the_vector_of_the_draft_holds() {
        let mut key = [0; 32];
        (0x80u8..0xa0).zip(&mut key).for_each(|(value, byte)| *byte = value);
        let mut nonce = [0; 24];
        (0x40u8..0x58).zip(&mut nonce).for_each(|(value, byte)| *byte = value);
        let aad = [0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7];
        let plain = b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, \
                      sunscreen would be it.";
        let sealed = encrypt(&Secret::new(key), nonce, &aad, plain).unwrap();
        assert_eq!(sealed[..4], [0xbd, 0x6d, 0x17, 0x9d]);
        assert_eq!(
            sealed[plain.len()..],
            [0xc0, 0x87, 0x59, 0x24, 0xc1, 0xc7, 0x98, 0x79, 0x47, 0xde, 0xaf, 0xd8, 0x78, 0x0a, 0xcf, 0x49]
        );
    }
}

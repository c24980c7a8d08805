//! Refresh tokens: session, generation and MAC. Nothing is stored of them, and every copy of one is the same text.
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{SessionId, Uuid};
use platform::secrets::MacKey;

/// `session id (16) | generation (8) | HMAC-SHA256 (32)`, in base64url.
const ID_END: usize = 16;
const GENERATION_END: usize = ID_END + 8;

pub(super) fn encode(mac: &MacKey, session_id: SessionId, generation: i64) -> String {
    let mut token = session_id.uuid().into_bytes().to_vec();
    token.extend_from_slice(&generation.to_be_bytes());
    let signature = mac.sign(&token);
    token.extend_from_slice(&signature);
    URL_SAFE_NO_PAD.encode(token)
}

/// The session and generation of a token we made.
pub(super) fn decode(mac: &MacKey, token: &str) -> Option<(SessionId, i64)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (signed, signature) = bytes.split_at_checked(GENERATION_END)?;
    if !mac.verify(signed, signature) {
        return None;
    }
    let (id, generation) = signed.split_at_checked(ID_END)?;
    let generation = i64::from_be_bytes(generation.try_into().ok()?);
    Some((SessionId::from_uuid(Uuid::from_slice(id).ok()?), generation))
}

#[cfg(test)]
mod tests {
    use kernel::Secret;
    use platform::secrets::Keyring;

    use super::*;

    #[test]
    fn only_our_own_tokens_are_read() {
        let mac = Keyring::new(Secret::new(vec![1; 32]), None).unwrap().mac_key("test").unwrap();
        let other = Keyring::new(Secret::new(vec![2; 32]), None).unwrap().mac_key("test").unwrap();
        let id = SessionId::from_uuid(Uuid::from_u128(7));
        let token = encode(&mac, id, 41);
        assert_eq!(decode(&mac, &token), Some((id, 41)));
        assert_eq!(decode(&other, &token), None);
        let raw = URL_SAFE_NO_PAD.decode(&token).unwrap();
        for at in 0..raw.len() {
            let mut changed = raw.clone();
            changed[at] ^= 1;
            assert_eq!(decode(&mac, &URL_SAFE_NO_PAD.encode(&changed)), None, "byte {at}");
            assert_eq!(decode(&mac, &URL_SAFE_NO_PAD.encode(&raw[..at])), None, "cut at {at}");
        }
        for text in ["", "é", &format!("{token}A"), &format!("{token}=")] {
            assert_eq!(decode(&mac, text), None, "{text}");
        }
    }
}

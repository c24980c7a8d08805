//! What a key looks like: `hp_`, its id, its secret and a checksum, in one word that scanners of leaked secrets recognise:
//! `hp_[0-7][0-9a-hjkmnp-tv-z]{72}`.
use kernel::{ApiKeyId, Random, Secret, id};

/// What every key begins with, and no other token.
pub(crate) const PREFIX: &str = "hp_";
/// `hp_` and the 26 characters of an id.
const ID_END: usize = 29;
/// 200 random bits, five in a character.
const SECRET_BYTES: usize = 25;
/// 32 bits.
const CHECKSUM_LENGTH: usize = 7;
/// With the secret's 40 characters.
const LENGTH: usize = ID_END + SECRET_BYTES * 8 / 5 + CHECKSUM_LENGTH;
/// As ids are written.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// A key with this id and a new secret.
pub(crate) fn generate(id: ApiKeyId, random: &dyn Random) -> Secret<String> {
    let mut secret = [0; SECRET_BYTES];
    random.fill(&mut secret);
    let mut text = id::encode(PREFIX.trim_end_matches('_'), id.uuid());
    // Five bytes are eight characters.
    for chunk in secret.chunks(5) {
        let bits = chunk.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        push(&mut text, bits, 8);
    }
    let checksum = u64::from(crc32(text.as_bytes()));
    push(&mut text, checksum, CHECKSUM_LENGTH);
    Secret::new(text)
}

/// The id of a key that is well-formed. Says nothing about whether it is good.
pub(crate) fn id(text: &str) -> Option<ApiKeyId> {
    if text.len() != LENGTH || !text.is_ascii() {
        return None;
    }
    let (id, rest) = text.split_at_checked(ID_END)?;
    if !rest.bytes().all(|byte| ALPHABET.contains(&byte)) {
        return None;
    }
    let (signed, checksum) = text.split_at_checked(LENGTH - CHECKSUM_LENGTH)?;
    let mut expected = String::with_capacity(CHECKSUM_LENGTH);
    push(&mut expected, u64::from(crc32(signed.as_bytes())), CHECKSUM_LENGTH);
    if checksum != expected {
        return None;
    }
    id::decode(PREFIX.trim_end_matches('_'), id).map(ApiKeyId::from_uuid)
}

/// The last `length` times five bits, the highest first.
fn push(text: &mut String, bits: u64, length: usize) {
    for place in (0..length).rev() {
        let five = usize::try_from(bits >> (place * 5) & 31).unwrap_or(0);
        text.push(char::from(ALPHABET[five]));
    }
}

/// CRC-32 as zlib, PNG and gzip have it, so that anyone can check a find without asking.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(u32::MAX, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

#[cfg(test)]
mod tests {
    use kernel::{SeededRandom, Uuid};

    use super::*;

    #[test]
    fn the_checksum_is_the_usual_one() {
        // The check value of CRC-32/ISO-HDLC.
        assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
    }

    #[test]
    fn a_key_tells_its_id_and_every_changed_character_is_noticed() {
        let key_id = ApiKeyId::from_uuid(Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057));
        let key = generate(key_id, &SeededRandom::new(1)).expose().clone();
        assert_eq!((key.len(), &key[..ID_END]), (LENGTH, "hp_01h455vb4pex5vsknk084sn02q"));
        assert_eq!(id(&key), Some(key_id));
        assert_ne!(generate(key_id, &SeededRandom::new(2)).expose(), &key);
        for at in 0..key.len() {
            for other in ["0", "1", "z", "A", "-", "é", ""] {
                let changed = format!("{}{other}{}", &key[..at], &key[at + 1..]);
                assert!(changed == key || id(&changed).is_none(), "{changed}");
            }
        }
        for text in ["", "hp_", &key[1..], &format!("{key}0"), &key.to_uppercase()] {
            assert_eq!(id(text), None, "{text}");
        }
    }
}

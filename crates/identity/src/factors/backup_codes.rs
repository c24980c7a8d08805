//! Backup codes: ten, shown once, each good once.
use kernel::{Random, UserId};
use platform::secrets::MacKey;

pub(super) const COUNT: usize = 10;
/// Characters of a code; each of 32 gives five bits.
const LENGTH: usize = 10;
/// Crockford's base 32 in lower case.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// One, as `xxxxx-xxxxx`.
pub(super) fn new(random: &dyn Random) -> String {
    let mut bytes = [0; LENGTH];
    random.fill(&mut bytes);
    let mut code: String = bytes.iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)])).collect();
    code.insert(LENGTH / 2, '-');
    code
}

/// What is stored of it. People type in capitals, without the dash, and take letters for digits.
pub(super) fn digest(mac: &MacKey, user_id: UserId, code: &str) -> [u8; 32] {
    let plain = code.chars().filter(|sign| !sign.is_whitespace() && *sign != '-').map(|sign| match sign {
        'O' | 'o' => '0',
        'I' | 'i' | 'L' | 'l' => '1',
        sign => sign.to_ascii_lowercase(),
    });
    let plain: String = plain.take(LENGTH + 1).collect();
    mac.sign(&[user_id.uuid().as_bytes(), plain.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use kernel::{Secret, SeededRandom, Uuid};
    use platform::secrets::Keyring;

    use super::*;

    #[test]
    fn codes_are_read_as_people_write_them() {
        let mac = Keyring::new(Secret::new(vec![1; 32]), None).unwrap().mac_key("test").unwrap();
        let ann = UserId::from_uuid(Uuid::from_u128(1));
        let same = digest(&mac, ann, "01abc-defgh");
        for text in ["01ABC DEFGH", "oiabcdefgh", " OLabc-defgh "] {
            assert_eq!(digest(&mac, ann, text), same, "{text}");
        }
        for text in ["01abc-defg", "01abc-defghh", ""] {
            assert_ne!(digest(&mac, ann, text), same, "{text}");
        }
        assert_ne!(digest(&mac, UserId::from_uuid(Uuid::from_u128(2)), "01abc-defgh"), same);
        assert_eq!(new(&SeededRandom::new(1)).len(), 11);
    }
}

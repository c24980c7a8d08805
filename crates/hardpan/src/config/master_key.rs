//! The master key: reading it, and telling a strong one from one that only looks like it.
use base64::{
    Engine as _,
    engine::{
        DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig,
        general_purpose::{STANDARD, STANDARD_NO_PAD},
    },
};
use kernel::{Random, Secret};
use zeroize::Zeroizing;

/// Every other secret derives from it or is stored encrypted under it.
#[derive(Clone, Debug)]
pub struct MasterKey(Secret<[u8; 32]>);

impl MasterKey {
    /// Its 32 bytes, still wrapped.
    pub fn secret(&self) -> Secret<Vec<u8>> {
        Secret::new(self.0.expose().to_vec())
    }

    /// Compares in constant time.
    pub fn is_same(&self, other: &Self) -> bool {
        self.0.matches(other.0.expose())
    }

    fn bytes(&self) -> &[u8] {
        self.0.expose()
    }
}

/// The variable that holds it.
pub const VARIABLE: &str = "HARDPAN_MASTER_KEY";
/// The one before, while stored secrets move to the new one.
pub const PREVIOUS: &str = "HARDPAN_MASTER_KEY_PREVIOUS";

/// The way out of every fault.
pub const FIX: &str = "run `hardpan keygen` and set what it prints";

const SHORTEST: usize = 32;

/// Pieces of the values that documentation, templates and tutorials use. Shorter pieces occur in random keys by chance.
const EXAMPLES: [&str; 16] = [
    "changeme",
    "changethis",
    "changeit",
    "replaceme",
    "replacethis",
    "secret",
    "password",
    "passw0rd",
    "example",
    "yourkey",
    "masterkey",
    "insecure",
    "supersecure",
    "default",
    "hardpan",
    "123456789",
];

/// A new key.
pub fn generate(random: &dyn Random) -> MasterKey {
    loop {
        let mut bytes = Zeroizing::new([0; 32]);
        random.fill(&mut *bytes);
        let key = MasterKey(Secret::new(*bytes));
        // By chance, once in some ten million keys, one contains a piece of an example.
        if faults(&encode(&key)).is_empty() {
            return key;
        }
    }
}

/// As the environment holds it.
pub fn encode(key: &MasterKey) -> Zeroizing<String> {
    Zeroizing::new(STANDARD.encode(key.bytes()))
}

/// 32 bytes in either alphabet of base64, padded or not.
pub fn decode(text: &str) -> Option<MasterKey> {
    let text = text.trim();
    let padding = GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
    let alphabet = if text.contains(['-', '_']) { base64::alphabet::URL_SAFE } else { base64::alphabet::STANDARD };
    let bytes = Zeroizing::new(GeneralPurpose::new(&alphabet, padding).decode(text).ok()?);
    bytes.as_slice().try_into().ok().map(|bytes| MasterKey(Secret::new(bytes)))
}

/// Everything that is wrong with a key, each to follow its name in a sentence; empty for a strong one.
pub fn faults(text: &str) -> Vec<&'static str> {
    let text = text.trim();
    let mut faults = Vec::new();
    if is_known(text) {
        faults.push("is known from examples");
    }
    if text.chars().count() < SHORTEST {
        faults.push("is shorter than 32 characters");
    }
    let key = decode(text);
    if key.is_none() {
        faults.push("is not 32 bytes in base64");
    }
    let loose = Zeroizing::new(STANDARD_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default());
    let bytes = match &key {
        Some(key) => key.bytes(),
        None if loose.is_empty() => text.as_bytes(),
        None => &loose,
    };
    if is_repeated(bytes) {
        faults.push("repeats itself");
    } else if is_sequential(bytes) || is_sequential(text.as_bytes()) {
        faults.push("is a sequence");
    } else if key.is_some() && bytes.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') {
        faults.push("is written text and not random bytes");
    } else if key.is_some() && distinct(bytes) < 20 {
        faults.push("is low in entropy");
    }
    faults
}

fn is_known(text: &str) -> bool {
    let letters = |text: &str| -> String {
        text.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let decoded = STANDARD_NO_PAD.decode(text.trim_end_matches('=')).unwrap_or_default();
    let spellings = [letters(text), letters(&String::from_utf8_lossy(&decoded))];
    EXAMPLES.iter().any(|example| spellings.iter().any(|spelling| spelling.contains(example)))
}

/// Whether a piece of at most half the length makes up the whole.
fn is_repeated(bytes: &[u8]) -> bool {
    (1..=bytes.len() / 2).any(|period| bytes.iter().zip(&bytes[period..]).all(|(left, right)| left == right))
}

/// Whether most neighbours differ by the same step, as in `abcd` and `97531`.
fn is_sequential(bytes: &[u8]) -> bool {
    let mut counts = [0; 256];
    for pair in bytes.windows(2) {
        counts[usize::from(pair[1].wrapping_sub(pair[0]))] += 1;
    }
    let most = counts.into_iter().max().unwrap_or(0);
    bytes.len() > 4 && most * 2 >= bytes.len()
}

/// How many different bytes there are; 32 random ones have about 30.
fn distinct(bytes: &[u8]) -> usize {
    let mut sorted = Zeroizing::new(bytes.to_vec());
    sorted.sort_unstable();
    sorted.dedup();
    sorted.len()
}

#[cfg(test)]
mod tests {
    use kernel::{OsRandom, SeededRandom};

    use super::*;

    #[test]
    fn generated_keys_are_strong_and_read_back() {
        for _ in 0..200 {
            let key = generate(&OsRandom);
            let text = encode(&key);
            assert_eq!(faults(&text), [""; 0]);
            assert!(decode(&text).is_some_and(|read| read.is_same(&key)));
        }
    }

    #[test]
    fn both_alphabets_are_read_with_padding_or_without() {
        let key = MasterKey(Secret::new([0xfb; 32]));
        let text = encode(&key);
        assert!(text.contains('+') && text.ends_with('='));
        for text in
            [text.to_string(), text.replace('=', ""), text.replace('+', "-").replace('/', "_"), format!(" {}\n", *text)]
        {
            assert!(decode(&text).is_some(), "{text}");
        }
    }

    #[test]
    fn each_weakness_is_named() {
        let of = |bytes: &[u8]| STANDARD.encode(bytes);
        let ascending: Vec<u8> = (0..32).collect();
        let few: Vec<u8> = (0..32_u8)
            .map(|place| [7, 200, 31, 90, 154][(usize::from(place) % 3 + place.count_ones() as usize) % 5])
            .collect();
        let mut random = [0; 64];
        SeededRandom::new(1).fill(&mut random);
        for (text, expected) in [
            (
                "changeme".to_owned(),
                vec!["is known from examples", "is shorter than 32 characters", "is not 32 bytes in base64"],
            ),
            (
                "change-me-change-me-change-me-change-me".to_owned(),
                vec!["is known from examples", "is not 32 bytes in base64", "repeats itself"],
            ),
            (
                of(b"my super-Secret key 1234567890ab"),
                vec!["is known from examples", "is written text and not random bytes"],
            ),
            (of(&random[..16]), vec!["is shorter than 32 characters", "is not 32 bytes in base64"]),
            (of(&random), vec!["is not 32 bytes in base64"]),
            (of(&[0; 32]), vec!["repeats itself"]),
            (of(&random[..8].repeat(4)), vec!["repeats itself"]),
            ("a".repeat(44), vec!["is not 32 bytes in base64", "repeats itself"]),
            (of(&ascending), vec!["is a sequence"]),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopw=".to_owned(), vec!["is a sequence"]),
            (of(b"correct horse battery staple 42!"), vec!["is written text and not random bytes"]),
            (of(&few), vec!["is low in entropy"]),
            (of(&random[..32]), vec![]),
        ] {
            assert_eq!(faults(&text), expected, "{text}");
        }
    }
}

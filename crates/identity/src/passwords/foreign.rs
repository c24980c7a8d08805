//! Hashes other programs made: bcrypt, PBKDF2 and scrypt, as Django, passlib and the crypt family write them.
use std::num::NonZeroU32;

use aws_lc_rs::{digest, pbkdf2};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use kernel::{Error, Result, Secret};
use subtle::ConstantTimeEq as _;

/// bcrypt looks at so many bytes and ignores the rest; passwords that are longer fit no hash of it.
const BCRYPT_BYTES: usize = 72;
/// About a second.
const BCRYPT_COST_MAX: u32 = 14;
const PBKDF2_ITERATIONS_MAX: u32 = 3_000_000;
/// Bytes of memory.
const SCRYPT_MEMORY_MAX: u64 = 128 * 1024 * 1024;
/// Bytes written, all lanes together.
const SCRYPT_WORK_MAX: u64 = 1024 * 1024 * 1024;

/// A hash by one of these.
#[derive(Debug)]
pub(crate) enum Foreign {
    Bcrypt {
        cost: u32,
        text: String,
        /// Django's `bcrypt_sha256`: what is hashed is the SHA-256 in hexadecimal.
        is_of_digest: bool,
    },
    Pbkdf2 {
        iterations: NonZeroU32,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
    Scrypt {
        params: scrypt::Params,
        salt: Vec<u8>,
        hash: Vec<u8>,
    },
}

impl Foreign {
    /// None for what is no such hash, and for one that costs too much to try.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix("bcrypt_sha256$") {
            return bcrypt(rest, true);
        }
        if let Some(rest) = text.strip_prefix("pbkdf2_sha256$") {
            return pbkdf2(rest);
        }
        if let Some(rest) = text.strip_prefix("scrypt$") {
            return scrypt_of_django(rest);
        }
        match text.strip_prefix("$scrypt$") {
            Some(rest) => scrypt_phc(rest),
            None => bcrypt(text.strip_prefix("bcrypt$").unwrap_or(text), false),
        }
    }

    /// Whether this is the hash of `password`, byte for byte as it was sent: what made the hash normalised nothing.
    pub(super) fn verify(&self, password: &Secret<String>) -> Result<bool> {
        self.fits(password.expose().as_bytes())
    }

    fn fits(&self, password: &[u8]) -> Result<bool> {
        match self {
            Self::Bcrypt { text, is_of_digest: false, .. } => verify_bcrypt(password, text),
            Self::Bcrypt { text, is_of_digest: true, .. } => {
                verify_bcrypt(&hex(digest::digest(&digest::SHA256, password).as_ref()), text)
            }
            Self::Pbkdf2 { iterations, salt, hash } => {
                Ok(pbkdf2::verify(pbkdf2::PBKDF2_HMAC_SHA256, *iterations, salt, password, hash).is_ok())
            }
            Self::Scrypt { params, salt, hash } => {
                let mut found = vec![0; hash.len()];
                scrypt::scrypt(password, salt, params, &mut found).map_err(Error::internal)?;
                Ok(found.ct_eq(hash).into())
            }
        }
    }

    /// Whether trying it takes less time than one of our own hashes does, about.
    pub(super) fn is_cheap(&self) -> bool {
        match self {
            Self::Bcrypt { cost, .. } => *cost < 10,
            Self::Pbkdf2 { iterations, .. } => iterations.get() < 200_000,
            Self::Scrypt { params, .. } => work(params) < 16 * 1024 * 1024,
        }
    }
}

/// After the same work the answer is no for passwords that bcrypt cannot see whole: those that are too long, and those with a
/// NUL, at which the C implementations end.
fn verify_bcrypt(password: &[u8], text: &str) -> Result<bool> {
    let is_seen_whole = password.len() <= BCRYPT_BYTES && !password.contains(&0);
    Ok(bcrypt::verify(password, text).map_err(|error| Error::internal(error.to_string()))? && is_seen_whole)
}

/// `$2b$12$`, 22 characters of salt and 31 of hash. `$2x$` marks hashes of a broken implementation, which fit other passwords too.
fn bcrypt(text: &str, is_of_digest: bool) -> Option<Foreign> {
    let is_known = ["$2a$", "$2b$", "$2y$"].iter().any(|prefix| text.starts_with(prefix));
    let cost = text.parse::<bcrypt::HashParts>().ok().filter(|_| is_known)?.get_cost();
    (4..=BCRYPT_COST_MAX).contains(&cost).then(|| Foreign::Bcrypt { cost, text: text.to_owned(), is_of_digest })
}

/// Django: `iterations$salt$base64`.
fn pbkdf2(rest: &str) -> Option<Foreign> {
    let [iterations, salt, hash] = parts(rest)?;
    let iterations: NonZeroU32 = iterations.parse().ok()?;
    let (salt, hash) = (plain_salt(salt)?, bounded_hash(STANDARD.decode(hash).ok()?)?);
    (iterations.get() <= PBKDF2_ITERATIONS_MAX).then_some(Foreign::Pbkdf2 { iterations, salt, hash })
}

/// Django: `N$salt$r$p$base64`.
fn scrypt_of_django(rest: &str) -> Option<Foreign> {
    let [n, salt, r, p, hash] = parts(rest)?;
    let n: u64 = n.parse().ok().filter(|n: &u64| n.is_power_of_two())?;
    let params = scrypt_params(n.ilog2(), r.parse().ok()?, p.parse().ok()?)?;
    Some(Foreign::Scrypt { params, salt: plain_salt(salt)?, hash: bounded_hash(STANDARD.decode(hash).ok()?)? })
}

/// PHC: `ln=17,r=8,p=1$salt$hash`.
fn scrypt_phc(rest: &str) -> Option<Foreign> {
    let [params, salt, hash] = parts(rest)?;
    let mut params = params.split(',');
    let mut number = |name| params.next()?.strip_prefix(name)?.parse().ok();
    let (log_n, r, p) = (number("ln=")?, number("r=")?, number("p=")?);
    let salt = STANDARD_NO_PAD.decode(salt).ok().filter(|salt| (1..=128).contains(&salt.len()))?;
    let hash = bounded_hash(STANDARD_NO_PAD.decode(hash).ok()?)?;
    let is_plain = params.next().is_none();
    Some(Foreign::Scrypt { params: scrypt_params(log_n, r, p).filter(|_| is_plain)?, salt, hash })
}

fn scrypt_params(log_n: u32, r: u32, p: u32) -> Option<scrypt::Params> {
    // Bounded first, so that nothing overflows.
    let is_small = (1..=24).contains(&log_n) && (1..=64).contains(&r) && (1..=64).contains(&p);
    let params = scrypt::Params::new(u8::try_from(log_n).ok().filter(|_| is_small)?, r, p).ok()?;
    let memory = work(&params) / u64::from(p);
    (memory <= SCRYPT_MEMORY_MAX && work(&params) <= SCRYPT_WORK_MAX).then_some(params)
}

/// Bytes that scrypt writes.
fn work(params: &scrypt::Params) -> u64 {
    128 * params.n() * u64::from(params.r()) * u64::from(params.p())
}

fn parts<const N: usize>(text: &str) -> Option<[&str; N]> {
    text.split('$').collect::<Vec<_>>().try_into().ok()
}

fn plain_salt(salt: &str) -> Option<Vec<u8>> {
    let is_plain = (1..=128).contains(&salt.len()) && salt.bytes().all(|byte| byte.is_ascii_graphic());
    is_plain.then(|| salt.as_bytes().to_vec())
}

fn bounded_hash(hash: Vec<u8>) -> Option<Vec<u8>> {
    (16..=64).contains(&hash.len()).then_some(hash)
}

fn hex(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value as Json;

    use super::*;

    fn fits(hash: &str, password: &str) -> bool {
        let foreign = Foreign::parse(hash).unwrap_or_else(|| panic!("{hash}"));
        foreign.verify(&Secret::new(password.to_owned())).unwrap()
    }

    #[test]
    fn bcrypt_in_each_spelling() {
        for (hash, password) in [
            // jBCrypt's TestBCrypt.java.
            ("$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", "a"),
            ("$2y$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", "a"),
            ("bcrypt$$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe", "a"),
        ] {
            assert!(fits(hash, password), "{hash}");
            assert!(!fits(hash, &format!("{password}b")), "{hash}");
        }
    }

    /// RFC 7914, section 12: the second and the third vector.
    #[test]
    fn scrypt_as_in_its_rfc() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let second = hex(concat!(
            "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162",
            "2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"
        ));
        let third = hex(concat!(
            "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2",
            "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"
        ));
        let django = |n: u32, salt: &str, r: u32, p: u32, hash: &[u8]| {
            format!("scrypt${n}${salt}${r}${p}${}", STANDARD.encode(hash))
        };
        assert!(fits(&django(1024, "NaCl", 8, 16, &second), "password"));
        assert!(fits(&django(16_384, "SodiumChloride", 8, 1, &third), "pleaseletmein"));
        assert!(!fits(&django(16_384, "SodiumChloride", 8, 1, &third), "pleaseletmeIn"));
        let salt = STANDARD_NO_PAD.encode("SodiumChloride");
        let phc = format!("$scrypt$ln=14,r=8,p=1${salt}${}", STANDARD_NO_PAD.encode(&third));
        assert!(fits(&phc, "pleaseletmein"));
        assert!(!fits(&phc, "pleaseletmeout"));
    }

    #[test]
    fn a_password_that_bcrypt_cannot_see_whole_fits_nothing() {
        let made = |password: &str| bcrypt::hash_with_salt(password, 4, [7; 16]).unwrap().to_string();
        let longest = "x".repeat(72);
        assert!(fits(&made(&longest), &longest));
        for more in ["x", "y", "\0", "ä"] {
            assert!(!fits(&made(&longest), &format!("{longest}{more}")), "{more:?}");
            // Nor where the old program made the hash of the longer one.
            let longer = format!("{longest}{more}");
            assert!(!fits(&made(&longer), &longer), "{more:?}");
        }
        // Bytes, not characters.
        assert!(fits(&made(&"ä".repeat(36)), &"ä".repeat(36)));
        assert!(!fits(&made(&"ä".repeat(37)), &"ä".repeat(37)));
        assert!(!fits(&made("ab\0cd"), "ab\0cd"));
        assert!(!fits(&made("ab"), "ab\0ab"));
        assert!(!fits(&made(""), "\0"));
        // Django's other format hashes a digest, so that all is seen.
        let digest = hex(digest::digest(&digest::SHA256, "x".repeat(100).as_bytes()).as_ref());
        let of_digest = bcrypt::hash_with_salt(&digest, 4, [7; 16]).unwrap();
        assert!(fits(&format!("bcrypt_sha256${of_digest}"), &"x".repeat(100)));
        assert!(!fits(&format!("bcrypt_sha256${of_digest}"), &"x".repeat(101)));
    }

    /// RUSTSEC-2026-0199 among others.
    #[test]
    fn malformed_and_monstrous_hashes_are_refused() {
        let bcrypt = "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfxe";
        let sixteen = "AAAAAAAAAAAAAAAAAAAAAA==";
        for text in [
            "",
            "$",
            "!unusable",
            "plain text",
            "5f4dcc3b5aa765d61d8327deb882cf99",
            "$1$salt$hash",
            "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVfx",
            &bcrypt.replace("$2a$", "$2x$"),
            &bcrypt.replace("$06$", "$03$"),
            &bcrypt.replace("$06$", "$15$"),
            &bcrypt.replace("$06$", "$31$"),
            &bcrypt.replacen("m0", "é", 1),
            &bcrypt.replacen("m0C", "€", 1),
            &"é".repeat(30),
            "$2a$06$m0CrhHm10qJ3lXRY.5zDGO3rS2KdeeWLuGmsfGlMfOxih58VYVé",
            &format!("pbkdf2_sha256$0$salt${sixteen}"),
            &format!("pbkdf2_sha256$-1$salt${sixteen}"),
            &format!("pbkdf2_sha256$4000000000$salt${sixteen}"),
            &format!("pbkdf2_sha256$99999999999999999999$salt${sixteen}"),
            &format!("pbkdf2_sha256$1000$${sixteen}"),
            &format!("pbkdf2_sha256$1000$sält${sixteen}"),
            &format!("pbkdf2_sha256$1000$salt${sixteen}$"),
            "pbkdf2_sha256$1000$salt$",
            "pbkdf2_sha256$1000$salt$AAAA",
            "pbkdf2_sha256$1000$salt$é",
            &format!("scrypt$0$salt$8$1${sixteen}"),
            &format!("scrypt$1$salt$8$1${sixteen}"),
            &format!("scrypt$1000$salt$8$1${sixteen}"),
            &format!("scrypt$16384$salt$0$1${sixteen}"),
            &format!("scrypt$16384$salt$8$0${sixteen}"),
            &format!("scrypt$16384$salt$4294967295$4294967295${sixteen}"),
            &format!("scrypt$9223372036854775808$salt$8$1${sixteen}"),
            &format!("scrypt$1048576$salt$8$1${sixteen}"),
            &format!("scrypt$131072$salt$8$64${sixteen}"),
            "$scrypt$ln=17,r=8,p=1$c2FsdA$",
            "$scrypt$ln=255,r=8,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$ln=14,r=8,p=1,x=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
            "$scrypt$r=8,ln=14,p=1$c2FsdA$AAAAAAAAAAAAAAAAAAAAAA",
        ] {
            assert!(Foreign::parse(text).is_none(), "{text}");
        }
        assert!(Foreign::parse(&format!("scrypt$131072$salt$8$1${sixteen}")).is_some(), "OWASP's first is borne");
        assert!(Foreign::parse(&format!("pbkdf2_sha256$1200000$salt${sixteen}")).is_some());
    }

    #[test]
    fn wycheproof_pbkdf2() {
        let file: Json =
            serde_json::from_str(include_str!("../../tests/data/wycheproof/pbkdf2_hmacsha256_test.json")).unwrap();
        let hex = |json: &Json| -> Vec<u8> {
            let text = json.as_str().unwrap();
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let tests = file["testGroups"].as_array().unwrap().iter().flat_map(|group| group["tests"].as_array().unwrap());
        let mut count = 0;
        for test in tests {
            let iterations = u32::try_from(test["iterationCount"].as_u64().unwrap()).unwrap();
            let mut foreign = Foreign::Pbkdf2 {
                iterations: NonZeroU32::new(iterations).unwrap(),
                salt: hex(&test["salt"]),
                hash: hex(&test["dk"]),
            };
            let password = hex(&test["password"]);
            assert_eq!(foreign.fits(&password).unwrap(), test["result"] == "valid", "{test}");
            if let Foreign::Pbkdf2 { hash, .. } = &mut foreign {
                hash[0] ^= 1;
            }
            assert!(!foreign.fits(&password).unwrap(), "{test}");
            count += 1;
        }
        assert_eq!(count, file["numberOfTests"]);
    }
}

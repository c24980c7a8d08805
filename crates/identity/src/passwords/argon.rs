//! Argon2, as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
use std::{
    fmt,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use argon2::{Algorithm, Argon2, Block, Params, Version};
use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use kernel::{Error, Result, Secret};
use subtle::ConstantTimeEq as _;

const SALT_LENGTH: usize = 16;
const HASH_LENGTH: usize = 32;

/// What a hash costs: OWASP's first recommendation for Argon2id, 19 MiB and two passes.
const COST: Cost = Cost { memory_kib: 19_456, passes: 2, lanes: 1 };
/// The most a stored hash may ask for; a hostile one must not stop the server.
const COST_MAX: Cost = Cost { memory_kib: 262_144, passes: 16, lanes: 16 };
/// The most it may ask for in all: KiB written by all passes together, about a second's worth.
const WORK_MAX: u32 = 1024 * 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A hash by Argon2.
#[derive(Debug)]
pub(super) struct Argon {
    algorithm: Algorithm,
    version: Version,
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What a thread's memory reserves, in blocks of 1 KiB; only what a hash needs is ever touched. Beyond 32 MiB glibc maps memory
/// of its own and unmaps it when it is freed; less it keeps, and blocks being aligned, does not find it again for the next.
const RESERVED: usize = 33 * 1024;

/// The working memory of one thread, kept from one hash to the next, and the count of what was hashed.
#[derive(Default)]
pub(super) struct Memory {
    blocks: Vec<Block>,
    hashed: Arc<AtomicU64>,
}

impl Memory {
    pub(super) fn counting(hashed: Arc<AtomicU64>) -> Self {
        Self { blocks: Vec::new(), hashed }
    }

    /// Gives back what is not needed any more.
    pub(super) fn release(&mut self) {
        self.blocks = Vec::new();
    }

    /// One more hash.
    pub(super) fn count(&self) {
        self.hashed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Argon {
    /// Hashes `password`.
    pub(super) fn create(password: &Secret<String>, salt: [u8; SALT_LENGTH], memory: &mut Memory) -> Result<Self> {
        let blank = Self { salt: salt.to_vec(), ..Self::dummy() };
        let hash = blank.hash(password, memory)?;
        Ok(Self { hash, ..blank })
    }

    /// Stands in for the hash of an account that does not exist: costs the same and fits no password.
    pub(super) fn dummy() -> Self {
        let (algorithm, version) = (Algorithm::Argon2id, Version::V0x13);
        Self { algorithm, version, cost: COST, salt: vec![0; SALT_LENGTH], hash: Vec::new() }
    }

    /// Whether this is the hash of `password`.
    pub(super) fn verify(&self, password: &Secret<String>, memory: &mut Memory) -> Result<bool> {
        Ok(self.hash(password, memory)?.ct_eq(&self.hash).into())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let [algorithm, version, params, salt, hash] =
            text.strip_prefix('$')?.split('$').collect::<Vec<_>>().try_into().ok()?;
        let algorithm = match algorithm {
            "argon2id" => Algorithm::Argon2id,
            "argon2i" => Algorithm::Argon2i,
            "argon2d" => Algorithm::Argon2d,
            _ => return None,
        };
        let version = match version {
            "v=19" => Version::V0x13,
            "v=16" => Version::V0x10,
            _ => return None,
        };
        let mut params = params.split(',');
        let mut number = |name| params.next()?.strip_prefix(name)?.parse().ok();
        let cost = Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let (salt, hash) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?);
        let is_plain = params.next().is_none() && (8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len());
        (is_plain && cost.is_bearable()).then_some(Self { algorithm, version, cost, salt, hash })
    }

    /// Whether Hardpan has ever made such.
    pub(super) fn may_be_own(&self) -> bool {
        (self.algorithm, self.version) == (Algorithm::Argon2id, Version::V0x13)
    }

    /// Whether Hardpan makes such today.
    pub(super) fn is_current(&self) -> bool {
        self.may_be_own() && self.cost == COST && self.hash.len() == HASH_LENGTH
    }

    pub(super) fn is_cheap(&self) -> bool {
        self.cost.work() < COST.work()
    }

    fn hash(&self, password: &Secret<String>, memory: &mut Memory) -> Result<Vec<u8>> {
        let failed = |error: argon2::Error| Error::internal(error.to_string());
        let length = if self.hash.is_empty() { HASH_LENGTH } else { self.hash.len() };
        let Cost { memory_kib, passes, lanes } = self.cost;
        let params = Params::new(memory_kib, passes, lanes, Some(length)).map_err(failed)?;
        memory.count();
        // What a foreign hash needed beyond our own cost is given back with the next.
        let blocks = &mut memory.blocks;
        let reserved = params.block_count().max(RESERVED);
        blocks.reserve_exact(reserved.saturating_sub(blocks.len()));
        blocks.resize(params.block_count(), Block::new());
        blocks.shrink_to(reserved);
        let argon2 = Argon2::new(self.algorithm, self.version, params);
        let mut hash = vec![0; length];
        let password = password.expose().as_bytes();
        let filled = argon2.hash_password_into_with_memory(password, &self.salt, &mut hash, blocks.as_mut_slice());
        filled.map(|()| hash).map_err(failed)
    }
}

impl Cost {
    fn is_bearable(self) -> bool {
        // Each lane needs 8 KiB.
        (1..=COST_MAX.lanes).contains(&self.lanes)
            && (8 * self.lanes..=COST_MAX.memory_kib).contains(&self.memory_kib)
            && (1..=COST_MAX.passes).contains(&self.passes)
            && self.work() <= WORK_MAX
    }

    const fn work(self) -> u32 {
        self.memory_kib * self.passes
    }
}

impl fmt::Display for Argon {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (algorithm, version) = (self.algorithm.as_str(), u32::from(self.version));
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        write!(f, "${algorithm}$v={version}$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[test]
    fn its_own_hashes_verify_and_read_back() {
        let memory = &mut Memory::default();
        let text = Argon::create(&secret("correct horse"), [7; 16], memory).unwrap().to_string();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{text}");
        let argon = Argon::parse(&text).unwrap();
        assert!(argon.verify(&secret("correct horse"), memory).unwrap());
        assert!(!argon.verify(&secret("correct horse "), memory).unwrap());
        assert_eq!(argon.to_string(), text);
    }

    /// The reference implementation's test.c.
    #[test]
    fn the_reference_implementations_hash_verifies() {
        let memory = &mut Memory::default();
        for text in [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$wWKIMhR9lyDFvRz9YTZweHKfbftvj+qf+YFY4NeBbtA",
            "$argon2i$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlKKiCaYsjjYVJxGAL3swxpQ",
        ] {
            assert!(Argon::parse(text).unwrap().verify(&secret("password"), memory).unwrap(), "{text}");
            assert!(!Argon::parse(text).unwrap().verify(&secret("Password"), memory).unwrap(), "{text}");
        }
    }

    #[test]
    fn nothing_is_cut_off() {
        let memory = &mut Memory::default();
        let long = "ä".repeat(500);
        let argon = Argon::create(&secret(&long), [1; 16], memory).unwrap();
        assert!(argon.verify(&secret(&long), memory).unwrap());
        assert!(!argon.verify(&secret(&long[2..]), memory).unwrap());
    }

    #[test]
    fn the_dummy_fits_nothing() {
        let memory = &mut Memory::default();
        assert!(!Argon::dummy().verify(&secret(""), memory).unwrap());
    }

    #[test]
    fn malformed_and_monstrous_hashes_are_refused() {
        for text in [
            "",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2x$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=17$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=262144,t=5,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=7,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=64,t=2,p=16$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1,x=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$é",
        ] {
            assert!(Argon::parse(text).is_none(), "{text}");
        }
    }
}

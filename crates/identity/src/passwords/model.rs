//! Hashes as PHC strings: `$argon2id$v=19$m=19456,t=2,p=1$salt$hash`.
use std::fmt;

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

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Cost {
    memory_kib: u32,
    passes: u32,
    lanes: u32,
}

/// A stored hash.
pub(super) struct Phc {
    cost: Cost,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

/// What a thread's memory reserves, in blocks of 1 KiB; only what a hash needs is ever touched. Beyond 32 MiB glibc maps memory
/// of its own and unmaps it when it is freed; less it keeps, and blocks being aligned, does not find it again for the next.
const RESERVED: usize = 33 * 1024;

/// The working memory of one thread, kept from one hash to the next.
pub(super) type Memory = Vec<Block>;

impl Phc {
    /// Hashes `password`.
    pub(super) fn create(password: &Secret<String>, salt: [u8; SALT_LENGTH], memory: &mut Memory) -> Result<Self> {
        let hash = hash(password, COST, &salt, HASH_LENGTH, memory)?;
        Ok(Self { cost: COST, salt: salt.to_vec(), hash })
    }

    /// Stands in for the hash of an account that does not exist: costs the same and fits no password.
    pub(super) fn dummy() -> Self {
        Self { cost: COST, salt: vec![0; SALT_LENGTH], hash: Vec::new() }
    }

    /// Whether this is the hash of `password`.
    pub(super) fn verify(&self, password: &Secret<String>, memory: &mut Memory) -> Result<bool> {
        let length = if self.hash.is_empty() { HASH_LENGTH } else { self.hash.len() };
        let found = hash(password, self.cost, &self.salt, length, memory)?;
        Ok(found.ct_eq(&self.hash).into())
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        let (params, rest) = text.strip_prefix("$argon2id$v=19$")?.split_once('$')?;
        let (salt, hash) = rest.split_once('$')?;
        let mut params = params.split(',');
        let mut number = |name| params.next()?.strip_prefix(name)?.parse().ok();
        let cost = Cost { memory_kib: number("m=")?, passes: number("t=")?, lanes: number("p=")? };
        let (salt, hash) = (STANDARD_NO_PAD.decode(salt).ok()?, STANDARD_NO_PAD.decode(hash).ok()?);
        let is_plain = params.next().is_none() && (8..=64).contains(&salt.len()) && (16..=64).contains(&hash.len());
        (is_plain && cost.is_bearable()).then_some(Self { cost, salt, hash })
    }
}

impl Cost {
    fn is_bearable(self) -> bool {
        (1..=COST_MAX.memory_kib).contains(&self.memory_kib)
            && (1..=COST_MAX.passes).contains(&self.passes)
            && (1..=COST_MAX.lanes).contains(&self.lanes)
    }
}

fn hash(password: &Secret<String>, cost: Cost, salt: &[u8], length: usize, memory: &mut Memory) -> Result<Vec<u8>> {
    let failed = |error: argon2::Error| Error::internal(error.to_string());
    let params = Params::new(cost.memory_kib, cost.passes, cost.lanes, Some(length)).map_err(failed)?;
    // What a foreign hash needed beyond our own cost is given back with the next.
    let reserved = params.block_count().max(RESERVED);
    memory.reserve_exact(reserved.saturating_sub(memory.len()));
    memory.resize(params.block_count(), Block::new());
    memory.shrink_to(reserved);
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let mut hash = vec![0; length];
    let filled =
        argon2.hash_password_into_with_memory(password.expose().as_bytes(), salt, &mut hash, memory.as_mut_slice());
    filled.map(|()| hash).map_err(failed)
}

impl fmt::Display for Phc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { memory_kib, passes, lanes } = self.cost;
        let (salt, hash) = (STANDARD_NO_PAD.encode(&self.salt), STANDARD_NO_PAD.encode(&self.hash));
        write!(f, "$argon2id$v=19$m={memory_kib},t={passes},p={lanes}${salt}${hash}")
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
        let memory = &mut Memory::new();
        let text = Phc::create(&secret("correct horse"), [7; 16], memory).unwrap().to_string();
        assert!(text.starts_with("$argon2id$v=19$m=19456,t=2,p=1$BwcHBwcHBwcHBwcHBwcHBw$"), "{text}");
        let phc = Phc::parse(&text).unwrap();
        assert!(phc.verify(&secret("correct horse"), memory).unwrap());
        assert!(!phc.verify(&secret("correct horse "), memory).unwrap());
        assert_eq!(phc.to_string(), text);
    }

    /// The reference implementation's test.c, Argon2id version 19.
    #[test]
    fn the_reference_implementations_hash_verifies() {
        let memory = &mut Memory::new();
        for text in [
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc",
        ] {
            assert!(Phc::parse(text).unwrap().verify(&secret("password"), memory).unwrap(), "{text}");
            assert!(!Phc::parse(text).unwrap().verify(&secret("Password"), memory).unwrap(), "{text}");
        }
    }

    #[test]
    fn nothing_is_cut_off() {
        let memory = &mut Memory::new();
        let long = "ä".repeat(500);
        let phc = Phc::create(&secret(&long), [1; 16], memory).unwrap();
        assert!(phc.verify(&secret(&long), memory).unwrap());
        assert!(!phc.verify(&secret(&long[2..]), memory).unwrap());
    }

    #[test]
    fn the_dummy_fits_nothing() {
        let memory = &mut Memory::new();
        assert!(!Phc::dummy().verify(&secret(""), memory).unwrap());
    }

    #[test]
    fn malformed_and_monstrous_hashes_are_refused() {
        for text in [
            "",
            "$2b$12$abcdefghijklmnopqrstuv",
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=16$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=0,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1,x=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$",
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$é",
        ] {
            assert!(Phc::parse(text).is_none(), "{text}");
        }
    }
}

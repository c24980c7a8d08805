//! Rules for passwords: how long they are, and that trying one costs the same whoever it is for.
use std::{sync::Arc, thread::available_parallelism};

use kernel::{Error, FieldError, Random, Result, Secret};

use super::{model::Phc, pool::Pool};

/// Longest password, in bytes of UTF-8. Nothing is ever cut off.
///
/// Passwords are taken byte for byte as they are sent: no Unicode normalisation, no trimming.
pub const MAX_BYTES: usize = 1024;
/// Hashes that may wait for one thread: some two seconds' worth.
const QUEUE_PER_THREAD: usize = 128;

/// Hashes and verifies passwords; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
    min_length: usize,
}

impl Passwords {
    /// `min_length` in code points. Half of the cores may hash at once, one at least and three at most: each takes 19 MiB.
    pub fn start(min_length: usize) -> Result<Self> {
        let threads = (available_parallelism().map_or(1, usize::from) / 2).clamp(1, 3);
        Ok(Self { pool: Arc::new(Pool::start(threads, threads * QUEUE_PER_THREAD)?), min_length })
    }

    pub const fn min_length(&self) -> usize {
        self.min_length
    }

    /// What is wrong with a new password, if anything.
    pub fn check(&self, password: &Secret<String>) -> Option<FieldError> {
        let password = password.expose();
        if password.chars().count() < self.min_length {
            let message = format!("must have at least {} characters", self.min_length);
            return Some(FieldError::new("password", "too_short", message));
        }
        (password.len() > MAX_BYTES)
            .then(|| FieldError::new("password", "too_long", format!("must have at most {MAX_BYTES} bytes")))
    }

    /// The hash of `password` as a PHC string. Errors: 503 when too many wait.
    pub async fn hash(&self, random: &dyn Random, password: Secret<String>) -> Result<String> {
        let mut salt = [0; 16];
        random.fill(&mut salt);
        self.pool.run(move |memory| Phc::create(&password, salt, memory).map(|phc| phc.to_string())).await
    }

    /// Whether `password` fits `hash`. Without a hash the answer is no, after the same work.
    ///
    /// Errors: 503 when too many wait; internal for a stored hash that cannot be read.
    pub async fn verify(&self, password: Secret<String>, hash: Option<&str>) -> Result<bool> {
        let phc = match hash {
            Some(text) => Phc::parse(text).ok_or_else(|| Error::internal("a stored password hash cannot be read"))?,
            None => Phc::dummy(),
        };
        self.pool.run(move |memory| phc.verify(&password, memory)).await
    }
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::*;

    #[tokio::test]
    async fn passwords_verify_against_their_own_hash() {
        let passwords = Passwords::start(8).unwrap();
        let secret = || Secret::new("correct horse".to_owned());
        let hash = passwords.hash(&SeededRandom::new(1), secret()).await.unwrap();
        assert!(passwords.verify(secret(), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(secret(), None).await.unwrap());
    }

    #[test]
    fn lengths_are_counted_in_characters_and_bounded_in_bytes() {
        let passwords = Passwords::start(8).unwrap();
        let code = |text: &str| passwords.check(&Secret::new(text.to_owned())).map(|error| error.code);
        assert_eq!(code("1234567"), Some("too_short"));
        assert_eq!(code("пароль"), Some("too_short"));
        assert_eq!(code("парольпа"), None);
        assert_eq!(code(&"x".repeat(1024)), None);
        assert_eq!(code(&"x".repeat(1025)), Some("too_long"));
        assert_eq!(code(&"ä".repeat(513)), Some("too_long"));
    }
}

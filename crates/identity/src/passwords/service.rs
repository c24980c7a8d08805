//! Rules for passwords: how long they are, and that trying one costs the same whoever it is for.
use std::{sync::Arc, thread::available_parallelism};

use kernel::{FieldError, Random, Result, Secret};
use metrics::describe_counter;

use super::{
    argon::{Argon, Memory},
    breached::{self, BreachedRange},
    model::{Stored, Verified, normalised},
    policy::{self, Assurance},
    pool::Pool,
};

/// Longest password, in bytes of UTF-8. Nothing is ever cut off or trimmed.
pub const MAX_BYTES: usize = 1024;
/// Hashes that may wait for one thread: some two seconds' worth.
const QUEUE_PER_THREAD: usize = 128;

/// What new passwords must be.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Characters, of an account without a second factor.
    pub min_length: usize,
    /// Everybody knows it, so that it is no password.
    pub app_name: String,
    pub breached: Option<Arc<dyn BreachedRange>>,
}

/// Hashes and verifies passwords; cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    pool: Arc<Pool>,
    policy: Arc<Policy>,
}

impl Passwords {
    /// Half of the cores may hash at once, one at least and three at most: each takes 19 MiB.
    pub fn start(policy: Policy) -> Result<Self> {
        describe_counter!(breached::UNANSWERED, "Passwords that no service said had leaked or had not");
        let threads = (available_parallelism().map_or(1, usize::from) / 2).clamp(1, 3);
        Ok(Self { pool: Arc::new(Pool::start(threads, threads * QUEUE_PER_THREAD)?), policy: Arc::new(policy) })
    }

    /// Shortest password, in characters.
    pub fn min_length(&self, assurance: Assurance) -> usize {
        policy::min_length(assurance, self.policy.min_length)
    }

    /// What is wrong with a new password, if anything. `context` is what a stranger knows of the account: its address and names.
    ///
    /// Errors: 503 when too many wait.
    pub async fn check(
        &self,
        password: &Secret<String>,
        assurance: Assurance,
        context: &[&str],
    ) -> Result<Option<FieldError>> {
        let min_length = self.min_length(assurance);
        let context: Vec<String> =
            context.iter().chain([&&*self.policy.app_name]).map(|&text| text.to_owned()).collect();
        let new = password.clone();
        // Estimating strength takes milliseconds.
        let wrong = self.pool.run(move |_| Ok(policy::check(&new, min_length, &context))).await?;
        match (wrong, &self.policy.breached) {
            (None, Some(service)) if breached::is_breached(&**service, password).await => {
                Ok(policy::refused("breached", "is known from a leak; choose another".to_owned()))
            }
            (wrong, _) => Ok(wrong),
        }
    }

    /// Whether a password could be tried now, for those who would otherwise ask the database first. Errors: 503 when too many wait.
    pub fn check_room(&self) -> Result<()> {
        self.pool.check_room()
    }

    /// The hash of `password` as a PHC string. Errors: 503 when too many wait.
    pub async fn hash(&self, random: &dyn Random, password: Secret<String>) -> Result<String> {
        let salt = salt(random);
        self.pool.run(move |memory| create(&password, salt, memory)).await
    }

    /// Whether `password` fits `hash`. Without a hash, and for one that cannot be read, the answer is no, after the same work.
    ///
    /// Errors: 503 when too many wait.
    pub async fn verify(&self, password: Secret<String>, hash: Option<&str>) -> Result<bool> {
        let stored = stored(hash);
        self.pool.run(move |memory| verify(&stored, &password, memory)).await
    }

    /// The same at a log-in, where a hash that is not as we make them today is made anew.
    pub async fn verify_and_renew(
        &self,
        random: &dyn Random,
        password: Secret<String>,
        hash: Option<&str>,
    ) -> Result<Verified> {
        let (stored, salt) = (stored(hash), salt(random));
        let verified = self.pool.run(move |memory| {
            let is_right = verify(&stored, &password, memory)?;
            let is_outdated = is_right && !stored.is_current();
            let renewed = is_outdated.then(|| create(&password, salt, memory)).transpose()?;
            Ok(Verified { is_right, renewed })
        });
        verified.await
    }

    /// How the hash that another program made is kept. None for what can never be verified here: an unknown format, or a cost
    /// that would stop the server.
    pub fn adopt(hash: &str) -> Option<String> {
        Stored::adopt(hash)
    }

    /// How many hashes were computed since the start.
    pub fn hashed(&self) -> u64 {
        self.pool.hashed()
    }
}

fn salt(random: &dyn Random) -> [u8; 16] {
    let mut salt = [0; 16];
    random.fill(&mut salt);
    salt
}

fn stored(hash: Option<&str>) -> Stored {
    let dummy = || Stored::Own(Argon::dummy());
    let Some(text) = hash else { return dummy() };
    Stored::parse(text).unwrap_or_else(|| {
        tracing::error!("a stored password hash cannot be read; nobody can log in by it");
        dummy()
    })
}

fn create(password: &Secret<String>, salt: [u8; 16], memory: &mut Memory) -> Result<String> {
    Argon::create(&normalised(password), salt, memory).map(|hash| hash.to_string())
}

/// A wrong password never takes less than it takes for no account at all.
fn verify(stored: &Stored, password: &Secret<String>, memory: &mut Memory) -> Result<bool> {
    let is_right = stored.verify(password, memory)?;
    if !is_right && stored.is_cheap() {
        Argon::dummy().verify(password, memory)?;
    }
    Ok(is_right)
}

#[cfg(test)]
mod tests {
    use futures_util::{FutureExt as _, future::BoxFuture};
    use kernel::SeededRandom;

    use super::*;

    fn start() -> Passwords {
        Passwords::start(Policy { min_length: 8, app_name: "notes".to_owned(), breached: None }).unwrap()
    }

    fn secret(text: &str) -> Secret<String> {
        Secret::new(text.to_owned())
    }

    #[tokio::test]
    async fn passwords_verify_against_their_own_hash() {
        let passwords = start();
        let hash = passwords.hash(&SeededRandom::new(1), secret("correct horse")).await.unwrap();
        assert!(passwords.verify(secret("correct horse"), Some(&hash)).await.unwrap());
        assert!(!passwords.verify(secret("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn looks_alike_is_alike_but_for_hashes_of_other_programs() {
        let passwords = start();
        let (typed, composed) = ("pa\u{308}sswo\u{308}rd \u{ff11}", "pässwörd 1");
        let random = SeededRandom::new(1);
        let hash = passwords.hash(&random, secret(typed)).await.unwrap();
        for text in [typed, composed] {
            assert!(passwords.verify(secret(text), Some(&hash)).await.unwrap(), "{text}");
        }
        // The same hash, made by another program from what was typed there.
        let other = Argon::create(&secret(typed), [1; 16], &mut Memory::default()).unwrap().to_string();
        let kept = Passwords::adopt(&other).unwrap();
        assert_eq!(kept, format!("argon2{other}"));
        assert!(!passwords.verify(secret(composed), Some(&kept)).await.unwrap());
        let verified = passwords.verify_and_renew(&random, secret(typed), Some(&kept)).await.unwrap();
        assert!(passwords.verify(secret(composed), verified.renewed.as_deref()).await.unwrap());
    }

    #[tokio::test]
    async fn only_what_is_not_as_we_make_it_today_is_made_anew() {
        let passwords = start();
        let random = SeededRandom::new(1);
        let own = passwords.hash(&random, secret("password")).await.unwrap();
        // The reference implementation's test.c, as if we had had lower parameters once.
        let lower = "$argon2id$v=19$m=256,t=2,p=2$c29tZXNhbHQ$bQk8UB/VmZZF4Oo79iDXuL5/0ttZwg2f/5U52iv1cDc";
        let higher = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for (hash, is_renewed) in [(own.as_str(), false), (lower, true), (higher, true)] {
            let right = passwords.verify_and_renew(&random, secret("password"), Some(hash)).await.unwrap();
            assert_eq!((right.is_right, right.renewed.is_some()), (true, is_renewed), "{hash}");
            let wrong = passwords.verify_and_renew(&random, secret("Password"), Some(hash)).await.unwrap();
            assert_eq!((wrong.is_right, wrong.renewed), (false, None), "{hash}");
            if let Some(renewed) = right.renewed {
                assert!(renewed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{renewed}");
                assert!(passwords.verify(secret("password"), Some(&renewed)).await.unwrap());
            }
        }
    }

    /// RUSTSEC-2026-0199: a stored bcrypt hash that is not ASCII made a server panic. It fits nothing, after the usual work.
    #[tokio::test]
    async fn a_stored_hash_that_cannot_be_read_fits_nothing() {
        let passwords = start();
        for hash in [
            "",
            "é",
            "$2b$12$é",
            &format!("$2b$12${}", "é".repeat(26)),
            "$argon2id$v=19$é",
            "argon2",
            "pbkdf2_sha256$é",
        ] {
            let before = passwords.hashed();
            assert!(!passwords.verify(secret("password"), Some(hash)).await.unwrap(), "{hash}");
            assert_eq!(passwords.hashed(), before + 1, "{hash}");
        }
    }

    #[tokio::test]
    async fn a_wrong_password_costs_one_hash_and_two_where_one_is_cheap() {
        let passwords = start();
        let own = passwords.hash(&SeededRandom::new(1), secret("password")).await.unwrap();
        let cases = [
            (None, 1),
            (Some(own.as_str()), 1),
            (Some("$2b$12$CoiS4SLQUexpJOxmSg4Vf.kvLEkA.j4kpJkWOmFx8I.W.OE3ll/5O"), 1),
            (Some("pbkdf2_sha256$1000000$jvxeP2EoDBPgyZWL5EgY4C$fYCEGPofJ81c1hMhgwTNhiqvZ4nb2aJNXFoh05CqeYY="), 1),
            (Some("$2b$04$NnXgL0VPQPNktpaecMf2A.QuRvf7cDgD.s0JM.ryzQKwcyotxYuIG"), 2),
            (Some("pbkdf2_sha256$1000$jvxeP2EoDBPgyZWL5EgY4C$fYCEGPofJ81c1hMhgwTNhiqvZ4nb2aJNXFoh05CqeYY="), 2),
            (
                Some(
                    "argon2$argon2id$v=19$m=1024,t=1,p=1$xwOatn0wXTlC8ogNtyfrHQ$YU9PHPkSgMu/7TUVI2WpRjJf1gJcMtyNKpt1jchI82o",
                ),
                2,
            ),
        ];
        for (hash, expected) in cases {
            let before = passwords.hashed();
            assert!(!passwords.verify(secret("wrong"), hash).await.unwrap());
            assert_eq!(passwords.hashed() - before, expected, "{hash:?}");
        }
    }

    #[derive(Debug)]
    struct AllLeaked;

    impl BreachedRange for AllLeaked {
        fn range<'r>(&'r self, _: &'r str) -> BoxFuture<'r, Result<String>> {
            // SHA-1 of "correct horse battery staple": ABF7AAD6438836DBE526AA231ABDE2D0EEF74D42.
            async { Ok("AD6438836DBE526AA231ABDE2D0EEF74D42:384".to_owned()) }.boxed()
        }
    }

    #[tokio::test]
    async fn one_rule_after_the_other() {
        let policy = Policy { min_length: 15, app_name: "meadow".to_owned(), breached: Some(Arc::new(AllLeaked)) };
        let passwords = Passwords::start(policy).unwrap();
        for (text, assurance, expected) in [
            ("correct horse", Assurance::PasswordAlone, Some("too_short")),
            ("correct horse", Assurance::SecondFactor, None),
            ("passwordpassword", Assurance::PasswordAlone, Some("common")),
            ("meadow-annabel-1", Assurance::PasswordAlone, Some("guessable")),
            ("annabel-annabel1", Assurance::PasswordAlone, Some("guessable")),
            ("correct horse battery staple", Assurance::PasswordAlone, Some("breached")),
            ("correct horse battery stapler", Assurance::PasswordAlone, None),
        ] {
            let wrong = passwords.check(&secret(text), assurance, &["annabel@example.com"]).await.unwrap();
            assert_eq!(wrong.map(|error| error.code), expected, "{text}");
        }
        assert_eq!(passwords.hashed(), 0);
    }
}

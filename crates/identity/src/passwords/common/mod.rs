//! The passwords people choose most, and what is made of them.
use aws_lc_rs::digest;

/// The beginnings of the SHA-256 of some 49,000 passwords, in order; see `make.py`. One password in 80,000 is refused by chance.
static LIST: &[u8] = include_bytes!("passwords.bin");
const PREFIX: usize = 4;
/// Runs along which fingers and tongues go.
const RUNS: [&str; 5] = [
    "1234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiopasdfghjklzxcvbnm",
    "qwertzuiopasdfghjklyxcvbnm",
    "azertyuiopqsdfghjklmwxcvbn",
];
/// A unit so short is guessed, however often it is repeated.
const SHORT_UNIT: usize = 4;

/// Whether `password`, in small letters, is what somebody would try: one of the list, also repeated or with digits and signs around it
/// that are no longer than itself, or a run of keys, letters or digits.
pub(super) fn is_common(password: &str) -> bool {
    let unit = unit(password);
    is_listed(password)
        || is_listed(unit)
        || (unit.len() < password.len() && unit.chars().count() <= SHORT_UNIT)
        || is_run(password)
        || core(password).is_some_and(|core| is_listed(core) || is_listed(self::unit(core)))
}

fn is_listed(password: &str) -> bool {
    let digest = digest::digest(&digest::SHA256, password.as_bytes());
    let Some(prefix) = digest.as_ref().first_chunk::<PREFIX>() else { return false };
    LIST.as_chunks::<PREFIX>().0.binary_search(prefix).is_ok()
}

/// The shortest part that `text` is a repetition of.
fn unit(text: &str) -> &str {
    let whole = |length: &usize| {
        text.len().is_multiple_of(*length)
            && text.is_char_boundary(*length)
            && text.as_bytes().chunks(*length).all(|part| Some(part) == text.as_bytes().get(..*length))
    };
    (1..text.len()).find(whole).and_then(|length| text.get(..length)).unwrap_or(text)
}

fn is_run(text: &str) -> bool {
    let backward: String = text.chars().rev().collect();
    RUNS.iter().any(|run| {
        let long = run.repeat(text.len() / run.len() + 2);
        long.contains(text) || long.contains(&backward)
    })
}

/// The word that digits and signs are put around.
fn core(text: &str) -> Option<&str> {
    let core = text.trim_matches(|char: char| !char.is_alphabetic());
    (core.len() < text.len() && core.len() * 2 >= text.len()).then_some(core)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_in_order() {
        let prefixes = LIST.as_chunks::<PREFIX>();
        assert!(prefixes.1.is_empty());
        assert!(prefixes.0.len() > 49_000);
        assert!(prefixes.0.is_sorted_by(|one, next| one < next));
    }

    #[test]
    fn what_everybody_tries_is_common() {
        for password in [
            "password",
            "12345678",
            "1qaz2wsx3edc4rfv",
            "qazwsxedcrfvtgb",
            "passwordpassword",
            "sunshinesunshinesunshine",
            "password1234567",
            "!!!password123!",
            "iloveyou-2024",
            "passwordpassword2024!",
            "aaaaaaaaaaaaaaa",
            "abababababababab",
            "1a2b1a2b1a2b1a2b",
            "123456789012345",
            "098765432109876543210",
            "678901234567890",
            "abcdefghijklmno",
            "zyxwvutsrqponml",
            "qwertyuiopasdfg",
            "ääääääääääääääää",
        ] {
            assert!(is_common(password), "{password}");
        }
    }

    #[test]
    fn what_nobody_tries_is_not() {
        for password in [
            "correct horse battery staple",
            "correct horse battery",
            "a scratch password of no account",
            "pwhz46ps4wrdnqdnpy3p465v",
            "482915730264815",
            "pässwörd of the old app",
            "пароль старого сайта",
            "password and something else",
            "xkqwvz-2847-1938-4756",
            "sun7384-2910-5562-8817-3349",
            "日本語のながいパスワード",
        ] {
            assert!(!is_common(password), "{password}");
        }
    }
}

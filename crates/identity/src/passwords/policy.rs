//! What a new password must be, after NIST SP 800-63B: long, and nothing that is guessed first. No classes of characters, no expiry.
use kernel::{FieldError, Secret};
use zxcvbn::zxcvbn;

use super::{common, model::normalised, service::MAX_BYTES};

/// Shortest password of an account with a second factor, in characters.
const SHORTEST_WITH_SECOND_FACTOR: usize = 8;
/// Shorter words are in too many passwords by chance.
const WORD_MIN: usize = 4;
/// Characters of a password whose strength is estimated; the time grows faster than the length.
const ESTIMATED: usize = 100;

/// What stands between a stolen password and the account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Assurance {
    /// Nothing.
    PasswordAlone,
    SecondFactor,
}

/// What is wrong with a new password, if anything that can be told without asking anybody.
///
/// `context` is what a stranger knows of the account: the app's name, the address, the names.
pub(super) fn check(password: &Secret<String>, min_length: usize, context: &[String]) -> Option<FieldError> {
    if password.expose().len() > MAX_BYTES {
        return refused("too_long", format!("must have at most {MAX_BYTES} bytes"));
    }
    let password = normalised(password);
    if password.expose().chars().count() < min_length {
        return refused("too_short", format!("must have at least {min_length} characters"));
    }
    let small = Secret::new(password.expose().to_lowercase());
    let words = words(context);
    let (code, what) = if common::is_common(small.expose()) {
        ("common", "is one that everybody tries first")
    } else if is_little_else(small.expose(), &words, min_length) {
        ("guessable", "is little more than names that belong to this account or app")
    } else {
        return None;
    };
    refused(code, format!("{what}{}", hint(&password, &words)))
}

/// Characters at least.
pub(super) fn min_length(assurance: Assurance, alone: usize) -> usize {
    match assurance {
        Assurance::PasswordAlone => alone,
        Assurance::SecondFactor => SHORTEST_WITH_SECOND_FACTOR.min(alone),
    }
}

#[expect(clippy::unnecessary_wraps, reason = "the answer of whoever refuses")]
pub(super) fn refused(code: &'static str, message: String) -> Option<FieldError> {
    Some(FieldError::new("password", code, message))
}

/// An estimate and advice, for people; nothing is refused by it.
pub(super) fn hint(password: &Secret<String>, words: &[String]) -> String {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let begin: Secret<String> = Secret::new(password.expose().chars().take(ESTIMATED).collect());
    let estimate = zxcvbn(begin.expose(), &words);
    let advice = estimate.feedback().and_then(|feedback| feedback.suggestions().first());
    let advice = advice.map(|advice| format!(" {advice}")).unwrap_or_default();
    format!(" (strength {} of 4).{advice}", u8::from(estimate.score()))
}

/// The words of the context, in small letters, the longest first.
pub(super) fn words(context: &[String]) -> Vec<String> {
    let context = context.iter().map(|text| normalised(&Secret::new(text.clone())).expose().to_lowercase());
    let mut words: Vec<String> = context
        .flat_map(|text| {
            let local = text.split('@').next().unwrap_or_default().to_owned();
            local
                .split(|char: char| !char.is_alphanumeric())
                .map(str::to_owned)
                .chain([local.clone()])
                .collect::<Vec<_>>()
        })
        .filter(|word| word.chars().count() >= WORD_MIN)
        .collect();
    words.sort_by_key(|word| std::cmp::Reverse(word.len()));
    words.dedup();
    words
}

/// Whether less than half of what is required is left when the words are taken away.
fn is_little_else(password: &str, words: &[String], min_length: usize) -> bool {
    let rest = words.iter().fold(password.to_owned(), |rest, word| rest.replace(word, ""));
    rest.len() < password.len() && rest.chars().count() < min_length.div_ceil(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(password: &str, min_length: usize, context: &[&str]) -> Option<&'static str> {
        let context: Vec<String> = context.iter().map(|word| (*word).to_owned()).collect();
        check(&Secret::new(password.to_owned()), min_length, &context).map(|error| error.code)
    }

    #[test]
    fn lengths_are_counted_in_characters_and_bounded_in_bytes() {
        assert_eq!(code("vkqzmwp", 8, &[]), Some("too_short"));
        assert_eq!(code("жщъыэю", 8, &[]), Some("too_short"));
        assert_eq!(code("жщъыэюфц", 8, &[]), None);
        // Two code points that are one character when normalised.
        assert_eq!(code(&"u\u{308}v".repeat(4)[..11], 8, &[]), Some("too_short"));
        let long = |length: usize| "vkqzmwpt ".repeat(200)[..length].to_owned();
        assert_eq!(code(&long(64), 15, &[]), None);
        assert_eq!(code(&long(1024), 15, &[]), None);
        assert_eq!(code(&long(1025), 15, &[]), Some("too_long"));
        assert_eq!(code("correct horse!", 15, &[]), Some("too_short"));
        assert_eq!(code("correct horse!!", 15, &[]), None);
        assert_eq!(code("correct horse!", min_length(Assurance::SecondFactor, 15), &[]), None);
        assert_eq!(min_length(Assurance::PasswordAlone, 15), 15);
    }

    #[test]
    fn common_passwords_are_refused_in_any_case_with_advice() {
        for password in ["Password", "PASSWORD1", "ｐａｓｓｗｏｒｄ", "Trustno1"] {
            assert_eq!(code(password, 8, &[]), Some("common"), "{password}");
        }
        let error = check(&Secret::new("PasswordPassword".to_owned()), 15, &[]).unwrap();
        assert_eq!(
            error.message,
            "is one that everybody tries first (strength 0 of 4). Add another word or two. Uncommon words are better."
        );
    }

    #[test]
    fn what_a_stranger_knows_of_the_account_is_not_a_password() {
        let context = ["Meadow Notes", "annabel.smith@example.com", "ann_b", "Annabel Smith"];
        for password in [
            "annabel.smith-2024",
            "MeadowNotes2024",
            "smith-annabel-x1",
            "Annabel Smith 1990",
            "meadow meadow notes",
            "annabelannabelannabel",
        ] {
            assert!(matches!(code(password, 15, &context), Some("guessable" | "common")), "{password}");
        }
        assert_eq!(code("annabel likes rain at noon", 15, &context), None);
        // Words of three letters are no words.
        assert_eq!(code("ann-bob-cid-dan-eve", 15, &["ann", "bob", "cid", "dan"]), None);
    }

    #[test]
    fn nothing_is_refused_by_the_estimate_alone() {
        // Zero of four by zxcvbn, and in no list.
        let weak = "mustache-mustache";
        assert_eq!(code(weak, 15, &[]), None);
        assert!(hint(&Secret::new("x".repeat(1024)), &[]).starts_with(" (strength "));
    }
}

//! Text to tokens, the same for both engines: neither is left to decide what a word is.
//!
//! Words are those of UAX 29, in lower case, in compatibility form (NFKD, composed again), without diacritics. What stands between
//! letters parts them (`example.com` is two tokens), but for an apostrophe, which is left out (`don't` is `dont`). Scripts without
//! spaces give a token a character, so that any part of a sentence is found as a phrase. An emoji is a token.
use std::ops::Range;

use unicode_normalization::{UnicodeNormalization as _, char::is_combining_mark};
use unicode_properties::UnicodeEmoji as _;
use unicode_segmentation::UnicodeSegmentation as _;

/// Told by the recorded shape of a table: another number makes the index anew.
pub const VERSION: u32 = 1;
/// Longest token in characters; what a word has beyond it is left out.
const TOKEN_LENGTH: usize = 64;

/// A token and the bytes of the text it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    pub text: String,
    pub at: Range<usize>,
}

/// The tokens of `text` in order. They consist of `a-z`, `0-9` and characters past ASCII that are not marks of punctuation.
pub fn tokens(text: &str) -> impl Iterator<Item = Token> {
    text.split_word_bound_indices().flat_map(|(start, word)| of_word(start, word))
}

fn of_word(start: usize, word: &str) -> Vec<Token> {
    let mut growing = Growing::default();
    if word.is_ascii() {
        for (at, byte) in word.bytes().enumerate() {
            growing.take(char::from(byte.to_ascii_lowercase()), start + at..start + at + 1);
        }
    } else {
        for (at, cluster) in word.grapheme_indices(true) {
            let range = start + at..start + at + cluster.len();
            for letter in folded(cluster) {
                if letter.is_emoji_char() && !is_of_word(letter) && !letter.is_ascii() {
                    growing.push_alone(cluster.chars().filter(|letter| !is_variation(*letter)), range);
                    break;
                }
                growing.take(letter, range.clone());
            }
        }
    }
    growing.done
}

/// The tokens of one word while it is read.
#[derive(Default)]
struct Growing {
    done: Vec<Token>,
    /// Whether the last token is still being read, and how many characters it has.
    open: Option<usize>,
}

impl Growing {
    fn take(&mut self, letter: char, at: Range<usize>) {
        if is_apostrophe(letter) {
            return;
        }
        if !is_of_word(letter) {
            self.open = None;
            return;
        }
        if stands_alone(letter) {
            return self.push_alone(std::iter::once(letter), at);
        }
        if let (Some(length), Some(token)) = (self.open, self.done.last_mut()) {
            token.at.end = at.end;
            if length < TOKEN_LENGTH {
                token.text.push(letter);
                self.open = Some(length + 1);
            }
        } else {
            self.done.push(Token { text: letter.to_string(), at });
            self.open = Some(1);
        }
    }

    fn push_alone(&mut self, letters: impl Iterator<Item = char>, at: Range<usize>) {
        self.done.push(Token { text: letters.take(TOKEN_LENGTH).collect(), at });
        self.open = None;
    }
}

/// One character as people see it, folded: case, width, diacritics and ligatures make no difference.
fn folded(cluster: &str) -> impl Iterator<Item = char> {
    let plain = cluster.nfkd().filter(|letter| !is_diacritic(*letter)).flat_map(char::to_lowercase);
    plain.flat_map(Spelled::new).nfc()
}

/// Letters that Unicode does not take apart and people type without.
struct Spelled([Option<char>; 2]);

impl Spelled {
    const fn new(letter: char) -> Self {
        let (first, second) = match letter {
            'ß' => ('s', Some('s')),
            'æ' => ('a', Some('e')),
            'œ' => ('o', Some('e')),
            'þ' => ('t', Some('h')),
            'ø' => ('o', None),
            'ł' => ('l', None),
            'đ' | 'ð' => ('d', None),
            'ħ' => ('h', None),
            'ı' => ('i', None),
            'ς' => ('σ', None),
            other => (other, None),
        };
        Self([Some(first), second])
    }
}

impl Iterator for Spelled {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let [first, second] = &mut self.0;
        first.take().or_else(|| second.take())
    }
}

/// Marks over and under letters that are often left out: those of Latin, Greek and Cyrillic, Hebrew points, Arabic vowels. The marks
/// of other scripts are letters to their readers.
const fn is_diacritic(letter: char) -> bool {
    matches!(letter,
        '\u{300}'..='\u{36f}' | '\u{591}'..='\u{5bd}' | '\u{5bf}' | '\u{5c1}' | '\u{5c2}' | '\u{5c4}' | '\u{5c5}' | '\u{5c7}'
        | '\u{64b}'..='\u{65f}' | '\u{670}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{fe20}'..='\u{fe2f}')
        || is_variation(letter)
}

/// How a character is to be drawn.
const fn is_variation(letter: char) -> bool {
    matches!(letter, '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}')
}

const fn is_apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}' | '\u{2bc}')
}

/// Han and kana, whose words nothing parts. The other scripts without spaces are parted by UAX 29.
const fn stands_alone(letter: char) -> bool {
    matches!(letter,
        '\u{3005}'..='\u{3007}' | '\u{3041}'..='\u{3096}' | '\u{309d}'..='\u{30ff}' | '\u{31f0}'..='\u{31ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{1b000}'..='\u{1b16f}'
        | '\u{20000}'..='\u{3ffff}')
}

fn is_of_word(letter: char) -> bool {
    letter.is_alphanumeric() || is_combining_mark(letter)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn texts(text: &str) -> Vec<String> {
        tokens(text).map(|token| token.text).collect()
    }

    #[test]
    fn words_are_folded_and_parted_as_people_type_them() {
        for (text, expected) in [
            ("The  quick,brown fox!", "the quick brown fox"),
            ("don't DON’T rock'n'roll 'quoted'", "dont dont rocknroll quoted"),
            ("example.com a_b c-d 3.14 1'000 v2", "example com a b c d 3 14 1000 v2"),
            ("Crème Brûlée ÅNGSTRÖM Łódź Straße ŒUVRE", "creme brulee angstrom lodz strasse oeuvre"),
            ("cre\u{300}me e\u{301}", "creme e"),
            ("ﬁne ＡＢＣ ① ½ ™", "fine abc 1 1 2 tm"),
            ("ΟΔΟΣ οδός İstanbul ЁЛКА й", "οδοσ οδοσ istanbul елка и"),
            ("東京へ行く", "東 京 へ 行 く"),
            ("データ ﾃﾞｰﾀ が か\u{3099}", "デ ー タ デ ー タ が が"),
            ("한국어 \u{1112}\u{1161}\u{11ab}", "한국어 한"),
            ("हिन्दी", "हिन्दी"),
            ("สวัสดี", "ส วั ส ดี"),
            ("שָׁלוֹם مُحَمَّد", "שלום محمد"),
            ("go 🚀🚀 ❤️ 👩‍💻 🇩🇪 1️⃣", "go 🚀 🚀 ❤ 👩‍💻 🇩🇪 1"),
            ("…—·«»\"'*()\u{0}\u{1}", ""),
            ("", ""),
        ] {
            assert_eq!(texts(text).join(" "), expected, "{text}");
        }
    }

    #[test]
    fn a_token_is_bounded_and_still_stands_for_its_word() {
        let word = "x".repeat(5_000);
        let found: Vec<Token> = tokens(&word).collect();
        assert_eq!(found, [Token { text: "x".repeat(TOKEN_LENGTH), at: 0..5_000 }]);
        let marked = format!("a{}", "\u{301}".repeat(5_000));
        assert_eq!(texts(&marked), ["a"]);
        let virama = format!("क{}", "\u{94d}".repeat(5_000));
        assert_eq!(texts(&virama)[0].chars().count(), TOKEN_LENGTH);
    }

    proptest! {
        #[test]
        fn tokens_lie_in_their_text_in_order_and_are_made_of_letters(text in any::<String>()) {
            let mut end = 0;
            for token in tokens(&text) {
                prop_assert!(text.get(token.at.clone()).is_some_and(|part| !part.is_empty()));
                // One character may give several tokens.
                prop_assert!(token.at.end >= end);
                end = token.at.end;
                prop_assert!(!token.text.is_empty() && token.text.chars().count() <= TOKEN_LENGTH);
                let is_plain = |letter: char| !letter.is_ascii() || letter.is_ascii_lowercase() || letter.is_ascii_digit();
                prop_assert!(token.text.chars().all(is_plain), "{:?}", token.text);
            }
        }
    }
}

//! What is kept of a record to find it by: its tokens, within bounds that both engines can hold.
use std::{collections::HashMap, fmt::Write as _};

use super::{query::LABELS, tokens::tokens};

/// Most characters that are read of one field.
pub(super) const FIELD_LENGTH: usize = 262_144;
/// Most tokens kept of a record: PostgreSQL counts positions up to 16,383.
pub(super) const MOST_TOKENS: usize = 16_000;
/// Most bytes its tokens may have together: PostgreSQL keeps less than a mebibyte, positions included.
const MOST_BYTES: usize = 512 * 1024;
/// Most places of one token in a record: PostgreSQL keeps no more.
const MOST_PLACES: usize = 256;
/// Holds the place of a token that is not kept. No token is like it, and FTS5 takes it for a word.
const PLACEHOLDER: &str = "\u{b7}";

/// The tokens of a record, field by field, the weightiest field first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Document {
    fields: Vec<Vec<String>>,
}

impl Document {
    pub fn of<'t>(texts: impl IntoIterator<Item = &'t str>) -> Self {
        let (mut left, mut bytes) = (MOST_TOKENS, 0);
        let mut places: HashMap<String, usize> = HashMap::new();
        let mut field = |text: &str| {
            let mut kept = Vec::new();
            for token in tokens(beginning(text)).map(|token| token.text) {
                bytes += token.len();
                if left == 0 || bytes > MOST_BYTES {
                    break;
                }
                left -= 1;
                let places = places.entry(token.clone()).or_default();
                *places += 1;
                kept.push(if *places <= MOST_PLACES { token } else { PLACEHOLDER.to_owned() });
            }
            kept
        };
        Self { fields: texts.into_iter().map(&mut field).collect() }
    }

    /// One text a field: the tokens, parted by spaces.
    pub(super) fn columns(&self) -> Vec<String> {
        self.fields.iter().map(|tokens| tokens.join(" ")).collect()
    }

    /// As a tsvector is written. Between two fields a place is left free, so that no phrase reaches from one into the next.
    pub(super) fn vector(&self) -> String {
        let mut places: HashMap<&str, String> = HashMap::new();
        let mut place = 0;
        for (tokens, label) in self.fields.iter().zip(LABELS) {
            for token in tokens {
                place += 1;
                if token != PLACEHOLDER {
                    let places = places.entry(token).or_default();
                    let comma = if places.is_empty() { "" } else { "," };
                    let _ = write!(places, "{comma}{place}{label}");
                }
            }
            place += 1;
        }
        let mut lexemes: Vec<_> = places.into_iter().collect();
        lexemes.sort_unstable();
        lexemes.iter().map(|(token, places)| format!("'{token}':{places}")).collect::<Vec<_>>().join(" ")
    }
}

/// As much of a text as is read.
pub(super) fn beginning(text: &str) -> &str {
    let end = text.char_indices().nth(FIELD_LENGTH).map_or(text.len(), |(end, _)| end);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_kept_apart() {
        let document = Document::of(["The fox, the", "", "Über fox"]);
        assert_eq!(document.columns(), ["the fox the", "", "uber fox"]);
        assert_eq!(document.vector(), "'fox':2A,7C 'the':1A,3A 'uber':6C");
    }

    #[test]
    fn a_document_is_bounded() {
        let many = (0..20_000).map(|number| format!("w{number}")).collect::<Vec<_>>().join(" ");
        let document = Document::of([many.as_str(), "rest"]);
        assert_eq!((document.fields[0].len(), document.fields[1].len()), (MOST_TOKENS, 0));
        let same = Document::of(["a ".repeat(300).as_str(), "b a"]);
        assert_eq!(same.fields[0].iter().filter(|token| *token == "a").count(), MOST_PLACES);
        assert_eq!(same.fields[1], ["b", PLACEHOLDER]);
        assert!(same.vector().ends_with("'b':302B"), "{}", same.vector());
        let wide = (0..16_000).map(|number| format!("{number:é>64}")).collect::<Vec<_>>().join(" ");
        assert!(Document::of([wide.as_str()]).vector().len() < 2 * MOST_BYTES);
        let long = "é".repeat(FIELD_LENGTH + 1);
        assert_eq!(beginning(&long).chars().count(), FIELD_LENGTH);
    }
}

//! What people type into a search box, and how each engine is asked for it.
//!
//! `word word` must both be there, `"a phrase"` in this order side by side, `-word` not, `pre*` begins a word. Everything else is
//! text: no sign can make a query wrong. A word of several tokens (`example.com`, `東京`) is a phrase.
use kernel::{Code, Error, FieldError, Result};

use super::tokens::tokens;

/// Longest query in characters.
pub const QUERY_LENGTH: usize = 256;
/// Most tokens of a query.
const MOST_TOKENS: usize = 64;
/// Most fields that are searched: PostgreSQL knows as many weights.
pub const MOST_FIELDS: usize = 4;
/// Its weights, the heaviest first: one for each searched field.
pub(super) const LABELS: [char; MOST_FIELDS] = ['A', 'B', 'C', 'D'];

/// What is searched for. At least one of its terms must be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub terms: Vec<Term>,
}

/// One word or phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Term {
    /// Side by side in this order; one at least.
    pub tokens: Vec<String>,
    /// The last token may go on.
    pub is_prefix: bool,
    /// It must not be there.
    pub is_negated: bool,
}

impl Query {
    /// Errors: 400 when nothing is left to look for, or too much.
    pub fn parse(text: &str) -> Result<Self> {
        let bad = |message: &str| Error::new(Code::BadQuery).with_field(FieldError::new("q", "invalid", message));
        let terms = terms(text);
        if terms.iter().all(|term| term.is_negated) {
            return Err(bad("names no word to look for"));
        }
        if terms.iter().map(|term| term.tokens.len()).sum::<usize>() > MOST_TOKENS {
            return Err(bad("has too many words"));
        }
        Ok(Self { terms })
    }

    /// As FTS5's MATCH takes it, over the columns `fields` by place. `None`: all of them.
    pub(super) fn for_fts5(&self, fields: Option<&[usize]>) -> String {
        let (wanted, unwanted) =
            self.parts(|term| format!("\"{}\"{}", term.tokens.join(" "), if term.is_prefix { " *" } else { "" }));
        let mut text = format!("({})", wanted.join(" AND "));
        for term in unwanted {
            text = format!("({text} NOT {term})");
        }
        match fields {
            Some(fields) => {
                let names: Vec<String> = fields.iter().map(|field| format!("f{field}")).collect();
                format!("{{{}}} : {text}", names.join(" "))
            }
            None => text,
        }
    }

    /// As a tsquery is written, over the fields by place. `None`: all of them.
    pub(super) fn for_tsquery(&self, fields: Option<&[usize]>) -> String {
        let labels: String = fields.unwrap_or_default().iter().filter_map(|field| LABELS.get(*field)).collect();
        let (wanted, unwanted) = self.parts(|term| {
            let last = term.tokens.len() - 1;
            let token = |(nth, token): (usize, &String)| {
                let star = if term.is_prefix && nth == last { "*" } else { "" };
                let colon = if star.is_empty() && labels.is_empty() { "" } else { ":" };
                format!("'{token}'{colon}{star}{labels}")
            };
            format!("({})", term.tokens.iter().enumerate().map(token).collect::<Vec<_>>().join(" <-> "))
        });
        let unwanted = unwanted.into_iter().map(|term| format!("!{term}"));
        wanted.into_iter().chain(unwanted).collect::<Vec<_>>().join(" & ")
    }

    /// The terms that must be there and those that must not, as `show` writes them.
    fn parts(&self, show: impl Fn(&Term) -> String) -> (Vec<String>, Vec<String>) {
        let (unwanted, wanted): (Vec<_>, Vec<_>) = self.terms.iter().partition(|term| term.is_negated);
        (wanted.into_iter().map(&show).collect(), unwanted.into_iter().map(&show).collect())
    }
}

fn terms(text: &str) -> Vec<Term> {
    let mut terms = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (is_negated, after) = rest.strip_prefix('-').map_or((false, rest), |after| (true, after));
        let (shown, is_phrase, after) = if let Some(phrase) = after.strip_prefix(is_quote) {
            let (phrase, after) = phrase.split_once(is_quote).unwrap_or((phrase, ""));
            (phrase, true, after)
        } else {
            let (word, after) = after.split_once(char::is_whitespace).unwrap_or((after, ""));
            (word, false, after)
        };
        let tokens: Vec<String> = tokens(shown).map(|token| token.text).collect();
        if !tokens.is_empty() {
            terms.push(Term { tokens, is_prefix: !is_phrase && shown.ends_with('*'), is_negated });
        }
        rest = after.trim_start();
    }
    terms
}

/// Straight quotes, and those that telephones make of them.
const fn is_quote(sign: char) -> bool {
    matches!(sign, '"' | '\u{201c}' | '\u{201d}' | '\u{201e}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str) -> String {
        Query::parse(text).map_or_else(|error| format!("{:?}", error.code()), |query| query.for_tsquery(None))
    }

    #[test]
    fn words_phrases_negations_and_prefixes_are_understood() {
        for (text, expected) in [
            ("quick fox", "('quick') & ('fox')"),
            ("  \"The quick\" -fox ", "('the' <-> 'quick') & !('fox')"),
            ("-\"red fox\" pre*", "('pre':*) & !('red' <-> 'fox')"),
            ("“Quick fox” jumps", "('quick' <-> 'fox') & ('jumps')"),
            ("example.com/a*", "('example' <-> 'com' <-> 'a':*)"),
            ("東京 well-known", "('東' <-> '京') & ('well' <-> 'known')"),
            (
                "a OR b AND NOT c NEAR(d) (e) ^f title:g + {h}",
                "('a') & ('or') & ('b') & ('and') & ('not') & ('c') & \
              ('near' <-> 'd') & ('e') & ('f') & ('title' <-> 'g') & ('h')",
            ),
            ("\"unclosed phrase*", "('unclosed' <-> 'phrase')"),
            ("don't 'quoted' \\' -- - ** *", "('dont') & ('quoted')"),
            ("", "BadQuery"),
            (" \t-word", "BadQuery"),
            ("!!! \"\" -", "BadQuery"),
        ] {
            assert_eq!(shown(text), expected, "{text}");
        }
        assert!(Query::parse(&"a ".repeat(64)).is_ok());
        assert!(Query::parse(&"a ".repeat(65)).is_err());
    }

    #[test]
    fn both_engines_are_asked_for_the_same_fields() {
        let query = Query::parse("\"a b\" c* -d -e").unwrap();
        assert_eq!(query.for_fts5(None), "(((\"a b\" AND \"c\" *) NOT \"d\") NOT \"e\")");
        assert_eq!(query.for_fts5(Some(&[0, 2])), "{f0 f2} : (((\"a b\" AND \"c\" *) NOT \"d\") NOT \"e\")");
        assert_eq!(query.for_tsquery(Some(&[0, 2])), "('a':AC <-> 'b':AC) & ('c':*AC) & !('d':AC) & !('e':AC)");
    }

    proptest! {
        #[test]
        fn no_text_is_wrong_but_for_having_no_words_or_too_many(text in any::<String>()) {
            match Query::parse(&text) {
                Ok(query) => prop_assert!(query.terms.iter().any(|term| !term.is_negated)),
                Err(error) => prop_assert_eq!(error.code(), Code::BadQuery),
            }
        }
    }
}

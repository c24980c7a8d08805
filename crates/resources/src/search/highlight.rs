//! Where a record matches: the part of a text around the words that were found, as HTML with nothing in it but `<mark>`.
//!
//! Made from the text itself with the tokens of the index, so that both engines give the same.
use std::ops::Range;

use super::{
    Query,
    document::{MOST_TOKENS, beginning},
    query::Term,
    tokens::{Token, tokens},
};

/// Longest excerpt in bytes of the text; shorter texts are given whole.
const EXCERPT: usize = 300;
/// How much of it stands before the first mark.
const LEAD: usize = 60;

/// An excerpt of `text` with what `query` found in it; `None` where it found nothing.
pub fn highlight(text: &str, query: &Query) -> Option<String> {
    let tokens: Vec<Token> = tokens(beginning(text)).take(MOST_TOKENS).collect();
    let found = found(&tokens, query);
    let excerpt = excerpt(text, &tokens, &found)?;
    let mut html = String::with_capacity(excerpt.len() * 2);
    let mut at = excerpt.start;
    push_if(&mut html, excerpt.start > 0, "…");
    for mark in marks(&tokens, &found, &excerpt) {
        escape(&mut html, &text[at..mark.start]);
        html.push_str("<mark>");
        escape(&mut html, &text[mark.clone()]);
        html.push_str("</mark>");
        at = mark.end;
    }
    escape(&mut html, &text[at..excerpt.end]);
    push_if(&mut html, excerpt.end < text.len(), "…");
    Some(html)
}

/// For each token the terms it is part of, a bit each.
fn found(tokens: &[Token], query: &Query) -> Vec<u64> {
    let mut found = vec![0; tokens.len()];
    for (bit, term) in query.terms.iter().enumerate().filter(|(_, term)| !term.is_negated) {
        for (start, window) in tokens.windows(term.tokens.len()).enumerate() {
            if is_match(window, term) {
                for bits in &mut found[start..start + window.len()] {
                    *bits |= 1 << (bit % 64);
                }
            }
        }
    }
    found
}

fn is_match(window: &[Token], term: &Term) -> bool {
    let last = window.len() - 1;
    window.iter().zip(&term.tokens).enumerate().all(|(nth, (token, wanted))| {
        if term.is_prefix && nth == last { token.text.starts_with(wanted) } else { token.text == *wanted }
    })
}

/// The bytes to show: where most of the terms stand together, the first such place.
fn excerpt(text: &str, tokens: &[Token], found: &[u64]) -> Option<Range<usize>> {
    let is_found = |index: &usize| found[*index] != 0;
    let terms_from = |first: &usize| {
        let end = tokens[*first].at.start + EXCERPT - LEAD;
        let near = tokens[*first..].iter().zip(&found[*first..]).take_while(|(token, _)| token.at.end <= end);
        near.fold(found[*first], |terms, (_, bits)| terms | bits).count_ones()
    };
    // The first of the best: `max_by_key` would give the last.
    let best = (0..tokens.len()).filter(is_found).rev().max_by_key(terms_from)?;
    if text.len() <= EXCERPT {
        return Some(0..text.len());
    }
    let earliest = tokens[best].at.start.saturating_sub(LEAD).min(text.len() - EXCERPT);
    let start = match tokens[..best].iter().position(|token| token.at.start >= earliest) {
        Some(first) if earliest > 0 => tokens[first].at.start,
        None => tokens[best].at.start,
        Some(_) => 0,
    };
    let end = start + EXCERPT;
    if end >= text.len() {
        return Some(start..text.len());
    }
    // Between words where there is a place, inside of one that is too long.
    let whole = tokens.iter().map(|token| token.at.end).take_while(|token| *token <= end).last();
    let end = whole.filter(|whole| *whole > tokens[best].at.start).unwrap_or_else(|| text.floor_char_boundary(end));
    Some(start..end)
}

/// What is marked of the excerpt, without overlaps; marks that touch are one.
fn marks(tokens: &[Token], found: &[u64], excerpt: &Range<usize>) -> Vec<Range<usize>> {
    let mut marks: Vec<Range<usize>> = Vec::new();
    for (token, _) in tokens.iter().zip(found).filter(|(_, bits)| **bits != 0) {
        let mark = token.at.start.max(excerpt.start)..token.at.end.min(excerpt.end);
        match marks.last_mut() {
            _ if mark.is_empty() => {}
            Some(last) if last.end >= mark.start => last.end = last.end.max(mark.end),
            _ => marks.push(mark),
        }
    }
    marks
}

fn push_if(html: &mut String, is_wanted: bool, text: &str) {
    if is_wanted {
        html.push_str(text);
    }
}

fn escape(html: &mut String, text: &str) {
    for sign in text.chars() {
        match sign {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            sign => html.push(sign),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn shown(text: &str, query: &str) -> Option<String> {
        highlight(text, &Query::parse(query).unwrap())
    }

    #[test]
    fn what_was_found_is_marked_and_nothing_else_is_html() {
        for (text, query, expected) in [
            ("The quick fox", "fox the", Some("<mark>The</mark> quick <mark>fox</mark>")),
            ("The quick fox", "\"quick fox\" -slow", Some("The <mark>quick</mark> <mark>fox</mark>")),
            ("fox quick", "\"quick fox\"", None),
            ("Crème brûlée", "BRUL* creme", Some("<mark>Crème</mark> <mark>brûlée</mark>")),
            (
                "<script>&\"don't\"",
                "dont script",
                Some("&lt;<mark>script</mark>&gt;&amp;&quot;<mark>don&#39;t</mark>&quot;"),
            ),
            ("私は東京へ", "東京", Some("私は<mark>東京</mark>へ")),
            ("½ pint", "1", Some("<mark>½</mark> pint")),
            ("nothing here", "fox", None),
            ("", "fox", None),
        ] {
            assert_eq!(shown(text, query).as_deref(), expected, "{text} / {query}");
        }
    }

    #[test]
    fn a_long_text_is_shown_where_most_of_the_query_stands() {
        let text = format!("fox {} a quick brown fox jumps {}", "lorem ipsum ".repeat(50), "dolor sit ".repeat(50));
        let shown = shown(&text, "fox quick").unwrap();
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
        assert!(shown.contains("a <mark>quick</mark> brown <mark>fox</mark> jumps"), "{shown}");
        assert!(shown.len() < EXCERPT + 60, "{shown}");
        let at_the_end = super::tests::shown(&format!("{}fox", "lorem ".repeat(100)), "fox").unwrap();
        assert!(at_the_end.ends_with("lorem <mark>fox</mark>"), "{at_the_end}");
        let one_word = super::tests::shown(&"é".repeat(5_000), "é*").unwrap();
        assert!(one_word.starts_with("<mark>é") && one_word.ends_with("é</mark>…"), "{one_word}");
    }

    proptest! {
        #[test]
        fn any_text_is_shown_safely(text in "(a|b|<|&|é|東| |\u{301}|x{200}){0,400}", query in "[ab\"* -]{0,10}a") {
            if let Some(html) = shown_or_none(&text, &query) {
                let bare = html.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!bare.contains('<') && html.contains("<mark>"), "{html}");
                prop_assert!(html.len() <= EXCERPT * 6 + 1_000, "{}", html.len());
            }
        }
    }

    fn shown_or_none(text: &str, query: &str) -> Option<String> {
        highlight(text, &Query::parse(query).ok()?)
    }
}

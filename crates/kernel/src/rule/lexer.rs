//! Cuts a rule into tokens, each with its place.
use super::{MAX_LENGTH, Op, RuleError};

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Name(String),
    /// Digits as written, so that decimals stay exact.
    Number(String),
    Text(String),
    Compare(Op),
    And,
    Or,
    Not,
    Plus,
    Minus,
    Dot,
    Comma,
    Open,
    Close,
    OpenList,
    CloseList,
}

pub(super) fn tokens(text: &str) -> Result<Vec<(usize, Token)>, RuleError> {
    if text.len() > MAX_LENGTH {
        return Err(RuleError::new(MAX_LENGTH, format!("the rule is longer than {MAX_LENGTH} bytes")));
    }
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let place = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Ok(tokens) };
        let (token, length) = match first {
            'a'..='z' | 'A'..='Z' | '_' => name(rest),
            '0'..='9' => number(rest),
            '\'' | '"' => string(rest, place)?,
            _ => symbol(rest).ok_or_else(|| RuleError::new(place, format!("`{first}` is not understood here")))?,
        };
        tokens.push((place, token));
        rest = rest.get(length..).unwrap_or_default();
    }
}

fn name(rest: &str) -> (Token, usize) {
    let length = rest.find(|char: char| !char.is_ascii_alphanumeric() && char != '_').unwrap_or(rest.len());
    (Token::Name(rest[..length].to_owned()), length)
}

fn number(rest: &str) -> (Token, usize) {
    let digits =
        |from: usize| rest[from..].find(|char: char| !char.is_ascii_digit()).map_or(rest.len(), |length| from + length);
    let mut length = digits(0);
    if rest[length..].starts_with('.') && rest[length + 1..].starts_with(|char: char| char.is_ascii_digit()) {
        length = digits(length + 1);
    }
    (Token::Number(rest[..length].to_owned()), length)
}

fn string(rest: &str, place: usize) -> Result<(Token, usize), RuleError> {
    let mut chars = rest.char_indices();
    let quote = chars.next().map(|(_, quote)| quote);
    let mut text = String::new();
    while let Some((at, char)) = chars.next() {
        match char {
            _ if Some(char) == quote => return Ok((Token::Text(text), at + 1)),
            '\\' => match chars.next().map(|(_, escaped)| escaped) {
                Some(escaped @ ('\\' | '\'' | '"' | '`')) => text.push(escaped),
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                _ => return Err(RuleError::new(place + at, "only \\\\ \\' \\\" \\n \\r \\t can be escaped")),
            },
            '\n' | '\r' | '\0' => return Err(RuleError::new(place + at, "a string ends on its line")),
            _ => text.push(char),
        }
    }
    Err(RuleError::new(place, "the string has no end"))
}

fn symbol(rest: &str) -> Option<(Token, usize)> {
    let two = match rest.get(..2) {
        Some("==") => Some(Token::Compare(Op::Eq)),
        Some("!=") => Some(Token::Compare(Op::Ne)),
        Some("<=") => Some(Token::Compare(Op::Le)),
        Some(">=") => Some(Token::Compare(Op::Ge)),
        Some("&&") => Some(Token::And),
        Some("||") => Some(Token::Or),
        _ => None,
    };
    if let Some(token) = two {
        return Some((token, 2));
    }
    let one = match rest.chars().next()? {
        '<' => Token::Compare(Op::Lt),
        '>' => Token::Compare(Op::Gt),
        '!' => Token::Not,
        '+' => Token::Plus,
        '-' => Token::Minus,
        '.' => Token::Dot,
        ',' => Token::Comma,
        '(' => Token::Open,
        ')' => Token::Close,
        '[' => Token::OpenList,
        ']' => Token::CloseList,
        _ => return None,
    };
    Some((one, 1))
}

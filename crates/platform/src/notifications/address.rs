//! Addresses: read strictly, so that nothing but an address ever gets into a header.
use std::{fmt, str::FromStr};

use kernel::{Code, Error, FieldError, Result};

/// A mail address, with or without the name of whom it belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox(pub(super) lettre::message::Mailbox);

/// Longest of an address (RFC 5321, 4.5.3.1.3), and of a name that is shown.
const LONGEST: usize = 254;
const LONGEST_NAME: usize = 200;

impl Mailbox {
    /// `name` is written by people: what could end a line, or would not be seen, becomes a space.
    ///
    /// Errors: 422, when `address` is none.
    pub fn new(name: Option<&str>, address: &str) -> Result<Self> {
        let invalid =
            || Error::new(Code::Invalid).with_field(FieldError::new("email", "invalid", "is not an email address"));
        if address.len() > LONGEST || address.chars().any(|letter| letter.is_control() || letter.is_whitespace()) {
            return Err(invalid());
        }
        let address = address.parse().map_err(|_| invalid())?;
        let name = name.map(one_line).filter(|name| !name.is_empty());
        Ok(Self(lettre::message::Mailbox::new(name, address)))
    }

    /// The address alone.
    pub fn address(&self) -> String {
        self.0.email.to_string()
    }

    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }
}

/// `ann@example.com` or `Ann Smith <ann@example.com>`. The error says what is wrong.
impl FromStr for Mailbox {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Self, Self::Err> {
        if text.chars().any(char::is_control) {
            return Err("contains a line break or another control character");
        }
        let (name, address) = match text.trim().strip_suffix('>').and_then(|text| text.rsplit_once('<')) {
            Some((name, address)) => (Some(name.trim().trim_matches('"')), address),
            None => (None, text.trim()),
        };
        Self::new(name, address).map_err(|_| "is not a mail address")
    }
}

impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => write!(f, "{name} <{}>", self.0.email),
            None => write!(f, "{}", self.0.email),
        }
    }
}

/// `text` without line breaks and other control characters, and bounded.
pub(super) fn one_line(text: &str) -> String {
    let spaced = text.split(|letter: char| letter.is_control() || letter.is_whitespace() || is_invisible(letter));
    let words: Vec<_> = spaced.filter(|word| !word.is_empty()).collect();
    words.join(" ").chars().take(LONGEST_NAME).collect()
}

/// Marks that turn the direction of what follows, or take no room: with them a name looks like another.
const fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// A telephone number as ITU-T E.164 writes it: `+` and up to 15 digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Phone(String);

impl Phone {
    /// Spaces, hyphens, dots and brackets between the digits are taken out. Errors: 422.
    pub fn new(text: &str) -> Result<Self> {
        let bare: String =
            text.trim().chars().filter(|letter| !matches!(letter, ' ' | '-' | '.' | '(' | ')')).collect();
        let digits = bare.strip_prefix('+').unwrap_or_default();
        let is_number = (7..=15).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        if is_number {
            return Ok(Self(bare));
        }
        let message = "is not a telephone number with its country code, as +15551234567";
        Err(Error::new(Code::Invalid).with_field(FieldError::new("phone", "invalid", message)))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `+41*****67`: enough for its owner to know it by. The stars do not tell how long it is.
    pub fn masked(&self) -> String {
        let (start, end) = (self.0.get(..3).unwrap_or_default(), self.0.get(self.0.len() - 2..).unwrap_or_default());
        format!("{start}*****{end}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_cannot_be_injected() {
        for address in [
            "",
            "ann",
            "ann@",
            "@example.com",
            "ann@example.com\r\nBcc: eve@example.com",
            "ann@example.com\n",
            "ann@example.com, eve@example.com",
            "ann@example.com>",
            "<ann@example.com>",
            "ann@exa mple.com",
            "ann\0@example.com",
        ] {
            assert!(Mailbox::new(None, address).is_err(), "{address:?}");
        }
        let named = Mailbox::new(Some("Ann\r\nBcc: eve@example.com\u{202e}\t x"), "ann@example.com").unwrap();
        assert_eq!(named.name(), Some("Ann Bcc: eve@example.com x"));
        assert!("Ann\r\n <ann@example.com>".parse::<Mailbox>().is_err());
    }

    #[test]
    fn both_spellings_are_read() {
        let shown = |text: &str| text.parse::<Mailbox>().unwrap().to_string();
        assert_eq!(shown("ann@example.com"), "ann@example.com");
        assert_eq!(shown("\"Notes, Inc.\" <no-reply@notes.example.com>"), "Notes, Inc. <no-reply@notes.example.com>");
        assert_eq!(shown("no-reply@localhost"), "no-reply@localhost");
    }

    #[test]
    fn telephone_numbers_have_a_country_code() {
        assert_eq!(Phone::new(" +1 (555) 123-4567 ").unwrap().as_str(), "+15551234567");
        for text in ["", "5551234567", "+05551234567", "+1555", "+1555123456789012", "+1555123456x", "+1555\n1234567"] {
            assert!(Phone::new(text).is_err(), "{text:?}");
        }
        assert_eq!(Phone::new("+41 79 123 45 67").unwrap().masked(), "+41*****67");
        assert_eq!(Phone::new("+1234567").unwrap().masked(), "+12*****67");
    }
}

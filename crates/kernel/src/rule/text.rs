//! What can be asked of texts.
use std::sync::Arc;

use regex::{Regex, RegexBuilder};

/// Most bytes a compiled pattern may take.
const PATTERN_SIZE: usize = 64 * 1024;

/// A question to a text, code point by code point: nothing is folded or normalised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TextTest {
    Contains,
    StartsWith,
    EndsWith,
}

impl TextTest {
    pub(super) fn parse(name: &str) -> Option<Self> {
        match name {
            "contains" => Some(Self::Contains),
            "startsWith" => Some(Self::StartsWith),
            "endsWith" => Some(Self::EndsWith),
            _ => None,
        }
    }

    pub(super) fn holds(self, subject: &str, argument: &str) -> bool {
        match self {
            Self::Contains => subject.contains(argument),
            Self::StartsWith => subject.starts_with(argument),
            Self::EndsWith => subject.ends_with(argument),
        }
    }
}

/// A regular expression, matched in linear time (the syntax of RE2, as CEL has it).
#[derive(Clone, Debug)]
pub struct Pattern(Arc<Regex>);

impl Pattern {
    /// Errors: a sentence that says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match RegexBuilder::new(text).size_limit(PATTERN_SIZE).build() {
            Ok(regex) => Ok(Self(Arc::new(regex))),
            Err(regex::Error::CompiledTooBig(_)) => Err("the pattern is too large".into()),
            Err(_) => Err("this is not a regular expression".into()),
        }
    }

    pub(super) fn matches(&self, text: &str) -> bool {
        self.0.is_match(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

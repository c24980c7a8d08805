//! JSON read in one pass that bounds depth and size and refuses fields named twice, before anything else looks at it.
use std::{cell::RefCell, fmt};

use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json, map::Entry};

use crate::Code;

const DEPTH_MAX: usize = 32;
/// Small values cost more memory than text: 1 MiB can hold half a million.
const VALUES_MAX: usize = 100_000;

/// Why a text is not read. Shown without its subject, which the caller knows: `is nested more than 32 levels deep`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Reading stopped there.
    Malformed {
        line: usize,
        column: usize,
    },
    /// The beginning of the field's name.
    NamedTwice(String),
    TooDeep,
    TooMany,
}

impl Fault {
    /// Of the body of a request.
    pub const fn code(&self) -> Code {
        match self {
            Self::Malformed { .. } | Self::NamedTwice(_) => Code::MalformedBody,
            Self::TooDeep => Code::BodyTooDeep,
            Self::TooMany => Code::BodyTooLarge,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed { line: 1, column } => write!(f, "is not valid JSON; reading stopped at column {column}"),
            Self::Malformed { line, column } => {
                write!(f, "is not valid JSON; reading stopped at line {line}, column {column}")
            }
            Self::NamedTwice(name) => write!(f, "names the field {name:?} twice"),
            Self::TooDeep => write!(f, "is nested more than {DEPTH_MAX} levels deep"),
            Self::TooMany => write!(f, "holds more than {VALUES_MAX} values"),
        }
    }
}

/// Reads one JSON text (RFC 8259) of at most 32 levels and 100,000 values.
pub fn parse(text: &[u8]) -> Result<Json, Fault> {
    let state = State::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Node { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
    read.map_err(|error| {
        let malformed = Fault::Malformed { line: error.line(), column: error.column() };
        state.fault.take().unwrap_or(malformed)
    })
}

#[derive(Default)]
struct State {
    values: RefCell<usize>,
    /// Why reading was stopped: serde's errors carry text alone.
    fault: RefCell<Option<Fault>>,
}

impl State {
    fn refuse<E: de::Error>(&self, fault: Fault) -> E {
        *self.fault.borrow_mut() = Some(fault);
        E::custom("refused")
    }
}

#[derive(Clone, Copy)]
struct Node<'s> {
    state: &'s State,
    /// How many lists and objects are around it.
    depth: usize,
}

impl Node<'_> {
    fn inside<E: de::Error>(self) -> Result<Self, E> {
        if self.depth == DEPTH_MAX {
            return Err(self.state.refuse(Fault::TooDeep));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        let values = self.state.values.replace_with(|values| *values + 1);
        if values == VALUES_MAX {
            return Err(self.state.refuse(Fault::TooMany));
        }
        reader.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(Json::Number(value.into()))
    }

    fn visit_f64<E: de::Error>(self, value: f64) -> Result<Json, E> {
        Number::from_f64(value).map(Json::Number).ok_or_else(|| E::custom("not finite"))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.to_owned()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(inside)? {
            list.push(item);
        }
        Ok(Json::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Json, A::Error> {
        let inside = self.inside()?;
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            let value = fields.next_value_seed(inside)?;
            match object.entry(name) {
                Entry::Vacant(field) => field.insert(value),
                // Which of the two counts differs between readers; a check and a use must not disagree.
                Entry::Occupied(field) => {
                    let name = field.key().chars().take(64).collect();
                    return Err(self.state.refuse(Fault::NamedTwice(name)));
                }
            };
        }
        Ok(Json::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn refused(text: impl AsRef<[u8]>) -> &'static str {
        parse(text.as_ref()).map_or_else(|fault| fault.code().as_str(), |_| "accepted")
    }

    #[test]
    fn reads_what_serde_reads() {
        for text in [
            r#"{"a": [1, -2, 3.5, 1e3, true, false, null, "é\u00e9\ud83d\ude00\n"], "b": {"": {}}}"#,
            "18446744073709551615",
            "-9223372036854775808",
            " [ ] ",
            "\"text\"",
            "0.1",
        ] {
            assert_eq!(parse(text.as_bytes()).unwrap(), serde_json::from_str::<Json>(text).unwrap(), "{text}");
        }
    }

    #[test]
    fn what_is_no_json_is_malformed() {
        let cases: [&[u8]; 19] = [
            b"",
            b" ",
            b"{",
            b"[1,]",
            b"{\"a\":1,}",
            b"{a:1}",
            b"'a'",
            b"01",
            b"NaN",
            b"1e999",
            b"[1] x",
            b"{}{}",
            b"\"\\ud800\"",
            b"\"\\ud800\\u0041\"",
            b"\"\xff\"",
            b"\"\xed\xa0\x80\"",
            b"\xef\xbb\xbf{}",
            b"\"a\nb\"",
            b"// {}",
        ];
        for text in cases {
            assert_eq!(refused(text), "malformed_body", "{}", text.escape_ascii());
        }
    }

    #[test]
    fn a_field_named_twice_is_malformed() {
        for text in [r#"{"a":1,"a":1}"#, r#"{"a":{"b":1,"b":2}}"#, r#"[{"a":1,"\u0061":2}]"#] {
            assert_eq!(refused(text), "malformed_body", "{text}");
        }
        let fault = parse(br#"{"a\n":1,"a\n":1}"#).unwrap_err();
        assert_eq!(fault.to_string(), r#"names the field "a\n" twice"#);
    }

    #[test]
    fn a_fault_says_what_is_wrong_and_leaves_its_subject_to_the_caller() {
        for (text, said) in [
            (b"{".to_vec(), "is not valid JSON; reading stopped at column 1"),
            (b"[\n1,]".to_vec(), "is not valid JSON; reading stopped at line 2, column 3"),
            (b"[".repeat(33), "is nested more than 32 levels deep"),
            (serde_json::to_vec(&vec![0; VALUES_MAX]).unwrap(), "holds more than 100000 values"),
        ] {
            assert_eq!(parse(&text).unwrap_err().to_string(), said);
        }
    }

    #[test]
    fn depth_is_bounded() {
        let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert_eq!(refused(nested(32)), "accepted");
        assert_eq!(refused(nested(33)), "body_too_deep");
        assert_eq!(refused(nested(10_000)), "body_too_deep");
        assert_eq!(refused("[".repeat(1_000_000)), "body_too_deep");
        assert_eq!(refused(r#"{"a":"#.repeat(10_000)), "body_too_deep");
    }

    #[test]
    fn the_number_of_values_is_bounded() {
        let list = |items: usize| serde_json::to_vec(&vec![0; items]).unwrap();
        assert_eq!(refused(list(VALUES_MAX - 1)), "accepted");
        assert_eq!(refused(list(VALUES_MAX)), "body_too_large");
        assert_eq!(parse(&list(2)).unwrap(), json!([0, 0]));
    }
}

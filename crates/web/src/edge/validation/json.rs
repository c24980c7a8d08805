//! JSON read in one pass that bounds depth and size and refuses fields named twice, before anything else looks at it.
use std::{cell::RefCell, fmt};

use kernel::{Code, Error, Result};
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value as Json, map::Entry};

const DEPTH_MAX: usize = 32;
/// Small values cost more memory than text: a body of 1 MiB can hold half a million.
const VALUES_MAX: usize = 100_000;

/// Reads one JSON text (RFC 8259). Errors: 400 `malformed_body`, 400 `body_too_deep`, 413 past 100,000 values.
pub fn parse(text: &[u8]) -> Result<Json> {
    let state = State::default();
    let mut reader = serde_json::Deserializer::from_slice(text);
    let read = Node { state: &state, depth: 0 }.deserialize(&mut reader).and_then(|json| reader.end().map(|()| json));
    read.map_err(|error| {
        state.refusal.take().unwrap_or_else(|| {
            let (line, column) = (error.line(), error.column());
            let detail = format!("The body is not valid JSON; reading stopped at line {line}, column {column}.");
            Error::new(Code::MalformedBody).with_detail(detail)
        })
    })
}

#[derive(Default)]
struct State {
    values: RefCell<usize>,
    /// Why reading was stopped: serde's errors carry text alone.
    refusal: RefCell<Option<Error>>,
}

impl State {
    fn refuse<E: de::Error>(&self, refusal: Error) -> E {
        *self.refusal.borrow_mut() = Some(refusal);
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
            let detail = format!("The body is nested more than {DEPTH_MAX} levels deep.");
            return Err(self.state.refuse(Error::new(Code::BodyTooDeep).with_detail(detail)));
        }
        Ok(Self { depth: self.depth + 1, ..self })
    }
}

impl<'de> DeserializeSeed<'de> for Node<'_> {
    type Value = Json;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Json, D::Error> {
        let values = self.state.values.replace_with(|values| *values + 1);
        if values == VALUES_MAX {
            let detail = format!("The body holds more than {VALUES_MAX} values.");
            return Err(self.state.refuse(Error::new(Code::BodyTooLarge).with_detail(detail)));
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
                    let name: String = field.key().chars().take(64).collect();
                    let detail = format!("The body names the field {name:?} twice.");
                    return Err(self.state.refuse(Error::new(Code::MalformedBody).with_detail(detail)));
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
        parse(text.as_ref()).map_or_else(|error| error.code().as_str(), |_| "accepted")
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
        let error = parse(br#"{"a\n":1,"a\n":1}"#).unwrap_err();
        assert_eq!(error.detail(), r#"The body names the field "a\n" twice."#);
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

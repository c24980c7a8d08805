//! Schemas: one declaration of a shape gives its validation, its typed values and its JSON Schema (2020-12, as OpenAPI 3.1 uses).
mod format;

use std::borrow::Cow;

use serde_json::{Map, Value as Json, json};

pub use format::parse_decimal;
use format::{EMAIL_MAX, URL_MAX, is_email, is_url, json_text};

use crate::{
    error::{Error, FieldError, MAX_FIELD_ERRORS, Result},
    id,
    time::{Timestamp, is_date},
    value::Value,
};

/// An object's fields. Fields it does not name are refused.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Schema {
    pub fields: Vec<Field>,
}

/// One field of an object.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    pub name: Cow<'static, str>,
    pub kind: Kind,
    pub is_required: bool,
    /// Whether `null` is a value.
    pub is_nullable: bool,
    pub description: Cow<'static, str>,
}

/// What a value may be.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// Unicode text; lengths in code points. NUL is refused: PostgreSQL cannot hold it.
    Text {
        min: usize,
        max: usize,
    },
    /// An address as HTML's `<input type=email>` takes it, at most 254 characters.
    Email,
    /// An absolute http or https URL, at most 2,048 characters.
    Url,
    Int {
        min: i64,
        max: i64,
    },
    /// A finite 64-bit float.
    Float,
    /// An exact number as a JSON string; `precision` digits in all, `scale` of them after the point.
    Decimal {
        precision: u32,
        scale: u32,
    },
    Bool,
    /// RFC 3339 with microseconds.
    Timestamp,
    /// `YYYY-MM-DD`.
    Date,
    /// Any JSON, at most `max_bytes` when written compactly.
    Json {
        max_bytes: usize,
    },
    Enum(Vec<Cow<'static, str>>),
    /// A TypeID with this prefix.
    Id(Cow<'static, str>),
    Object(Schema),
    Array {
        items: Box<Kind>,
        max: usize,
    },
}

/// Why a value is refused: a stable code and a sentence.
pub type Violation = (&'static str, String);

impl Field {
    pub fn required(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { name: name.into(), kind, is_required: true, is_nullable: false, description: Cow::Borrowed("") }
    }

    pub fn optional(name: impl Into<Cow<'static, str>>, kind: Kind) -> Self {
        Self { is_required: false, ..Self::required(name, kind) }
    }

    #[must_use]
    pub fn nullable(mut self) -> Self {
        self.is_nullable = true;
        self
    }

    #[must_use]
    pub fn describe(mut self, description: impl Into<Cow<'static, str>>) -> Self {
        self.description = description.into();
        self
    }

    /// The typed value of `json`, `null` included.
    pub fn parse(&self, json: &Json) -> Result<Value, Violation> {
        match json {
            Json::Null if self.is_nullable => Ok(Value::Null),
            Json::Null => Err(("null", "must not be null".into())),
            _ => self.kind.parse(json),
        }
    }
}

impl Schema {
    pub const fn new(fields: Vec<Field>) -> Self {
        Self { fields }
    }

    /// Checks `json` against this shape and reports every field that is wrong.
    pub fn check(&self, json: &Json) -> Result<()> {
        let mut errors = Vec::new();
        self.collect("", json, &mut errors);
        if errors.is_empty() { Ok(()) } else { Err(Error::invalid(errors)) }
    }

    fn collect(&self, path: &str, json: &Json, errors: &mut Vec<FieldError>) {
        let Json::Object(object) = json else {
            errors.push(FieldError::new(path, "wrong_type", "must be an object"));
            return;
        };
        let is_unknown = |name: &&String| self.fields.iter().all(|field| field.name != **name);
        errors.extend(object.keys().filter(is_unknown).take(MAX_FIELD_ERRORS).map(|name| unknown_field(path, name)));
        for field in &self.fields {
            let path = join(path, &field.name);
            match object.get(&*field.name) {
                None if field.is_required => errors.push(FieldError::new(path, "missing", "is required")),
                None => {}
                Some(Json::Null) if field.is_nullable => {}
                Some(Json::Null) => errors.push(FieldError::new(path, "null", "must not be null")),
                Some(value) => field.kind.collect(&path, value, errors),
            }
        }
    }

    pub fn json_schema(&self) -> Json {
        let properties: Map<String, Json> = self
            .fields
            .iter()
            .map(|field| {
                let mut schema = field.kind.json_schema();
                if field.is_nullable {
                    schema = json!({"anyOf": [schema, {"type": "null"}]});
                }
                if let (Json::Object(schema), false) = (&mut schema, field.description.is_empty()) {
                    schema.insert("description".into(), json!(field.description));
                }
                (field.name.to_string(), schema)
            })
            .collect();
        let required: Vec<_> = self.fields.iter().filter(|field| field.is_required).map(|field| &field.name).collect();
        let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
        if let (Json::Object(schema), false) = (&mut schema, required.is_empty()) {
            schema.insert("required".into(), json!(required));
        }
        schema
    }
}

/// The error for a field that is not declared; long names are cut.
pub fn unknown_field(path: &str, name: &str) -> FieldError {
    let name: String = name.chars().take(64).collect();
    FieldError::new(join(path, &name), "unknown_field", "is not a field here")
}

fn join(path: &str, name: &str) -> String {
    if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") }
}

impl Kind {
    /// Any text of at most `max` code points.
    pub const fn text(max: usize) -> Self {
        Self::Text { min: 0, max }
    }

    pub const fn any_int() -> Self {
        Self::Int { min: i64::MIN, max: i64::MAX }
    }

    fn collect(&self, path: &str, json: &Json, errors: &mut Vec<FieldError>) {
        match (self, json) {
            (Self::Object(schema), json) => schema.collect(path, json, errors),
            (Self::Array { items, max }, Json::Array(values)) if values.len() <= *max => {
                for (index, value) in values.iter().enumerate() {
                    if errors.len() >= MAX_FIELD_ERRORS {
                        return;
                    }
                    items.collect(&format!("{path}[{index}]"), value, errors);
                }
            }
            _ => {
                if let Err((code, message)) = self.parse(json) {
                    errors.push(FieldError::new(path, code, message));
                }
            }
        }
    }

    /// The typed value of `json`.
    pub fn parse(&self, json: &Json) -> Result<Value, Violation> {
        match self {
            Self::Bool => json.as_bool().map(Value::Bool).ok_or_else(|| wrong_type("true or false")),
            Self::Int { min, max } => {
                let number = json.as_i64().ok_or_else(|| wrong_type("a whole number of 64 bits"))?;
                if (*min..=*max).contains(&number) {
                    Ok(Value::Int(number))
                } else {
                    Err(("out_of_range", format!("must be between {min} and {max}")))
                }
            }
            Self::Float => match json.as_f64() {
                // SQLite knows no negative zero; adding zero takes the sign away.
                Some(number) if number.is_finite() => Ok(Value::Float(number + 0.0)),
                _ => Err(wrong_type("a number")),
            },
            Self::Json { max_bytes } => json_text(json, *max_bytes),
            Self::Object(schema) => match schema.check(json) {
                Ok(()) => Ok(json.into()),
                Err(_) => Err(("invalid", "does not fit its shape".into())),
            },
            Self::Array { max, .. } => match json {
                Json::Array(values) if values.len() <= *max => Ok(json.into()),
                Json::Array(_) => Err(("too_long", format!("must have at most {max} items"))),
                _ => Err(wrong_type("a list")),
            },
            _ => {
                let text = json.as_str().ok_or_else(|| wrong_type("a string"))?;
                self.parse_text(text)
            }
        }
    }

    /// The typed value of a string: JSON strings, and query parameters.
    pub fn parse_text(&self, text: &str) -> Result<Value, Violation> {
        if text.contains('\0') {
            return Err(("nul", "must not contain NUL".into()));
        }
        match self {
            Self::Text { min, max } => {
                let length = text.chars().count();
                if length < *min {
                    Err(("too_short", format!("must have at least {min} characters")))
                } else if length > *max {
                    Err(("too_long", format!("must have at most {max} characters")))
                } else {
                    Ok(text.into())
                }
            }
            Self::Email if is_email(text) => Ok(text.into()),
            Self::Email => Err(("format", "must be an email address".into())),
            Self::Url if is_url(text) => Ok(text.into()),
            Self::Url => Err(("format", "must be an absolute http or https URL".into())),
            Self::Decimal { precision, scale } => parse_decimal(text, *precision, *scale),
            Self::Timestamp => Timestamp::parse(text)
                .map(Value::Timestamp)
                .ok_or_else(|| ("format", "must be an RFC 3339 time with an offset, to the microsecond".into())),
            Self::Date if is_date(text) => Ok(text.into()),
            Self::Date => Err(("format", "must be a date as YYYY-MM-DD".into())),
            Self::Enum(members) if members.iter().any(|member| member == text) => Ok(text.into()),
            Self::Enum(members) => Err(("not_a_member", format!("must be one of {}", members.join(", ")))),
            Self::Id(prefix) => id::decode(prefix, text)
                .map(Value::Uuid)
                .ok_or_else(|| ("format", format!("must be an id as {prefix}_..."))),
            Self::Bool => match text {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                _ => Err(wrong_type("true or false")),
            },
            Self::Int { .. } => match text.parse::<i64>() {
                Ok(number) => self.parse(&json!(number)),
                Err(_) => Err(wrong_type("a whole number of 64 bits")),
            },
            Self::Float => match text.parse::<f64>() {
                Ok(number) if number.is_finite() => Ok(Value::Float(number)),
                _ => Err(wrong_type("a number")),
            },
            Self::Json { .. } | Self::Object(_) | Self::Array { .. } => Err(wrong_type("a structure")),
        }
    }

    pub fn json_schema(&self) -> Json {
        match self {
            Self::Text { min, max } => {
                let mut schema = json!({"type": "string", "maxLength": max, "pattern": "^[^\\u0000]*$"});
                if *min > 0 {
                    schema["minLength"] = json!(min);
                }
                schema
            }
            Self::Email => json!({"type": "string", "format": "email", "maxLength": EMAIL_MAX}),
            Self::Url => json!({"type": "string", "format": "uri", "maxLength": URL_MAX}),
            Self::Int { min, max } => json!({"type": "integer", "format": "int64", "minimum": min, "maximum": max}),
            Self::Float => json!({"type": "number", "format": "double"}),
            Self::Decimal { precision, scale } => {
                let whole = precision - scale;
                let whole = if whole == 0 { "0".to_owned() } else { format!("(0|[1-9][0-9]{{0,{}}})", whole - 1) };
                let pattern = match scale {
                    0 => format!("^-?{whole}$"),
                    scale => format!("^-?{whole}(\\.[0-9]{{1,{scale}}})?$"),
                };
                json!({"type": "string", "pattern": pattern})
            }
            Self::Bool => json!({"type": "boolean"}),
            Self::Timestamp => json!({"type": "string", "format": "date-time"}),
            Self::Date => json!({"type": "string", "format": "date"}),
            Self::Json { .. } => json!({"description": "any JSON"}),
            Self::Enum(members) => json!({"type": "string", "enum": members}),
            Self::Id(prefix) => {
                json!({"type": "string", "pattern": format!("^{prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$")})
            }
            Self::Object(schema) => schema.json_schema(),
            Self::Array { items, max } => json!({"type": "array", "items": items.json_schema(), "maxItems": max}),
        }
    }
}

fn wrong_type(expected: &str) -> Violation {
    ("wrong_type", format!("must be {expected}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(kind: &Kind, json: &Json) -> &'static str {
        kind.parse(json).map_or_else(|(code, _)| code, |_| "ok")
    }

    #[test]
    fn each_kind_takes_its_own_and_refuses_the_rest() {
        let document = Kind::Id("doc".into());
        let enumeration = Kind::Enum(vec!["a".into(), "b".into()]);
        let money = Kind::Decimal { precision: 6, scale: 2 };
        let cases: Vec<(&Kind, Json, &str)> = vec![
            (&Kind::Text { min: 2, max: 3 }, json!("é€"), "ok"),
            (&Kind::Text { min: 2, max: 3 }, json!("é"), "too_short"),
            (&Kind::Text { min: 2, max: 3 }, json!("abcd"), "too_long"),
            (&Kind::Text { min: 0, max: 3 }, json!("a\0"), "nul"),
            (&Kind::Text { min: 0, max: 3 }, json!(1), "wrong_type"),
            (&Kind::Email, json!("a.b+c@example.com"), "ok"),
            (&Kind::Email, json!("a b@example.com"), "format"),
            (&Kind::Email, json!("a@-x.com"), "format"),
            (&Kind::Url, json!("https://example.com/a?b#c"), "ok"),
            (&Kind::Url, json!("javascript:alert(1)"), "format"),
            (&Kind::Url, json!("https://good@evil/"), "format"),
            (&Kind::Int { min: 0, max: 9 }, json!(9), "ok"),
            (&Kind::Int { min: 0, max: 9 }, json!(10), "out_of_range"),
            (&Kind::Int { min: 0, max: 9 }, json!(1.0), "wrong_type"),
            (&Kind::Float, json!(1), "ok"),
            (&Kind::Float, json!("1"), "wrong_type"),
            (&money, json!("-1234.50"), "ok"),
            (&money, json!("0.5"), "ok"),
            (&money, json!("12345"), "out_of_range"),
            (&money, json!("1.234"), "out_of_range"),
            (&money, json!("01.2"), "format"),
            (&money, json!("1."), "format"),
            (&money, json!(".5"), "format"),
            (&money, json!("1e3"), "format"),
            (&money, json!(1.5), "wrong_type"),
            (&Kind::Bool, json!(true), "ok"),
            (&Kind::Bool, json!(1), "wrong_type"),
            (&Kind::Timestamp, json!("2024-01-01T00:00:00Z"), "ok"),
            (&Kind::Timestamp, json!("yesterday"), "format"),
            (&Kind::Date, json!("2024-02-29"), "ok"),
            (&Kind::Date, json!("2023-02-29"), "format"),
            (&enumeration, json!("a"), "ok"),
            (&enumeration, json!("c"), "not_a_member"),
            (&document, json!("doc_01h455vb4pex5vsknk084sn02q"), "ok"),
            (&document, json!("usr_01h455vb4pex5vsknk084sn02q"), "format"),
            (&Kind::Json { max_bytes: 20 }, json!({"a": [1, null]}), "ok"),
            (&Kind::Json { max_bytes: 20 }, json!({"a\0": 1}), "nul"),
            (&Kind::Json { max_bytes: 2 }, json!("abc"), "too_long"),
        ];
        for (kind, json, expected) in cases {
            assert_eq!(code(kind, &json), expected, "{kind:?} {json}");
        }
    }

    #[test]
    fn every_wrong_field_is_named() -> Result<(), String> {
        let schema = Schema::new(vec![
            Field::required("name", Kind::text(5)),
            Field::optional("age", Kind::any_int()).nullable(),
            Field::optional("tags", Kind::Array { items: Box::new(Kind::text(2)), max: 2 }),
        ]);
        assert!(schema.check(&json!({"name": "x", "age": null, "tags": ["a"]})).is_ok());
        let error = schema.check(&json!({"age": "x", "tags": ["a", "abc"], "other": 1})).err().ok_or("accepted")?;
        let found: Vec<_> = error.fields().iter().map(|field| (field.field.as_str(), field.code)).collect();
        assert_eq!(
            found,
            [("other", "unknown_field"), ("name", "missing"), ("age", "wrong_type"), ("tags[1]", "too_long")]
        );
        Ok(())
    }
}

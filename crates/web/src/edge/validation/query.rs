//! Query strings: every parameter known to the route, given at most once, and of its kind.
use kernel::{Code, Error, FieldError, Result, error::MAX_FIELD_ERRORS, schema::Field};

use crate::url::decode_form;

const LENGTH_MAX: usize = 8 * 1024;

/// The parameters, decoded. Errors: 400 `bad_query` naming each that is wrong.
pub fn query(fields: &[Field], raw: Option<&str>) -> Result<Vec<(String, String)>> {
    let raw = raw.unwrap_or_default();
    if raw.is_empty() && fields.iter().all(|field| !field.is_required) {
        return Ok(Vec::new());
    }
    if raw.len() > LENGTH_MAX {
        let detail = format!("The query is longer than {LENGTH_MAX} bytes.");
        return Err(Error::new(Code::BadQuery).with_detail(detail));
    }
    let mut found: Vec<(String, String)> = Vec::new();
    let mut errors = Vec::new();
    for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        match parameter(fields, &found, name, value) {
            Ok(parameter) => found.push(parameter),
            Err(error) => errors.push(error),
        }
        if errors.len() == MAX_FIELD_ERRORS {
            break;
        }
    }
    for field in fields.iter().filter(|field| field.is_required) {
        let is_named = |name: &str| name == field.name;
        if !found.iter().any(|(name, _)| is_named(name)) && !errors.iter().any(|error| is_named(&error.field)) {
            errors.push(FieldError::new(field.name.clone(), "missing", "is required"));
        }
    }
    if errors.is_empty() {
        return Ok(found);
    }
    Err(errors.into_iter().fold(Error::new(Code::BadQuery), Error::with_field))
}

fn parameter(
    fields: &[Field],
    found: &[(String, String)],
    name: &str,
    value: &str,
) -> Result<(String, String), FieldError> {
    let shown = |name: &str| name.chars().take(64).collect::<String>();
    let malformed = || FieldError::new(shown(name), "malformed", "is not percent-encoded UTF-8");
    let (name, value) = (decode_form(name).ok_or_else(malformed)?, decode_form(value).ok_or_else(malformed)?);
    let Some(field) = fields.iter().find(|field| field.name == name) else {
        return Err(FieldError::new(shown(&name), "unknown_parameter", "is not a parameter here"));
    };
    if found.iter().any(|(known, _)| *known == name) {
        return Err(FieldError::new(name, "repeated", "may be given once"));
    }
    match field.kind.parse_text(&value) {
        Ok(_) => Ok((name, value)),
        Err((code, message)) => Err(FieldError::new(name, code, message)),
    }
}

#[cfg(test)]
mod tests {
    use kernel::schema::Kind;

    use super::*;

    fn fields() -> Vec<Field> {
        vec![
            Field::optional("limit", Kind::Int { min: 1, max: 200 }),
            Field::optional("filter", Kind::text(50)),
            Field::optional("count", Kind::Enum(vec!["exact".into()])),
        ]
    }

    fn problems(raw: &str) -> Vec<(String, &'static str)> {
        let error = query(&fields(), Some(raw)).unwrap_err();
        assert_eq!(error.code(), Code::BadQuery);
        error.fields().iter().map(|field| (field.field.clone(), field.code)).collect()
    }

    #[test]
    fn parameters_are_decoded() {
        let found = query(&fields(), Some("&limit=5&filter=a%20%3D%3D+%22%C3%A9%22&&")).unwrap();
        assert_eq!(found, [("limit".into(), "5".into()), ("filter".into(), "a == \"é\"".into())]);
        assert_eq!(query(&fields(), None).unwrap(), []);
        assert_eq!(query(&fields(), Some("filter")).unwrap(), [("filter".into(), String::new())]);
    }

    #[test]
    fn every_problem_is_named() {
        assert_eq!(
            problems("limit=0&other=1&count=many&filter=%00"),
            [
                ("limit".into(), "out_of_range"),
                ("other".into(), "unknown_parameter"),
                ("count".into(), "not_a_member"),
                ("filter".into(), "nul"),
            ]
        );
        assert_eq!(problems("limit=201"), [("limit".into(), "out_of_range")]);
        assert_eq!(problems("limit="), [("limit".into(), "wrong_type")]);
        assert_eq!(problems("limit=5&limit=5"), [("limit".into(), "repeated")]);
        assert_eq!(problems("filter=%zz"), [("filter".into(), "malformed")]);
        assert_eq!(problems("filter=%ff"), [("filter".into(), "malformed")]);
        assert_eq!(problems("Limit=5"), [("Limit".into(), "unknown_parameter")]);
    }

    #[test]
    fn required_ones_are_missed_once() {
        let fields = [Field::required("url", Kind::Url)];
        let codes =
            |raw| -> Vec<_> { query(&fields, raw).unwrap_err().fields().iter().map(|field| field.code).collect() };
        assert_eq!(codes(None), ["missing"]);
        assert_eq!(codes(Some("url=x")), ["format"]);
    }

    #[test]
    fn queries_and_answers_are_bounded() {
        assert_eq!(problems(&"x=1&".repeat(100)).len(), MAX_FIELD_ERRORS);
        assert!(query(&fields(), Some(&"a".repeat(LENGTH_MAX + 1))).is_err());
        assert!(problems(&format!("{}=1", "é".repeat(1000)))[0].0.len() <= 128);
    }
}

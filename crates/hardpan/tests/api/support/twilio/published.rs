//! Twilio's own description of its API (`tests/data/twilio`), and whether requests and answers keep to it.
use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use jsonschema::Validator;
use serde_json::{Map, Value as Json, json};

use super::decoded;

static DESCRIPTION: LazyLock<Json> = LazyLock::new(|| {
    let text = include_str!("../../../data/twilio/messages.json");
    json_schema(serde_json::from_str(text).unwrap())
});
static FORM: LazyLock<Validator> =
    LazyLock::new(|| closed(&operation().1["requestBody"]["content"][FORM_TYPE]["schema"]));
static ANSWER: LazyLock<Validator> = LazyLock::new(|| closed(&created()["schema"]));

const FORM_TYPE: &str = "application/x-www-form-urlencoded";

/// The path of the one operation there is a description of, and the operation.
fn operation() -> (&'static str, &'static Json) {
    let (path, methods) = DESCRIPTION["paths"].as_object().unwrap().iter().next().unwrap();
    (path, &methods["post"])
}

fn created() -> &'static Json {
    &operation().1["responses"]["201"]["content"]["application/json"]
}

/// OpenAPI 3.0 says `nullable` where JSON Schema says that null is one of the types.
fn json_schema(mut description: Json) -> Json {
    match &mut description {
        Json::Object(object) => {
            object.values_mut().for_each(|value| *value = json_schema(value.take()));
            if object.get("nullable") == Some(&json!(true)) {
                object["type"] = json!([object["type"], "null"]);
            }
        }
        Json::Array(values) => values.iter_mut().for_each(|value| *value = json_schema(value.take())),
        _ => {}
    }
    description
}

/// What keeps to `schema` and has nothing that it does not declare.
fn closed(schema: &Json) -> Validator {
    let found = schema["$ref"].as_str().map(|name| DESCRIPTION.pointer(name.trim_start_matches('#')).unwrap());
    let mut closed = found.unwrap_or(schema).clone();
    closed["additionalProperties"] = json!(false);
    closed["components"] = DESCRIPTION["components"].clone();
    jsonschema::validator_for(&closed).unwrap()
}

/// An answer as Twilio gives it as an example, of a message that was queued.
pub fn queued() -> String {
    let answer = &created()["examples"]["createWithQueuedStatus"]["value"];
    assert_eq!(answer["status"], "queued");
    is_answer(answer).unwrap();
    answer.to_string()
}

/// Whether a 201 would say that.
pub fn is_answer(answer: &Json) -> Result<(), String> {
    ANSWER.validate(answer).map_err(|error| error.to_string())
}

/// Refusals are not in the description, but on <https://www.twilio.com/docs/usage/twilios-response>.
pub fn refusal(status: u16, code: u32, message: &str) -> String {
    let more_info = format!("https://www.twilio.com/docs/errors/{code}");
    json!({"code": code, "message": message, "more_info": more_info, "status": status}).to_string()
}

/// Whether Twilio would understand `request`, which is whole: its head and its form. If not, why.
pub fn is_request(request: &str) -> Result<(), String> {
    let (head, form) = request.split_once("\r\n\r\n").ok_or("no head")?;
    let mut lines = head.lines();
    let line = lines.next().unwrap_or_default();
    let headers: Vec<_> = lines.filter_map(|line| line.split_once(": ")).collect();
    let header = |wanted: &str| {
        let mut found = headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| *value);
        found.next().filter(|_| found.next().is_none()).ok_or_else(|| format!("{wanted} is not there once"))
    };
    let account = account(line)?;
    if header("content-type")? != FORM_TYPE {
        return Err(format!("the content type is not {FORM_TYPE}"));
    }
    // Twilio answers in XML but for this ending, which the path has.
    is_let_in(header("authorization")?, account)?;
    let form = fields(form)?;
    FORM.validate(&form).map_err(|error| format!("{error}, in {form}"))?;
    for one_of in operation().1["x-twilio"]["conditional"].as_array().ok_or("nothing is conditional")? {
        let names = one_of.as_array().unwrap().iter().map(|name| name.as_str().unwrap().replace('_', ""));
        let is_there = |name: String| form.as_object().unwrap().keys().any(|key| key.eq_ignore_ascii_case(&name));
        if !names.clone().any(is_there) {
            return Err(format!("none of {one_of} is in {form}"));
        }
    }
    Ok(())
}

/// The account that the request line names.
fn account(line: &str) -> Result<&str, String> {
    let (path, operation) = operation();
    let (before, after) = path.split_once("{AccountSid}").unwrap();
    let wrong = || format!("not POST {path}: {line}");
    let account = line.strip_prefix("POST ").and_then(|line| line.strip_suffix(" HTTP/1.1"));
    let account = account.and_then(|line| line.strip_prefix(before)?.strip_suffix(after)).ok_or_else(wrong)?;
    let parameter = &operation["parameters"][0];
    assert_eq!(parameter["name"], "AccountSid");
    let is_one = jsonschema::is_valid(&parameter["schema"], &json!(account));
    is_one.then_some(account).ok_or_else(wrong)
}

/// The account and its token, as the description's one way in wants them.
fn is_let_in(authorization: &str, account: &str) -> Result<(), String> {
    let (name, _) = operation().1["security"][0].as_object().unwrap().iter().next().unwrap();
    let scheme = &DESCRIPTION["components"]["securitySchemes"][name];
    assert_eq!(scheme, &json!({"type": "http", "scheme": "basic"}));
    let credentials = authorization.strip_prefix("Basic ").and_then(|text| STANDARD.decode(text).ok());
    let credentials = credentials.and_then(|bytes| String::from_utf8(bytes).ok()).ok_or("no basic authentication")?;
    match credentials.split_once(':') {
        Some((user, token)) if user == account && !token.is_empty() => Ok(()),
        _ => Err("not the account's credentials".to_owned()),
    }
}

/// Everything in a form is text, which is good for what is declared as text.
fn fields(form: &str) -> Result<Json, String> {
    let mut fields = Map::new();
    for pair in form.split('&') {
        let (name, value) = pair.split_once('=').ok_or_else(|| format!("no field: {pair}"))?;
        if fields.insert(decoded(name), decoded(value).into()).is_some() {
            return Err(format!("{name} is there twice"));
        }
    }
    Ok(fields.into())
}

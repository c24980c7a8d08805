//! The promises that hold for an answer by itself: its headers, the shape of a problem, and what none may say.
use serde_json::Value as Json;

use super::{Answer, CODES};

/// On every answer, whatever its status; a page may widen its policy, and public keys may be cached.
const HEADERS: [(&str, &str); 8] = [
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "strict-origin-when-cross-origin"),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
    ("cross-origin-resource-policy", "same-origin"),
    ("content-security-policy", "default-src 'none'"),
    ("permissions-policy", "accelerometer=()"),
];

/// What tells strangers how Hardpan is built: drivers, libraries, statements, paths, tables, versions, traces.
const FORBIDDEN: [&str; 39] = [
    "sqlite",
    "postgres",
    "tokio",
    "hyper",
    "axum",
    "serde",
    "matchit",
    "argon2",
    "panicked",
    "backtrace",
    "called `",
    ".rs",
    ".db",
    "src/",
    "/tmp",
    "/home",
    "crates/",
    "target/",
    "select ",
    "insert ",
    "update \"",
    "constraint",
    "syntax error",
    "no such table",
    "does not exist",
    "audit_log",
    "hidden_owners",
    "idempotency_keys",
    "declared_tables",
    "user_roles",
    "signing_keys",
    "stored_key",
    "slug_key",
    "key_key",
    "_pkey",
    "_fkey",
    "users_email",
    "users_username",
    env!("CARGO_PKG_VERSION"),
];

pub fn check_headers(answer: &Answer, asked: &str) {
    for (name, value) in HEADERS {
        let sent = answer.header(name);
        assert!(sent.is_some_and(|sent| sent.starts_with(value)), "{name} is {sent:?}: {asked}");
    }
    let cached = answer.header("cache-control");
    assert!(cached == Some("no-store") || answer.status == 200 && cached.is_some(), "{cached:?}: {asked}");
    let id = answer.header("x-request-id").unwrap_or_default();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    assert!((1..=128).contains(&id.len()) && id.bytes().all(is_plain), "request id {id:?}: {asked}");
    for name in ["server", "x-powered-by", "via"] {
        assert!(!answer.headers.contains_key(name), "{name}: {asked}");
    }
    for (name, value) in &answer.headers {
        if !["x-request-id", "set-cookie", "location", "access-control-allow-origin"].contains(&name.as_str()) {
            check_words(value.to_str().unwrap(), asked);
        }
    }
}

/// `application/problem+json` with every member, and the headers that go with its status.
pub fn check_problem(answer: &Answer, is_head: bool, asked: &str) {
    assert_eq!(answer.header("content-type"), Some("application/problem+json"), "{asked}");
    let beside = match answer.status.as_u16() {
        401 => Some("www-authenticate"),
        405 => Some("allow"),
        429 | 503 => Some("retry-after"),
        _ => None,
    };
    if let Some(header) = beside {
        assert!(answer.headers.contains_key(header), "{header} is missing: {asked}");
    }
    if is_head {
        return;
    }
    let problem: Json = serde_json::from_slice(&answer.body).unwrap_or_else(|_| panic!("not JSON: {asked}"));
    let code = problem["code"].as_str().unwrap_or_default();
    let published = CODES.iter().find(|(name, _)| *name == code);
    let (_, status) = published.unwrap_or_else(|| panic!("{code:?} is not published: {asked}"));
    assert_eq!((answer.status.as_u16(), &problem["status"]), (*status, &Json::from(*status)), "{asked}");
    let uri = match code {
        "rate_limited" => "https://iana.org/assignments/http-problem-types#quota-exceeded".to_owned(),
        _ => format!("urn:hardpan:error:{code}"),
    };
    assert_eq!(problem["type"], uri, "{asked}");
    assert_eq!(problem["request_id"].as_str(), answer.header("x-request-id"), "{asked}");
    for member in ["title", "detail"] {
        assert!(problem[member].as_str().is_some_and(|text| !text.is_empty()), "{member}: {asked}");
    }
    check_errors(&problem, asked);
    let known = ["type", "title", "status", "code", "detail", "request_id", "errors", "violated-policies"];
    for member in problem.as_object().unwrap().keys() {
        assert!(known.contains(&member.as_str()), "{member}: {asked}");
    }
    let mut said = problem;
    // The caller's own word.
    said["request_id"] = Json::Null;
    check_words(&said.to_string(), asked);
}

fn check_errors(problem: &Json, asked: &str) {
    let Some(errors) = problem.get("errors") else { return };
    let errors = errors.as_array().unwrap_or_else(|| panic!("errors is no list: {asked}"));
    assert!(!errors.is_empty(), "an empty list of errors: {asked}");
    for error in errors {
        let members: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["field", "code", "message"], "{asked}");
        assert!(members.iter().all(|member| error[member].is_string()), "{asked}");
        assert!(!error["message"].as_str().unwrap().is_empty(), "{asked}");
    }
}

fn check_words(said: &str, asked: &str) {
    let said = said.to_ascii_lowercase();
    if let Some(word) = FORBIDDEN.iter().find(|word| said.contains(**word)) {
        panic!("{word:?} is nobody's business: {asked}");
    }
}

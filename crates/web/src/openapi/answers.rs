//! The answers of an operation: those it declares, and every problem that its access, body and class bring with them.
use std::collections::BTreeMap;

use http::{Method, StatusCode};
use kernel::Code;
use serde_json::{Map, Value as Json, json};

use super::{JSON, content};
use crate::{Access, Body, Class, Route, problem, route::Answer};

pub(super) fn responses(route: &Route) -> Json {
    let mut responses = Map::new();
    for answer in &route.operation.answers {
        responses.insert(answer.status.as_u16().to_string(), declared(route, answer));
    }
    if route.operation.answers.is_empty() {
        responses.insert("default".into(), json!({"description": "Done."}));
    }
    for (status, codes) in problems(route) {
        responses.insert(status.to_string(), refusal(route, status, &codes));
    }
    Json::Object(responses)
}

fn declared(route: &Route, answer: &Answer) -> Json {
    let mut headers = common_headers(route);
    if answer.has_etag {
        headers.insert("ETag".into(), header("ETag"));
    }
    if route.takes_idempotency_key() {
        headers.insert("Idempotency-Replayed".into(), header("Idempotency-Replayed"));
    }
    let mut response = json!({"description": answer.description, "headers": headers});
    if let (Json::Object(response), Some(schema)) = (&mut response, &answer.schema) {
        response.insert("content".into(), content(JSON, schema));
    }
    response
}

fn refusal(route: &Route, status: u16, codes: &[Code]) -> Json {
    let mut headers = common_headers(route);
    match status {
        401 => headers.insert("WWW-Authenticate".into(), header("WWW-Authenticate")),
        429 | 503 => headers.insert("Retry-After".into(), header("Retry-After")),
        _ => None,
    };
    let names = codes.iter().map(|code| format!("`{}`", code.as_str())).collect::<Vec<_>>().join(", ");
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason()).unwrap_or_default();
    json!({
        "description": format!("{reason}: {names}."),
        "headers": headers,
        "content": {problem::CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    })
}

fn common_headers(route: &Route) -> Map<String, Json> {
    let limits: &[&str] = if route.class == Class::Probe { &[] } else { &["RateLimit", "RateLimit-Policy"] };
    limits.iter().chain(&["X-Request-Id"]).map(|name| ((*name).to_owned(), header(name))).collect()
}

fn header(name: &str) -> Json {
    json!({"$ref": format!("#/components/headers/{name}")})
}

/// Every code the route can answer with, by status.
fn problems(route: &Route) -> BTreeMap<u16, Vec<Code>> {
    let is_read = matches!(route.method, Method::GET | Method::HEAD | Method::OPTIONS);
    let mut codes = vec![Code::BadQuery, Code::MalformedBody, Code::Internal, Code::Unavailable, Code::Overloaded];
    codes.push(Code::Timeout);
    if !matches!(route.body, Body::None) {
        codes.extend([Code::BodyTooDeep, Code::UnsupportedMediaType, Code::BodyTooLarge, Code::Invalid]);
    }
    if route.access != Access::Public {
        codes.extend([Code::Unauthenticated, Code::InvalidToken, Code::InsufficientScope]);
    }
    if matches!(route.access, Access::Rules | Access::Permission(_)) {
        codes.push(Code::Forbidden);
    }
    if !is_read {
        codes.push(Code::CsrfFailed);
    }
    if route.path_parameters().next().is_some() {
        codes.push(Code::NotFound);
    }
    if route.class != Class::Probe {
        codes.push(Code::RateLimited);
    }
    codes.extend_from_slice(&route.operation.errors);
    if route.takes_idempotency_key() {
        codes.push(Code::IdempotencyKeyReused);
    }
    if route.takes_if_match() || route.takes_idempotency_key() {
        codes.push(Code::BadHeader);
    }

    let mut by_status = BTreeMap::<u16, Vec<Code>>::new();
    for code in codes {
        let same = by_status.entry(problem::status(code.kind()).as_u16()).or_default();
        if !same.contains(&code) {
            same.push(code);
        }
    }
    by_status
}

/// RFC 9457 with our members; `code` lists everything published.
pub(super) fn problem_schema() -> Json {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    let mut groups = BTreeMap::<_, Vec<_>>::new();
    for code in Code::ALL {
        groups.entry(code.group().as_str()).or_default().push(code.as_str());
    }
    json!({
        "type": "object",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": {"type": "string", "format": "uri"},
            "title": {"type": "string", "description": "What the code means."},
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": {"type": "string", "enum": codes, "x-groups": groups},
            "detail": {"type": "string", "description": "What was wrong this time."},
            "request_id": {"type": "string"},
            "errors": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["field", "code", "message"],
                    "properties": {
                        "field": {"type": "string", "description": "A dotted path; empty for the whole body."},
                        "code": {"type": "string"},
                        "message": {"type": "string"},
                    },
                },
            },
            "violated-policies": {"type": "array", "items": {"type": "string"}},
        },
    })
}

pub(super) fn headers() -> Json {
    let header = |description: &str, kind: &str| json!({"description": description, "schema": {"type": kind}});
    json!({
        "ETag": header("The version, in quotes; If-Match takes it.", "string"),
        "Idempotency-Replayed": header("`true` when the answer was given before under this key.", "boolean"),
        "RateLimit": header("What is left of each quota (draft-ietf-httpapi-ratelimit-headers-10).", "string"),
        "RateLimit-Policy": header("The quotas that applied.", "string"),
        "Retry-After": header("Seconds to wait.", "integer"),
        "WWW-Authenticate": header("What is missing (RFC 6750, RFC 9470).", "string"),
        "X-Request-Id": header("The id to quote when asking about this answer.", "string"),
    })
}

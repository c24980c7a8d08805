//! Errors as `application/problem+json` (RFC 9457): the one place where a failure becomes an answer.
use std::{borrow::Cow, time::Duration};

use http::{HeaderValue, StatusCode, header};
use kernel::{Code, Error, FieldError, StepUp, Strength, error::Kind};
use serde::Serialize;

use crate::{Reply, edge::audit::one_line};

pub const CONTENT_TYPE: &str = "application/problem+json";

/// What a body of an error holds; OpenAPI's `Problem` describes it.
#[derive(Serialize)]
struct Problem<'a> {
    r#type: Cow<'a, str>,
    title: &'a str,
    status: u16,
    code: &'a str,
    detail: &'a str,
    request_id: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    errors: &'a [FieldError],
    #[serde(rename = "violated-policies", skip_serializing_if = "<[_]>::is_empty")]
    violated_policies: &'a [&'a str],
}

/// The status of each kind of failure.
pub const fn status(kind: Kind) -> StatusCode {
    match kind {
        Kind::Malformed => StatusCode::BAD_REQUEST,
        Kind::Unauthenticated => StatusCode::UNAUTHORIZED,
        Kind::Forbidden => StatusCode::FORBIDDEN,
        Kind::NotFound => StatusCode::NOT_FOUND,
        Kind::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Kind::Conflict => StatusCode::CONFLICT,
        Kind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        Kind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Kind::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Kind::Invalid => StatusCode::UNPROCESSABLE_ENTITY,
        Kind::PreconditionRequired => StatusCode::PRECONDITION_REQUIRED,
        Kind::LimitExceeded => StatusCode::TOO_MANY_REQUESTS,
        Kind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Kind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        Kind::Timeout => StatusCode::GATEWAY_TIMEOUT,
    }
}

/// The `type` of a code: a name of our own, or the registered one where there is one
/// (draft-ietf-httpapi-ratelimit-headers-10, 5.1).
pub fn type_uri(code: Code) -> Cow<'static, str> {
    match code {
        Code::RateLimited => "https://iana.org/assignments/http-problem-types#quota-exceeded".into(),
        _ => format!("urn:hardpan:error:{}", code.as_str()).into(),
    }
}

/// The answer to a failure. `violated` names the rate limits that refused. What is our fault is logged here, with its sources;
/// the answer carries none of them, in any profile.
pub fn reply(error: &Error, request_id: &str, violated: &[&str]) -> Reply {
    let code = error.code();
    let status = status(code.kind());
    if status.is_server_error() {
        let chain = format!("{error:?}");
        tracing::error!(request_id, code = code.as_str(), "{}", one_line(&chain));
    }
    // What says why a dependency is away may name it.
    let is_internal = matches!(code.kind(), Kind::Internal | Kind::Unavailable);
    let problem = Problem {
        r#type: type_uri(code),
        title: code.message(),
        status: status.as_u16(),
        code: code.as_str(),
        detail: if is_internal { code.message() } else { error.detail() },
        request_id,
        errors: if is_internal { &[] } else { error.fields() },
        violated_policies: violated,
    };
    // Strings and numbers always serialise; an empty body would still have its status.
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let mut reply = Reply::bytes(status, CONTENT_TYPE, body);
    if status == StatusCode::UNAUTHORIZED || code == Code::InsufficientScope {
        reply.headers.push((header::WWW_AUTHENTICATE, challenge(error)));
    }
    if let Some(after) = error.retry_after() {
        reply.headers.push((header::RETRY_AFTER, HeaderValue::from(whole_seconds(after).max(1))));
    }
    reply
}

/// RFC 6750, 3, also for an API key that lacks a scope, and, for a log-in that is too old, RFC 9470, 3.
fn challenge(error: &Error) -> HeaderValue {
    match error.code() {
        Code::InvalidToken => HeaderValue::from_static("Bearer error=\"invalid_token\""),
        Code::FreshLoginRequired => {
            let wanted = error.wanted().unwrap_or(StepUp::FRESH);
            let acr = if wanted.strength == Strength::Multi { ", acr_values=\"mfa\"" } else { "" };
            let age = wanted.max_age.as_secs();
            let text = format!("Bearer error=\"insufficient_user_authentication\", max_age=\"{age}\"{acr}");
            HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
        }
        Code::InsufficientScope => {
            let scope = error.scope().map(|scope| format!(", scope=\"{scope}\"")).unwrap_or_default();
            let text = format!("Bearer error=\"insufficient_scope\"{scope}");
            HeaderValue::from_str(&text).unwrap_or(HeaderValue::from_static("Bearer"))
        }
        _ => HeaderValue::from_static("Bearer"),
    }
}

/// Rounded up, so that whoever waits that long has waited long enough.
pub(crate) fn whole_seconds(duration: Duration) -> u64 {
    duration.as_secs() + u64::from(duration.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use kernel::{Operation, Scope};
    use serde_json::{Value as Json, json};

    use super::*;

    fn body(reply: &Reply) -> Json {
        serde_json::from_slice(&reply.body).unwrap()
    }

    fn header(reply: &Reply, name: &http::HeaderName) -> Option<String> {
        let found = reply.headers.iter().find(|(header, _)| header == name);
        found.map(|(_, value)| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn fields_are_listed() {
        let error = Error::invalid(vec![FieldError::new("name", "missing", "is required")]);
        let reply = reply(&error, "r1", &[]);
        assert_eq!(
            body(&reply),
            json!({
                "type": "urn:hardpan:error:invalid",
                "title": "The body does not fit what is expected here.",
                "status": 422,
                "code": "invalid",
                "detail": "The body does not fit what is expected here.",
                "request_id": "r1",
                "errors": [{"field": "name", "code": "missing", "message": "is required"}],
            })
        );
        assert_eq!(header(&reply, &header::CONTENT_TYPE).as_deref(), Some(CONTENT_TYPE));
    }

    #[test]
    fn a_source_never_reaches_the_answer() {
        let error = Error::internal("table users is gone").with_detail("secret detail");
        let text = String::from_utf8(reply(&error, "r", &[]).body.to_vec()).unwrap();
        assert!(!text.contains("users") && !text.contains("secret"), "{text}");
    }

    #[test]
    fn challenges_say_what_is_wrong() {
        let challenge = |error: Error| header(&reply(&error, "r", &[]), &header::WWW_AUTHENTICATE);
        assert_eq!(challenge(Error::new(Code::Unauthenticated)).as_deref(), Some("Bearer"));
        assert_eq!(challenge(Error::new(Code::InvalidToken)).as_deref(), Some("Bearer error=\"invalid_token\""));
        assert_eq!(
            challenge(Error::step_up(StepUp::FRESH)).as_deref(),
            Some("Bearer error=\"insufficient_user_authentication\", max_age=\"300\"")
        );
        let multi = StepUp { strength: Strength::Multi, max_age: Duration::from_mins(10) };
        assert_eq!(
            challenge(Error::step_up(multi)).as_deref(),
            Some("Bearer error=\"insufficient_user_authentication\", max_age=\"600\", acr_values=\"mfa\"")
        );
        assert_eq!(
            challenge(Error::insufficient_scope(&Scope::of("documents", Operation::Read))).as_deref(),
            Some("Bearer error=\"insufficient_scope\", scope=\"documents:read\"")
        );
        assert_eq!(challenge(Error::no_api_keys()).as_deref(), Some("Bearer error=\"insufficient_scope\""));
        assert_eq!(challenge(Error::new(Code::Forbidden)), None);
    }

    #[test]
    fn a_limit_names_its_policy_and_when_to_come_back() {
        let error = Error::new(Code::RateLimited).with_retry_after(Duration::from_millis(1500));
        let reply = reply(&error, "r", &["address"]);
        assert_eq!(reply.status, 429);
        assert_eq!(header(&reply, &header::RETRY_AFTER).as_deref(), Some("2"));
        assert_eq!(body(&reply)["violated-policies"], json!(["address"]));
        assert_eq!(body(&reply)["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    }

    #[test]
    fn every_code_has_a_problem() {
        for code in Code::ALL {
            let reply = reply(&Error::new(code), "r", &[]);
            assert_eq!(body(&reply)["code"], code.as_str());
            assert!(reply.status.is_client_error() || reply.status.is_server_error());
        }
    }
}

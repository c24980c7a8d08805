//! What the contract promises of every answer, checked on each that any test receives.
use serde_json::Value as Json;
use web::{Method, Route, Routes};

use super::{Answer, promise};

/// The published codes and the status of each.
pub const CODES: [(&str, u16); 43] = [
    ("unauthenticated", 401),
    ("invalid_credentials", 401),
    ("invalid_token", 401),
    ("refresh_reused", 401),
    ("invalid_code", 401),
    ("invalid_passkey", 401),
    ("fresh_login_required", 401),
    ("forbidden", 403),
    ("insufficient_scope", 403),
    ("csrf_failed", 403),
    ("registration_closed", 403),
    ("malformed_body", 400),
    ("body_too_deep", 400),
    ("bad_query", 400),
    ("bad_cursor", 400),
    ("bad_header", 400),
    ("invalid", 422),
    ("unsupported_media_type", 415),
    ("body_too_large", 413),
    ("foreign_host", 400),
    ("not_found", 404),
    ("method_not_allowed", 405),
    ("version_mismatch", 412),
    ("version_required", 428),
    ("email_taken", 409),
    ("username_taken", 409),
    ("unique_violation", 409),
    ("reference_violation", 409),
    ("idempotency_key_reused", 422),
    ("last_administrator", 409),
    ("too_many", 409),
    ("already_confirmed", 409),
    ("no_second_factor", 409),
    ("identity_refused", 401),
    ("identity_not_linked", 409),
    ("identity_taken", 409),
    ("passkey_taken", 409),
    ("last_way_in", 409),
    ("rate_limited", 429),
    ("internal", 500),
    ("unavailable", 503),
    ("overloaded", 503),
    ("timeout", 504),
];

/// The routes of a server and what its document says of them.
pub struct Contract {
    routes: Routes,
    document: Json,
}

impl Contract {
    pub const fn new(routes: Routes, document: Json) -> Self {
        Self { routes, document }
    }

    /// Panics when an answer breaks a promise: headers, the shape of problems, what may be said, what the document declares.
    pub fn check(&self, method: &Method, path: &str, answer: &Answer, may_fail: bool) {
        let short = |text: &str| text.chars().take(1_000).collect::<String>();
        let asked = format!("{method} {} -> {} {}", short(path), answer.status, short(&answer.text()));
        assert!(may_fail || !answer.status.is_server_error(), "a failure of ours: {asked}");
        promise::check_headers(answer, &asked);
        let is_head = *method == Method::HEAD;
        if is_head || answer.status == 204 {
            assert!(answer.body.is_empty(), "a body where none may be: {asked}");
        }
        let route = self.find(method, path);
        let is_own = route.is_some_and(|route| route.operation.answers.iter().any(|own| own.status == answer.status));
        if (answer.status.is_client_error() || answer.status.is_server_error()) && !is_own {
            promise::check_problem(answer, is_head, &asked);
        }
        let Some(route) = route else { return };
        if answer.status != 405 {
            self.check_declared(route, answer, &asked);
        }
        if answer.status.is_success() && !is_head {
            let is_part = ["fields=", "expand="].iter().any(|parameter| path.contains(parameter));
            check_success(route, answer, is_part, &asked);
        }
    }

    /// The route that a request reaches.
    fn find(&self, method: &Method, path: &str) -> Option<&Route> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let path = path.split('?').next().unwrap_or_default();
        let matches = |route: &&Route| {
            let template: Vec<&str> = route.path.split('/').collect();
            let segments: Vec<&str> = path.split('/').collect();
            let fits =
                |(part, segment): (&&str, &&str)| part == segment || (part.starts_with('{') && !segment.is_empty());
            template.len() == segments.len() && template.iter().zip(&segments).all(fits)
        };
        self.routes.iter().filter(|route| route.method == *method).find(matches)
    }

    /// The document declares this status of the route, and this type of body.
    fn check_declared(&self, route: &Route, answer: &Answer, asked: &str) {
        let operation = &self.document["paths"][&*route.path][route.method.as_str().to_ascii_lowercase()];
        let declared = &operation["responses"][answer.status.as_str()];
        assert!(declared.is_object(), "{} does not declare this status: {asked}", name(route));
        if let (Some(content), Some(sent)) = (declared["content"].as_object(), answer.header("content-type")) {
            assert!(content.contains_key(sent), "{} declares {:?}, not {sent}: {asked}", name(route), content.keys());
        }
    }
}

fn name(route: &Route) -> &str {
    &route.operation.id
}

/// The body fits the schema that its route declares, and so does the `ETag`, which a part has none of.
fn check_success(route: &Route, answer: &Answer, is_part: bool, asked: &str) {
    let declared = route.operation.answers.iter().find(|declared| declared.status == answer.status);
    let declared = declared.unwrap_or_else(|| panic!("{} does not know this answer: {asked}", name(route)));
    if let Some(schema) = &declared.schema {
        let fit = schema.check(&answer.json());
        assert!(fit.is_ok(), "{} answers otherwise than it says, {fit:?}: {asked}", name(route));
    }
    if declared.has_etag && !is_part {
        let version = answer.json()["version"].to_string();
        assert_eq!(answer.header("etag"), Some(format!("\"{version}\"").as_str()), "{asked}");
    } else {
        assert_eq!(answer.header("etag"), None, "{asked}");
    }
}

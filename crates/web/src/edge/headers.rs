//! Headers of every answer: what browsers may do with it, and CORS for listed origins.
use std::sync::Arc;

use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use kernel::Result;

use crate::{Reply, csrf::Origins, request_id};

const METHODS: &str = "GET, HEAD, POST, PUT, PATCH, DELETE";
const SENT: &str =
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, X-API-Key, X-CSRF-Token, X-Request-Id";
const EXPOSED: &str = "ETag, Idempotency-Replayed, Location, RateLimit, RateLimit-Policy, Retry-After, X-Request-Id";

/// A handler may say otherwise (pages of documentation do); these are what an answer of the API needs.
const DEFAULTS: [(HeaderName, &str); 9] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (header::REFERRER_POLICY, "strict-origin-when-cross-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-embedder-policy"), "require-corp"),
    (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
    (
        HeaderName::from_static("permissions-policy"),
        "accelerometer=(), camera=(), geolocation=(), gyroscope=(), microphone=(), payment=(), usb=()",
    ),
    (header::CACHE_CONTROL, "no-store"),
];

/// Two years (hstspreload.org asks for one at least).
const HSTS: &str = "max-age=63072000; includeSubDomains";

/// What goes onto answers.
pub struct Headers {
    defaults: Vec<(HeaderName, HeaderValue)>,
    origins: Arc<Origins>,
}

impl Headers {
    /// `public_url` decides on HSTS: behind a proxy that ends TLS the connection itself says nothing.
    pub fn new(public_url: &str, origins: Arc<Origins>) -> Self {
        let mut defaults: Vec<_> =
            DEFAULTS.into_iter().map(|(name, value)| (name, HeaderValue::from_static(value))).collect();
        if public_url.to_ascii_lowercase().starts_with("https://") {
            defaults.push((header::STRICT_TRANSPORT_SECURITY, HeaderValue::from_static(HSTS)));
        }
        Self { defaults, origins }
    }

    /// The origin of a request, when its pages may read answers.
    pub fn listed_origin(&self, request: &HeaderMap) -> Option<HeaderValue> {
        request.get(header::ORIGIN).filter(|origin| self.origins.is_listed(origin)).cloned()
    }

    /// The answer to a preflight of a listed origin; others are no preflights to us.
    pub fn preflight(
        &self,
        method: &Method,
        request: &HeaderMap,
        origin: Option<&HeaderValue>,
    ) -> Option<Result<Reply>> {
        let is_preflight = *method == Method::OPTIONS
            && origin.is_some()
            && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD);
        is_preflight.then(|| {
            Reply::no_content()
                .header(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS)?
                .header(header::ACCESS_CONTROL_ALLOW_HEADERS, SENT)?
                .header(header::ACCESS_CONTROL_MAX_AGE, "600")
        })
    }

    /// Completes an answer. `origin` is the request's, when it is listed.
    pub fn apply(&self, answer: &mut HeaderMap, status: StatusCode, origin: Option<HeaderValue>, request_id: &str) {
        for (name, value) in &self.defaults {
            if !answer.contains_key(name) {
                answer.insert(name, value.clone());
            }
        }
        // Checked or made by us, so it always is a header's value.
        if let Ok(id) = HeaderValue::from_str(request_id) {
            answer.insert(request_id::HEADER, id);
        }
        if self.origins.has_listed() {
            // Whether or not this one sent an origin: a cache must not give one origin the answer of another.
            answer.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(origin) = origin {
            answer.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            answer.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
            if status != StatusCode::NO_CONTENT || !answer.contains_key(header::ACCESS_CONTROL_ALLOW_METHODS) {
                answer.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(public_url: &str, listed: &[&str]) -> Headers {
        let listed: Vec<_> = listed.iter().map(|origin| (*origin).to_owned()).collect();
        Headers::new(public_url, Arc::new(Origins::new(public_url, &listed, false).unwrap()))
    }

    fn asked(origin: &'static str) -> HeaderMap {
        HeaderMap::from_iter([
            (header::ORIGIN, HeaderValue::from_static(origin)),
            (header::ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("PATCH")),
        ])
    }

    fn applied(headers: &Headers, request: &HeaderMap) -> HeaderMap {
        let mut answer = HeaderMap::new();
        headers.apply(&mut answer, StatusCode::OK, headers.listed_origin(request), "r1");
        answer
    }

    #[test]
    fn every_default_is_there() {
        let answer = applied(&headers("https://app.example", &[]), &HeaderMap::new());
        for (name, value) in DEFAULTS {
            assert_eq!(answer.get(&name).unwrap(), value, "{name}");
        }
        assert_eq!(answer.get("strict-transport-security").unwrap(), HSTS);
        assert_eq!(answer.get("x-request-id").unwrap(), "r1");
        assert!(!answer.contains_key(header::SERVER) && !answer.contains_key(header::VARY));
    }

    #[test]
    fn hsts_is_for_https_alone() {
        let answer = applied(&headers("http://127.0.0.1:8080", &[]), &HeaderMap::new());
        assert!(!answer.contains_key(header::STRICT_TRANSPORT_SECURITY));
    }

    #[test]
    fn what_the_handler_said_stays() {
        let mut answer = HeaderMap::from_iter([(header::CACHE_CONTROL, HeaderValue::from_static("max-age=60"))]);
        headers("http://localhost", &[]).apply(&mut answer, StatusCode::OK, None, "r");
        assert_eq!(answer.get_all(header::CACHE_CONTROL).iter().collect::<Vec<_>>(), ["max-age=60"]);
    }

    #[test]
    fn listed_origins_may_read_and_no_others() {
        let headers = headers("https://app.example", &["http://localhost:3000"]);
        let answer = applied(&headers, &asked("http://localhost:3000"));
        assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_ORIGIN).unwrap(), "http://localhost:3000");
        assert_eq!(answer.get(header::ACCESS_CONTROL_ALLOW_CREDENTIALS).unwrap(), "true");
        assert_eq!(answer.get(header::ACCESS_CONTROL_EXPOSE_HEADERS).unwrap(), EXPOSED);
        for origin in ["http://localhost:3001", "http://localhost:30000", "null", "https://app.example"] {
            let answer = applied(&headers, &asked(origin));
            assert!(!answer.contains_key(header::ACCESS_CONTROL_ALLOW_ORIGIN), "{origin}");
            assert!(headers.preflight(&Method::OPTIONS, &asked(origin), None).is_none());
            assert_eq!(answer.get(header::VARY).unwrap(), "Origin");
        }
    }

    #[test]
    fn a_preflight_is_answered_in_full() {
        let headers = headers("https://app.example", &["http://localhost:3000"]);
        let request = asked("http://localhost:3000");
        let origin = headers.listed_origin(&request);
        let reply = headers.preflight(&Method::OPTIONS, &request, origin.as_ref()).unwrap().unwrap();
        assert_eq!(reply.status, 204);
        let values: Vec<_> = reply.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!(values, [METHODS, SENT, "600"]);
        assert!(headers.preflight(&Method::GET, &request, origin.as_ref()).is_none());
    }
}

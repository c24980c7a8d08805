//! What every answer has, and what no request can bring about.
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{StreamExt as _, stream};
use http::header;

use super::*;
use crate::Policy;

#[tokio::test]
async fn every_answer_carries_the_headers() {
    let test = Test::new(|settings| settings.public_url = "https://notes.example".into()).await;
    for path in ["/public", "/nothing", "/users", "/broken", "/panic"] {
        let answer = test.get(path, &[("x-request-id", "mine")]).await;
        assert_eq!(answer.header("x-request-id"), "mine", "{path}");
        for name in ["x-content-type-options", "content-security-policy", "strict-transport-security", "ratelimit"] {
            assert!(answer.headers.contains_key(name), "{path} {name}");
        }
        assert_eq!(answer.header("cache-control"), "no-store");
        assert_eq!(answer.header("vary"), "Origin");
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems() {
    let test = Test::new(|_| ()).await;
    assert_eq!(test.get("/nothing", &[]).await.code(), "404 not_found");
    assert_eq!(test.get("/docs/%ff", &[USER]).await.code(), "404 not_found");
    assert_eq!(test.get("/docs/%00", &[USER]).await.code(), "404 not_found");
    for method in ["TRACE", "PUT", "BREW"] {
        let answer = test.send(request(method, "/docs/1", &[USER], "")).await;
        assert_eq!(answer.code(), "405 method_not_allowed");
        assert_eq!(answer.header("allow"), "GET, PATCH, HEAD, OPTIONS");
    }
    let options = test.send(request("OPTIONS", "/docs/1", &[], "")).await;
    assert_eq!((options.status.as_u16(), options.header("allow")), (204, "GET, PATCH, HEAD, OPTIONS"));
}

#[tokio::test]
async fn head_is_get_without_a_body() {
    let test = Test::new(|_| ()).await;
    let get = test.get("/public", &[]).await;
    let head = test.send(request("HEAD", "/public", &[], "")).await;
    assert_eq!((head.status, head.body.as_str()), (StatusCode::OK, ""));
    assert_eq!(head.header("content-length"), get.body.len().to_string());
    assert_eq!(head.header("content-type"), "application/json");
    let missing = test.send(request("HEAD", "/nothing", &[], "")).await;
    assert_eq!((missing.status, missing.body.as_str()), (StatusCode::NOT_FOUND, ""));
}

#[tokio::test]
async fn what_reaches_the_handler_is_checked() {
    let test = Test::new(|_| ()).await;
    assert_eq!(test.get("/rules?limit=5", &[]).await.json()["limit"], "5");
    assert_eq!(test.get("/rules?limit=0", &[]).await.code(), "400 bad_query");
    assert_eq!(test.get("/rules?other=1", &[]).await.code(), "400 bad_query");
    assert_eq!(test.get("/public?a", &[]).await.code(), "400 bad_query");
    assert_eq!(test.post("/public", &[], "{}").await.code(), "400 malformed_body");
    assert_eq!(test.post("/docs", &[USER], "").await.code(), "400 malformed_body");
    assert_eq!(test.post("/docs", &[USER], r#"{"title":1}"#).await.code(), "422 invalid");
    assert_eq!(test.post("/docs", &[USER], r#"{"title":"\u0000"}"#).await.code(), "422 invalid");
    assert_eq!(
        test.post("/docs", &[USER, ("content-type", "text/plain")], "{}").await.code(),
        "415 unsupported_media_type"
    );
    let patched = test.send(request("PATCH", "/docs/%C3%A9", &[USER], r#"{"any":null}"#)).await.json();
    assert_eq!((&patched["id"], &patched["body"]), (&json!("é"), &json!({"any": null})));
    let long = r#"{"title":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}"#;
    assert_eq!(test.send(request("PATCH", "/docs/1", &[USER], long)).await.code(), "413 body_too_large");
}

#[tokio::test]
async fn limits_are_shown_and_bite() {
    let policy = |burst| Policy { burst, per_minute: 1 };
    let limits = Limits { enabled: true, address: policy(5), principal: policy(2), credentials: policy(1) };
    let test = Test::new(|settings| settings.limits = limits).await;
    let answer = test.get("/rules", &[USER]).await;
    assert_eq!(answer.header("ratelimit-policy"), "\"address\";q=5;w=300, \"principal\";q=2;w=120");
    assert_eq!(answer.header("ratelimit"), "\"address\";r=4;t=60, \"principal\";r=1;t=60");
    test.get("/rules", &[USER]).await;
    let refused = test.get("/rules", &[USER]).await;
    assert_eq!(refused.code(), "429 rate_limited");
    assert_eq!(serde_json::from_str::<Json>(&refused.body).unwrap()["violated-policies"], json!(["principal"]));
    assert!(refused.header("retry-after").parse::<u64>().unwrap() > 50);
    test.post("/login", &[], r#"{"title":"a"}"#).await;
    assert_eq!(test.post("/login", &[], r#"{"title":"a"}"#).await.code(), "429 rate_limited");
    assert_eq!(test.get("/nothing", &[]).await.code(), "429 rate_limited", "unknown paths count, too");
    let probe = test.get("/livez", &[]).await;
    assert_eq!((probe.status.as_u16(), probe.header("ratelimit")), (200, ""));
}

#[tokio::test]
async fn failures_are_problems_that_tell_nothing() {
    let test = Test::new(|settings| settings.request_timeout = Duration::from_millis(20)).await;
    let broken = test.get("/broken", &[]).await;
    assert_eq!(broken.code(), "500 internal");
    assert!(!broken.body.contains("users"));
    let panicked = test.get("/panic", &[]).await;
    assert_eq!(panicked.code(), "500 internal");
    assert!(!panicked.body.contains("disco"));
    assert_eq!(test.get("/forever", &[]).await.code(), "504 timeout");
    let busy = test.get("/busy", &[]).await;
    assert_eq!((busy.code().as_str(), busy.header("retry-after")), ("503 overloaded", "1"));
}

#[tokio::test]
async fn browsers_of_listed_origins_are_answered() {
    let test = Test::new(|_| ()).await;
    let listed = ("origin", "http://localhost:3000");
    let preflight = [listed, ("access-control-request-method", "PATCH")];
    let answer = test.send(request("OPTIONS", "/docs/1", &preflight, "")).await;
    assert_eq!(answer.status, 204);
    assert_eq!(answer.header("access-control-allow-origin"), "http://localhost:3000");
    assert_eq!(answer.header("access-control-max-age"), "600");
    assert!(answer.header("access-control-allow-methods").contains("PATCH"));
    let refused = test.get("/users", &[listed]).await;
    assert_eq!(refused.header("access-control-allow-origin"), "http://localhost:3000", "errors can be read, too");
    let foreign = [("origin", "http://evil.example"), ("access-control-request-method", "PATCH")];
    let answer = test.send(request("OPTIONS", "/docs/1", &foreign, "")).await;
    assert_eq!(answer.header("access-control-allow-origin"), "");
    assert_eq!(answer.header("access-control-allow-methods"), "");
}

#[tokio::test]
async fn development_serves_local_names_alone() {
    let test = Test::new(|settings| settings.local_only = true).await;
    assert_eq!(test.get("/public", &[("host", "localhost:8080")]).await.status, 200);
    assert_eq!(test.get("/public", &[("host", "evil.example")]).await.code(), "400 foreign_host");
    let open = Test::new(|_| ()).await;
    assert_eq!(open.get("/public", &[("host", "evil.example")]).await.status, 200);
}

#[tokio::test]
async fn trusted_proxies_alone_say_who_called() {
    let forwarded = ("x-forwarded-for", "198.51.100.1");
    let open = Test::new(|_| ()).await;
    assert_eq!(open.get("/public", &[forwarded]).await.json()["address"], "203.0.113.9");
    let behind = Test::new(|settings| settings.trusted_proxies = vec!["203.0.113.0/24".parse().unwrap()]).await;
    assert_eq!(behind.get("/public", &[forwarded]).await.json()["address"], "198.51.100.1");
}

/// Pieces of a body that note how many were read.
fn counted(pieces: usize) -> (Body, Arc<AtomicUsize>) {
    let read = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&read);
    let pieces = stream::iter(0..pieces).map(move |_| {
        counter.fetch_add(1, Ordering::Relaxed);
        Ok::<_, std::io::Error>(vec![b'a'; 1024 * 1024])
    });
    (Body::from_stream(pieces), read)
}

#[tokio::test]
async fn refused_uploads_are_read_to_the_end_within_bounds() {
    let test = Test::new(|_| ()).await;
    for (pieces, expects, read) in [(5, false, 5), (100, false, 17), (5, true, 0)] {
        let (body, counter) = counted(pieces);
        let mut upload = Request::post("/docs").header("content-type", "application/json");
        if expects {
            upload = upload.header("expect", "100-continue");
        }
        assert_eq!(test.send(upload.body(body).unwrap()).await.code(), "401 unauthenticated");
        assert_eq!(counter.load(Ordering::Relaxed), read);
    }
}

/// What no header, path or body may do is bring about a 500.
#[tokio::test]
async fn odd_requests_never_break_anything() {
    let test = Test::new(|settings| settings.limits.enabled = false).await;
    let odd = ["", "%", "\u{7f}", "é", "\"", "a,b", ";;;", "W/\"1\"", "bytes=0-", "99999999999999999999999"];
    let names = [
        "host",
        "cookie",
        "authorization",
        "origin",
        "x-forwarded-for",
        "content-length",
        "content-type",
        "if-match",
        "x-request-id",
        "accept",
        "user-agent",
        "expect",
        "x-csrf-token",
    ];
    for name in names {
        for value in odd {
            let mut request = request("POST", "/docs?limit=%", &[], "{}");
            request.headers_mut().insert(
                name,
                http::HeaderValue::from_bytes(value.as_bytes()).unwrap_or(header::HeaderValue::from_static("")),
            );
            let answer = test.send(request).await;
            assert!(answer.status.is_client_error(), "{name}: {value}");
        }
    }
    for path in [
        "*",
        "//",
        "/docs/..%2f..%2f",
        "/docs/%",
        "/?",
        "/docs/1#",
        "/docs/1?%",
        "/%2e%2e/x",
        "http://evil.example/public",
    ] {
        for method in ["GET", "POST", "DELETE", "TRACE", "OPTIONS", "HEAD"] {
            let answer = test.send(request(method, path, &[USER], "")).await;
            assert!(!answer.status.is_server_error(), "{method} {path}: {}", answer.body);
        }
    }
}

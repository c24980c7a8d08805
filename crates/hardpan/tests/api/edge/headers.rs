//! Headers of every answer. That each has them is checked on every answer of every test; here, that every kind of answer was seen.
use std::collections::BTreeSet;

use serde_json::json;
use web::Method;

use crate::support::{PRODUCTION, Request, TestApp, on_both, on_both_with};

/// One request for each kind of answer but failures.
async fn one_of_each(app: &TestApp) -> Vec<(Request, u16)> {
    let admin = app.person("admin@example.com", &["admin"]).await;
    let folder = TestApp::path("folders", &app.create("folders", &admin, &json!({"name": "a"})).await);
    let setting = TestApp::path("settings", &app.create("settings", &admin, &json!({"key": "a"})).await);
    let notice = TestApp::path("notices", &app.create("notices", &admin, &json!({"text": "a"})).await);
    let by = |request: Request| request.bearer(&admin.token);
    vec![
        (app.get("/livez"), 200),
        (app.get("/openapi.json"), 200),
        (app.get("/docs"), 200),
        (app.get("/.well-known/jwks.json"), 200),
        (by(app.post("/api/v1/folders", &json!({"name": "b"}))), 201),
        (app.request(Method::OPTIONS, "/livez"), 204),
        (by(app.get("/api/v1/folders?limit=0")), 400),
        (app.get("/auth/v1/me"), 401),
        (by(app.delete(&notice)), 403),
        (app.get("/nowhere"), 404),
        (app.request(Method::TRACE, "/livez"), 405),
        (by(app.post("/api/v1/settings", &json!({"key": "a"}))), 409),
        (by(app.delete(&folder)).header("if-match", "\"9\""), 412),
        (by(app.post("/api/v1/folders", &json!({"name": "x".repeat(2_000_000)}))), 413),
        (by(app.request(Method::POST, "/api/v1/folders")).raw("text/plain", "a"), 415),
        (by(app.post("/api/v1/folders", &json!({}))), 422),
        (by(app.delete(&setting)), 428),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_answer_carries_the_headers() {
    on_both(async |app| {
        let mut seen = BTreeSet::new();
        for (request, status) in one_of_each(&app).await {
            // Sending checks them.
            let answer = request.send().await.expect(status);
            assert_eq!(answer.header("strict-transport-security"), None, "over http");
            seen.insert(status);
        }
        assert_eq!(seen.len(), 14);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_https_address_is_kept_to_https() {
    on_both_with(&[&PRODUCTION[..], &[("HARDPAN_SERVER__DOCS", "public")]].concat(), async |app| {
        for (request, status) in one_of_each(&app).await {
            let answer = request.send().await.expect(status);
            assert_eq!(
                answer.header("strict-transport-security"),
                Some("max-age=63072000; includeSubDomains"),
                "{status}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_of_the_api_may_do_nothing_in_a_browser() {
    on_both(async |app| {
        let nothing = "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
        for path in ["/livez", "/openapi.json", "/nowhere", "/auth/v1/me"] {
            assert_eq!(app.get(path).send().await.header("content-security-policy"), Some(nothing), "{path}");
        }
        let docs = app.get("/docs").send().await.expect(200);
        let policy = docs.header("content-security-policy").unwrap();
        assert!(!policy.contains("script-src") && policy.starts_with("default-src 'none'"), "{policy}");
        assert!(
            !docs.text().contains("<script") && !docs.text().contains("http://"),
            "the page runs or fetches something"
        );
        let cached = app.get("/.well-known/jwks.json").send().await;
        assert_eq!(cached.header("cache-control"), Some("public, max-age=300"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_are_for_administrators_in_production() {
    on_both_with(&PRODUCTION, async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        for path in ["/docs", "/openapi.json"] {
            app.get(path).send().await.expect_problem(401, "unauthenticated");
            app.get(path).bearer(&ann.token).send().await.expect_problem(403, "forbidden");
            app.get(path).bearer(&admin.token).send().await.expect(200);
        }
        // Parts are the administrators' too.
        assert_eq!(app.get("/health").bearer(&ann.token).send().await.expect(200).json(), json!({"status": "ok"}));
        assert!(app.get("/health").bearer(&admin.token).send().await.expect(200).json()["parts"].is_object());
    })
    .await;
}

//! Who may: credentials, access, cookies and what must prove them.
use serde_json::Value as Json;

use super::{COOKIE, Test, USER, user};

#[tokio::test]
async fn access_is_decided_before_the_body_is_read() {
    let test = Test::new(|_| ()).await;
    let answer = test.post("/docs", &[], "{not json").await;
    assert_eq!(answer.code(), "401 unauthenticated");
    assert_eq!(answer.header("www-authenticate"), "Bearer");
    assert_eq!(test.post("/docs", &[USER], "{not json").await.code(), "400 malformed_body");
    assert_eq!(test.get("/users", &[]).await.code(), "401 unauthenticated");
    assert_eq!(test.get("/users", &[USER]).await.code(), "403 forbidden");
    assert_eq!(test.get("/users", &[("authorization", "bearer admin")]).await.status, 200);
    let fresh = test.get("/fresh", &[]).await;
    assert_eq!(fresh.header("www-authenticate"), "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"");
}

#[tokio::test]
async fn credentials_that_are_not_valid_are_told_so() {
    let test = Test::new(|_| ()).await;
    for bad in ["Bearer nobody", "Basic dXNlcg==", "Bearer", "Bearer ", "user", "é"] {
        let answer = test.get("/rules", &[("authorization", bad)]).await;
        assert_eq!(answer.code(), "401 invalid_token", "{bad}");
        assert_eq!(answer.header("www-authenticate"), "Bearer error=\"invalid_token\"");
        assert_eq!(test.get("/public", &[("authorization", bad)]).await.json()["user"], Json::Null);
    }
    assert_eq!(test.get("/rules", &[USER, USER]).await.code(), "401 invalid_token");
    assert_eq!(test.get("/rules", &[("authorization", "Bearer away")]).await.code(), "503 unavailable");
    assert_eq!(test.get("/public", &[("authorization", "Bearer away")]).await.status, 200);
    assert_eq!(test.get("/rules", &[]).await.json()["user"], Json::Null);
    assert_eq!(test.get("/rules", &[USER]).await.json()["user"], user().to_string());
}

#[tokio::test]
async fn half_a_log_in_opens_nothing() {
    let test = Test::new(|_| ()).await;
    let half = ("authorization", "Bearer half");
    for path in ["/rules", "/docs/1", "/users"] {
        assert_eq!(test.get(path, &[half]).await.code(), "401 unauthenticated", "{path}");
    }
    assert_eq!(test.get("/public", &[half]).await.status, 200);
}

#[tokio::test]
async fn a_write_with_a_cookie_is_proven() {
    let test = Test::new(|_| ()).await;
    let (token, body) = (("x-csrf-token", "csrf"), r#"{"title":"a"}"#);
    assert_eq!(test.get("/docs/1", &[COOKIE]).await.json()["user"], user().to_string());
    assert_eq!(test.post("/docs", &[COOKIE], body).await.code(), "403 csrf_failed");
    assert_eq!(test.post("/docs", &[COOKIE, ("x-csrf-token", "wrong")], body).await.code(), "403 csrf_failed");
    assert_eq!(test.post("/docs", &[COOKIE, token], body).await.status, 200);
    assert_eq!(test.post("/docs", &[COOKIE, token, ("origin", "http://127.0.0.1:8080")], body).await.status, 200);
    assert_eq!(test.post("/docs", &[COOKIE, token, ("origin", "http://localhost:3000")], body).await.status, 200);
    for foreign in [("origin", "http://evil.example"), ("origin", "null"), ("sec-fetch-site", "cross-site")] {
        assert_eq!(test.post("/docs", &[COOKIE, token, foreign], body).await.code(), "403 csrf_failed");
    }
    assert_eq!(test.post("/public", &[COOKIE], "").await.code(), "403 csrf_failed");
    assert_eq!(test.post("/docs", &[COOKIE, USER], body).await.status, 200, "with a bearer, cookies are ignored");
    assert_eq!(
        test.post("/docs", &[COOKIE, ("authorization", "Bearer nobody")], body).await.code(),
        "401 invalid_token"
    );
}

#[tokio::test]
async fn logging_in_over_an_old_session_needs_no_token_but_a_known_origin() {
    let test = Test::new(|_| ()).await;
    let body = r#"{"title":"a"}"#;
    assert_eq!(test.post("/login", &[COOKIE], body).await.json()["user"], Json::Null);
    assert_eq!(test.post("/login", &[COOKIE, ("origin", "http://evil.example")], body).await.code(), "403 csrf_failed");
}

#[tokio::test]
async fn handlers_can_check_for_themselves() {
    let test = Test::new(|_| ()).await;
    assert_eq!(test.post("/origin", &[("x-csrf-token", "expected")], "").await.status, 204);
    assert_eq!(test.post("/origin", &[], "").await.code(), "403 csrf_failed");
    let foreign = [("x-csrf-token", "expected"), ("origin", "http://evil.example")];
    assert_eq!(test.post("/origin", &foreign, "").await.code(), "403 csrf_failed");
}

#[tokio::test]
async fn who_was_known_before_the_body_is_asked_again_after_it() {
    let leaving = ("authorization", "Bearer leaving");
    let test = Test::new(|_| ()).await;
    assert_eq!(test.get("/rules", &[leaving]).await.status, 200);
    let test = Test::new(|_| ()).await;
    assert_eq!(test.post("/docs", &[leaving], r#"{"title":"a"}"#).await.code(), "401 invalid_token");
}

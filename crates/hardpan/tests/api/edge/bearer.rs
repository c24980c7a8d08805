//! Bearer and cookies together: with a bearer present cookies are ignored.
use serde_json::json;

use crate::support::{Browser, PASSWORD, Request, TestApp, on_both};

/// Ann's token, and the cookies of Bob's browser.
async fn scene(app: &TestApp) -> (String, Browser) {
    let ann = app.register("ann@example.com").await;
    let body = json!({"email": "bob@example.com", "password": PASSWORD, "transport": "cookie"});
    let answer = app.post("/auth/v1/register", &body).send().await.expect(201);
    (ann.token, Browser::of(&answer, ""))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bearer_is_who_asks() {
    on_both(async |app| {
        let (ann, bob) = scene(&app).await;
        let me = |request: Request| request.send();
        assert_eq!(me(bob.with_cookies(app.get("/auth/v1/me"))).await.expect(200).json()["email"], "bob@example.com");
        assert_eq!(
            me(bob.with_cookies(app.get("/auth/v1/me")).bearer(&ann)).await.expect(200).json()["email"],
            "ann@example.com"
        );
        // A write needs no token then, wherever it comes from.
        let write = bob.with_cookies(app.post("/api/v1/folders", &json!({"name": "a"}))).bearer(&ann);
        let folder = write.header("origin", "https://evil.example").send().await.expect(201).json();
        let own = app.get(&TestApp::path("folders", &folder)).bearer(&ann).send().await.expect(200).json();
        assert_eq!(own["owner_id"], folder["owner_id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bearer_that_is_not_valid_does_not_fall_back_to_the_cookies() {
    on_both(async |app| {
        let (_, bob) = scene(&app).await;
        for authorization in ["Bearer x", "Basic YTpi", "Bearer"] {
            let me = bob.sent(app.get("/auth/v1/me")).header("authorization", authorization).send().await;
            me.expect_problem(401, "invalid_token");
            let write =
                bob.sent(app.post("/api/v1/folders", &json!({"name": "a"}))).header("authorization", authorization);
            write.send().await.expect_problem(401, "invalid_token");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_with_a_bearer_ends_the_bearers_session_alone() {
    on_both(async |app| {
        let (ann, bob) = scene(&app).await;
        let log_out = bob.with_cookies(app.request(web::Method::POST, "/auth/v1/logout")).bearer(&ann);
        log_out.send().await.expect(204);
        assert!(!app.is_in(&ann).await);
        bob.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_with_a_bearer_does_not_take_the_cookie() {
    on_both(async |app| {
        let (ann, bob) = scene(&app).await;
        let refresh = bob.sent(app.post("/auth/v1/refresh", &json!({}))).bearer(&ann).send().await;
        refresh.expect_problem(401, "invalid_token");
    })
    .await;
}

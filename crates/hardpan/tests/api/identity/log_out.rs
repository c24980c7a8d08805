//! `POST /auth/v1/logout`: the session ends at once, however it is named.
use serde_json::json;
use web::Method;

use crate::support::{Audit, Browser, PASSWORD, Request, TestApp, on_both};

const PATH: &str = "/auth/v1/logout";

fn log_out(app: &TestApp) -> Request {
    app.request(Method::POST, PATH)
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_makes_the_tokens_useless_at_once() {
    on_both(async |app| {
        let by_bearer = app.register("ann@example.com").await;
        let by_refresh = app.login("ann@example.com").await;
        let stays = app.login("ann@example.com").await;
        // Each was good a moment ago, and is known to be.
        for person in [&by_bearer, &by_refresh, &stays] {
            assert!(app.is_in(&person.token).await);
        }
        let mut audit = Audit::of(&app.db).await;
        log_out(&app).bearer(&by_bearer.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), &entry.after["reason"]), ("session.revoked", &json!("logout")));
        assert_eq!(entry.actor.as_deref(), Some(by_bearer.id.as_str()));
        app.post(PATH, &json!({"refresh_token": by_refresh.refresh})).send().await.expect(204);
        assert_eq!(audit.actions().await, ["session.revoked"]);
        for person in [&by_bearer, &by_refresh] {
            app.get("/auth/v1/me").bearer(&person.token).send().await.expect_problem(401, "invalid_token");
            let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": person.refresh})).send().await;
            refresh.expect_problem(401, "invalid_token");
        }
        assert!(app.is_in(&stays.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_twice_or_without_a_session_is_no_mistake() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.post(PATH, &json!({"refresh_token": ann.refresh})).send().await.expect(204);
        let mut audit = Audit::of(&app.db).await;
        for request in [
            app.post(PATH, &json!({"refresh_token": ann.refresh})),
            app.post(PATH, &json!({"refresh_token": "x"})),
            app.post(PATH, &json!({})),
            log_out(&app).bearer(&ann.token),
            log_out(&app).bearer("x"),
            log_out(&app),
        ] {
            request.send().await.expect(204);
        }
        audit.none("log-outs without a session").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_of_another_generation_logs_out_too() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"refresh_token": ann.refresh});
        let next = app.post("/auth/v1/refresh", &body).send().await.expect(200).json();
        app.post(PATH, &body).send().await.expect(204);
        assert!(!app.is_in(next["access_token"].as_str().unwrap()).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_with_cookies_clears_them() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let browser = Browser::of(&app.post("/auth/v1/register", &body).send().await.expect(201), "");
        let unproven = browser.with_cookies(log_out(&app)).send().await;
        unproven.expect_problem(403, "csrf_failed");
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);

        let answer = browser.sent(log_out(&app)).send().await.expect(204);
        for name in ["hardpan_access", "hardpan_refresh", "hardpan_csrf"] {
            let cleared = answer.set_cookie(name).unwrap();
            assert!(cleared.starts_with(&format!("{name}=; ")) && cleared.contains("Max-Age=0"), "{cleared}");
        }
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect_problem(401, "invalid_token");
        browser.sent(app.post("/auth/v1/refresh", &json!({}))).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_page_logs_nobody_out() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let browser = Browser::of(&app.post("/auth/v1/register", &body).send().await.expect(201), "");
        for request in [browser.with_cookies(log_out(&app)), browser.sent(log_out(&app)), log_out(&app)] {
            let answer =
                request.header("origin", "https://evil.example").send().await.expect_problem(403, "csrf_failed");
            assert!(!answer.headers.contains_key("set-cookie"));
        }
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_another_credential_cookies_are_ignored() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let key = app.api_key(&ann, &["*:*"]).await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let browser = Browser::of(&app.post("/auth/v1/login", &body).send().await.expect(200), "");
        for (name, value) in
            [("authorization", "Bearer x"), ("x-api-key", "x"), ("x-api-key", key.secret.as_str()), ("x-api-key", "")]
        {
            let answer = browser.sent(log_out(&app)).header(name, value).send().await.expect(204);
            assert_eq!(answer.set_cookie("hardpan_access"), None, "{name}: {value}");
            let refresh = browser.sent(app.post("/auth/v1/refresh", &json!({}))).header(name, value);
            refresh.send().await.expect_problem(401, "invalid_token");
        }
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
        browser.sent(app.post("/auth/v1/refresh", &json!({}))).send().await.expect(200);
    })
    .await;
}

//! Sessions with cookies: what is set, where it goes, and how it is renewed.
use std::time::Duration;

use serde_json::json;

use crate::support::{Browser, PASSWORD, PRODUCTION, Request, TestApp, on_both, on_both_with};

const ORIGIN: (&str, &str) = ("origin", "https://tested.example");

fn register(app: &TestApp, email: &str) -> Request {
    app.post("/auth/v1/register", &json!({"email": email, "password": PASSWORD, "transport": "cookie"}))
}

#[tokio::test(flavor = "multi_thread")]
async fn with_cookies_no_token_is_in_the_body() {
    on_both(async |app| {
        let registered = register(&app, "ann@example.com").send().await.expect(201);
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let logged_in = app.post("/auth/v1/login", &body).send().await.expect(200);
        let refreshed =
            Browser::of(&logged_in, "").sent(app.post("/auth/v1/refresh", &json!({}))).send().await.expect(200);
        for answer in [registered, logged_in, refreshed] {
            let body = answer.json();
            let members: Vec<&str> = body.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["user", "expires_in"]);
            let browser = Browser::of(&answer, "");
            for cookie in [&browser.access, &browser.refresh, &browser.csrf] {
                assert!(!answer.text().contains(cookie.split_once('=').unwrap().1));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn on_loopback_http_the_names_lose_their_prefix_and_secure() {
    on_both(async |app| {
        let answer = register(&app, "ann@example.com").send().await.expect(201);
        let value = |name: &str| answer.cookie(name).unwrap().split_once('=').unwrap().1.to_owned();
        for (name, end) in [
            ("hardpan_access", "Path=/; Max-Age=3600; SameSite=Lax; HttpOnly"),
            ("hardpan_refresh", "Path=/; Max-Age=604800; SameSite=Lax; HttpOnly"),
            ("hardpan_csrf", "Path=/; Max-Age=604800; SameSite=Lax"),
        ] {
            assert_eq!(answer.set_cookie(name).unwrap(), format!("{name}={}; {end}", value(name)));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn elsewhere_cookies_are_for_this_host_and_https_alone() {
    on_both_with(&PRODUCTION, async |app| {
        let (origin, own) = ORIGIN;
        let answer = register(&app, "ann@example.com").header(origin, own).send().await.expect(201);
        for name in ["__Host-hardpan_access", "__Host-hardpan_refresh"] {
            let cookie = answer.set_cookie(name).unwrap();
            assert!(cookie.ends_with("; SameSite=Lax; HttpOnly; Secure") && cookie.contains("; Path=/;"), "{cookie}");
            assert!(!cookie.contains("Domain"));
        }
        let csrf = answer.set_cookie("__Host-hardpan_csrf").unwrap();
        assert!(csrf.ends_with("; SameSite=Lax; Secure") && !csrf.contains("HttpOnly"), "{csrf}");
        let browser = Browser::of(&answer, "__Host-");
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
        let write = browser.sent(app.post("/api/v1/folders", &json!({"name": "a"})));
        write.clone().header(origin, own).send().await.expect(201);
        write.header(origin, "http://tested.example").send().await.expect_problem(403, "csrf_failed");
        // The names of loopback mean nothing here.
        let plain = browser.access.replace("__Host-", "");
        app.get("/auth/v1/me").header("cookie", &plain).send().await.expect_problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_with_cookies_needs_the_token_and_renews_all_three() {
    on_both(async |app| {
        let browser = Browser::of(&register(&app, "ann@example.com").send().await.expect(201), "");
        app.advance(Duration::from_secs(1));
        let refresh = || app.post("/auth/v1/refresh", &json!({}));
        browser.with_cookies(refresh()).send().await.expect_problem(403, "csrf_failed");
        // The access cookie is gone by the time it is needed.
        let refresh_alone = || refresh().header("cookie", &browser.refresh);
        refresh_alone().send().await.expect_problem(403, "csrf_failed");
        refresh_alone().header("x-csrf-token", "x").send().await.expect_problem(403, "csrf_failed");
        let foreign = refresh_alone().header("x-csrf-token", browser.token()).header("origin", "https://evil.example");
        foreign.send().await.expect_problem(403, "csrf_failed");
        let answer = refresh_alone().header("x-csrf-token", browser.token()).send().await.expect(200);
        let renewed = Browser::of(&answer, "");
        assert_ne!((&renewed.access, &renewed.refresh), (&browser.access, &browser.refresh));
        assert_eq!(renewed.csrf, browser.csrf, "the token is the session's");
        renewed.sent(app.post("/api/v1/folders", &json!({"name": "a"}))).send().await.expect(201);
        // The body names the token, or the cookie does; not a body that is empty.
        app.request(web::Method::POST, "/auth/v1/refresh")
            .header("cookie", &renewed.refresh)
            .header("x-csrf-token", renewed.token())
            .send()
            .await
            .expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_refresh_cookie_ends_the_session_as_an_old_token_does() {
    on_both(async |app| {
        let browser = Browser::of(&register(&app, "ann@example.com").send().await.expect(201), "");
        let refresh = |browser: &Browser| browser.sent(app.post("/auth/v1/refresh", &json!({}))).send();
        let renewed = Browser::of(&refresh(&browser).await.expect(200), "");
        app.advance(Duration::from_secs(11));
        refresh(&browser).await.expect_problem(401, "refresh_reused");
        renewed.with_cookies(app.get("/auth/v1/me")).send().await.expect_problem(401, "invalid_token");
        refresh(&renewed).await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_that_are_wrong_count_as_a_token_that_is_not_valid() {
    on_both(async |app| {
        let browser = Browser::of(&register(&app, "ann@example.com").send().await.expect(201), "");
        for cookie in ["hardpan_access=x", "hardpan_access=.", &format!("{}x", browser.access)] {
            app.get("/auth/v1/me").header("cookie", cookie).send().await.expect_problem(401, "invalid_token");
        }
        for cookie in
            ["", "hardpan_access", "hardpan_access=", "HARDPAN_ACCESS=x", "xhardpan_access=x", &browser.refresh]
        {
            app.get("/auth/v1/me").header("cookie", cookie).send().await.expect_problem(401, "unauthenticated");
        }
        let among = format!("a=b; {}; c=\"d\"", browser.access);
        app.get("/auth/v1/me").header("cookie", &among).send().await.expect(200);
        // A refresh token is no access token, in whatever cookie it comes.
        let swapped = browser.refresh.replace("hardpan_refresh", "hardpan_access");
        app.get("/auth/v1/me").header("cookie", &swapped).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

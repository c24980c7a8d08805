//! Sessions by cookie: nothing in the body, an echo on every write, no foreign pages.
use std::collections::BTreeSet;

use serde_json::json;

use crate::support::{Answer, App, Ask, PASSWORD, delete, get, on_both, patch, post, refresh};

const NAMES: [&str; 3] = ["__Host-hardpan_access", "__Host-hardpan_refresh", "__Host-hardpan_csrf"];

struct Browser {
    cookies: String,
    csrf: String,
}

impl Browser {
    fn of(answer: &Answer) -> Self {
        let [access, refresh, csrf] = NAMES.map(|name| answer.cookie(name).unwrap_or_else(|| panic!("no {name}")));
        let cookies = format!("{}={access}; {}={refresh}; {}={csrf}", NAMES[0], NAMES[1], NAMES[2]);
        Self { cookies, csrf }
    }

    fn ask(&self, ask: Ask) -> Ask {
        ask.header("cookie", &self.cookies)
    }

    fn echoing(&self, ask: Ask) -> Ask {
        self.ask(ask).header("x-csrf-token", &self.csrf)
    }
}

fn log_in() -> Ask {
    post("/auth/v1/login", json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"}))
}

fn bare(path: &str) -> Ask {
    post(path, json!({})).without_body()
}

async fn browser(app: &App) -> Browser {
    app.register("ann@example.com").await;
    Browser::of(&app.ask(log_in()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_are_in_cookies_alone() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let answer = app.ask(post("/auth/v1/register", body)).await;
        assert_eq!(answer.status, 201);
        let fields: BTreeSet<_> = answer.json.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(fields, BTreeSet::from(["expires_in", "user"]));
        let browser = Browser::of(&answer);
        assert_eq!(app.ask(browser.ask(get("/auth/v1/me"))).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_must_echo_the_token_of_their_session() {
    on_both(async |app| {
        let browser = browser(&app).await;
        let other = Browser::of(&app.ask(log_in()).await);
        let write = || patch("/auth/v1/me", json!({"name": "Ann"}));
        assert_eq!(app.ask(browser.ask(write())).await.error(), (403, "csrf_failed"));
        let wrong = browser.ask(write()).header("x-csrf-token", &other.csrf);
        assert_eq!(app.ask(wrong).await.error(), (403, "csrf_failed"));
        let foreign = browser.echoing(write()).header("origin", "https://evil.example");
        assert_eq!(app.ask(foreign).await.error(), (403, "csrf_failed"));
        let own = browser.echoing(write()).header("origin", "https://notes.example");
        assert_eq!(app.ask(own).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn foreign_pages_log_nobody_in() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let foreign = || log_in().header("origin", "https://evil.example");
        assert_eq!(app.ask(foreign()).await.error(), (403, "csrf_failed"));
        let body = json!({"email": "bob@example.com", "password": PASSWORD, "transport": "cookie"});
        let register = post("/auth/v1/register", body).header("origin", "https://evil.example");
        assert_eq!(app.ask(register).await.error(), (403, "csrf_failed"));
        let sessions: i64 = app.query("SELECT COUNT(*) FROM sessions").await[0].get(0).unwrap();
        assert_eq!(sessions, 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refreshing_wants_the_echo_too_and_rotates_the_cookies() {
    on_both(async |app| {
        let browser = browser(&app).await;
        // As when the access cookie has expired: only the other two are left.
        let rest = Browser { cookies: browser.cookies.split_once("; ").unwrap().1.to_owned(), csrf: browser.csrf };
        let path = "/auth/v1/refresh";
        assert_eq!(app.ask(rest.ask(bare(path))).await.error(), (403, "csrf_failed"));
        let foreign = rest.echoing(bare(path)).header("origin", "https://evil.example");
        assert_eq!(app.ask(foreign).await.error(), (403, "csrf_failed"));
        let answer = app.ask(rest.echoing(bare(path))).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        assert!(answer.json.get("refresh_token").is_none() && answer.json.get("access_token").is_none());
        let next = Browser::of(&answer);
        assert_eq!(next.csrf, rest.csrf);
        assert_ne!(next.cookies, rest.cookies);
        assert_eq!(app.ask(next.ask(get("/auth/v1/me"))).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logging_out_wants_the_echo_and_clears_the_cookies() {
    on_both(async |app| {
        let browser = browser(&app).await;
        let path = "/auth/v1/logout";
        assert_eq!(app.ask(browser.ask(bare(path))).await.error(), (403, "csrf_failed"));
        let rest = browser.cookies.split_once("; ").unwrap().1;
        assert_eq!(app.ask(bare(path).header("cookie", rest)).await.error(), (403, "csrf_failed"));
        let access_alone = bare(path).header("cookie", browser.cookies.split("; ").next().unwrap());
        assert_eq!(app.ask(access_alone).await.error(), (403, "csrf_failed"));
        assert_eq!(app.ask(browser.ask(get("/auth/v1/me"))).await.status, 200);
        let answer = app.ask(browser.echoing(bare(path))).await;
        assert_eq!(answer.status, 204, "{answer:?}");
        for name in NAMES {
            assert_eq!(answer.cookie(name).as_deref(), Some(""), "{name}");
        }
        assert_eq!(app.ask(browser.ask(get("/auth/v1/me"))).await.error(), (401, "invalid_token"));
        // Another site cannot make a browser forget its cookies.
        assert_eq!(app.ask(bare(path).header("origin", "https://evil.example")).await.error(), (403, "csrf_failed"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_bearer_cookies_are_ignored() {
    on_both(async |app| {
        let browser = browser(&app).await;
        let bob = app.register("bob@example.com").await;
        let access = bob.text("access_token");
        let me = app.ask(browser.ask(get("/auth/v1/me")).bearer(&access)).await;
        assert_eq!(me.text("email"), "bob@example.com");
        assert_eq!(app.ask(browser.ask(get("/auth/v1/me")).bearer("x")).await.error(), (401, "invalid_token"));
        let ignored = browser.echoing(bare("/auth/v1/refresh")).bearer(&access);
        assert_eq!(app.ask(ignored).await.error(), (401, "invalid_token"));
        assert_eq!(app.ask(browser.ask(bare("/auth/v1/logout")).bearer(&access)).await.status, 204);
        assert_eq!(app.me(&access).await.status, 401);
        assert_eq!(app.ask(browser.ask(get("/auth/v1/me"))).await.status, 200);
        assert_eq!(app.ask(refresh(&bob.text("refresh_token"))).await.status, 401);
        assert_eq!(app.ask(browser.echoing(delete("/auth/v1/sessions"))).await.status, 204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_of_the_master_key_keeps_the_echo_good() {
    on_both(async |app| {
        let browser = browser(&app).await;
        let changed = app.with_changed_master_key().await;
        let renamed = patch("/auth/v1/me", json!({"name": "Ann"}));
        assert_eq!(browser.ask(renamed.clone()).send(&changed).await.status, 403);
        assert_eq!(browser.echoing(renamed).send(&changed).await.status, 200);
        assert_eq!(browser.echoing(bare("/auth/v1/refresh")).send(&changed).await.status, 200);
        assert_eq!(browser.echoing(bare("/auth/v1/logout")).send(&changed).await.status, 204);
    })
    .await;
}

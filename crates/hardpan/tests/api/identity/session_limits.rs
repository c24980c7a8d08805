//! How long sessions last: unused, and at most.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Browser, PASSWORD, Person, TestApp, on_both, on_both_with, person};

const HOUR: Duration = Duration::from_hours(1);

async fn refreshed(app: &TestApp, who: &Person) -> Json {
    app.post("/auth/v1/refresh", &json!({"refresh_token": who.refresh})).send().await.expect(200).json()
}

async fn is_refused(app: &TestApp, who: &Person) {
    let body = json!({"refresh_token": who.refresh});
    app.post("/auth/v1/refresh", &body).send().await.expect_problem(401, "invalid_token");
}

/// When the only session ends, as its owner is told.
async fn end(app: &TestApp, who: &Person) -> Json {
    let page = app.get("/auth/v1/sessions").bearer(&who.token).send().await.expect(200).json();
    let items = page["items"].as_array().unwrap();
    assert_eq!(items.len(), 1, "{page}");
    items[0]["expires_at"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_refresh_leads_beyond_the_thirtieth_day() {
    on_both(async |app| {
        let mut ann = app.register("ann@example.com").await;
        for _ in 0..5 {
            app.advance(Duration::from_hours(6 * 24 - 1));
            ann = person(&refreshed(&app, &ann).await);
        }
        assert_eq!(end(&app, &ann).await, "2026-12-21T09:00:00.000000Z");
        app.advance(Duration::from_mins(5 * 60 - 1));
        // A minute is left, for a token too.
        let last = refreshed(&app, &ann).await;
        assert_eq!(last["expires_in"], 60);
        ann = person(&last);
        assert_eq!(end(&app, &ann).await, "2026-12-21T09:00:00.000000Z");
        app.advance(Duration::from_mins(1));
        assert!(!app.is_in(&ann.token).await);
        is_refused(&app, &ann).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_used_ends_before() {
    on_both_with(&[("HARDPAN_AUTH__REFRESH_TTL", "2h"), ("HARDPAN_AUTH__SESSION_MAX", "5h")], async |app| {
        let ann = app.register("ann@example.com").await;
        assert_eq!(end(&app, &ann).await, "2026-11-21T11:00:00.000000Z");
        app.advance(2 * HOUR);
        is_refused(&app, &ann).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_shorter_than_any_other_is_kept_from_the_start() {
    on_both_with(&[("HARDPAN_AUTH__SESSION_MAX", "30m")], async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let answer = app.post("/auth/v1/register", &body).send().await.expect(201);
        assert_eq!(answer.json()["expires_in"], 1800);
        for name in ["hardpan_access", "hardpan_refresh", "hardpan_csrf"] {
            let cookie = answer.set_cookie(name).unwrap();
            assert!(cookie.contains("Max-Age=1800"), "{cookie}");
        }
        let browser = Browser::of(&answer, "");
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
        app.advance(Duration::from_mins(30));
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_proof_begins_nothing_anew() {
    on_both_with(&[("HARDPAN_AUTH__SESSION_MAX", "3h")], async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(2 * HOUR + Duration::from_mins(30));
        let ann = person(&refreshed(&app, &ann).await);
        let body = json!({"method": "password", "password": PASSWORD});
        let fresh = app.post("/auth/v1/step-up", &body).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(fresh["expires_in"], 1800);
        let ann = person(&fresh);
        assert_eq!(end(&app, &ann).await, "2026-11-21T12:00:00.000000Z");
        app.advance(Duration::from_mins(30));
        assert!(!app.is_in(&ann.token).await);
        is_refused(&app, &ann).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shorter_limit_holds_for_sessions_there_are() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(Duration::from_mins(20));
        let old = app.login("ann@example.com").await;
        let node = app.another_node_with(|config| config.auth.session_max = Duration::from_mins(30)).await;
        let list = app.get("/auth/v1/sessions").through(&node.app);
        let listed = async |who: &Person| list.clone().bearer(&who.token).send().await.expect(200).json();
        let ends = listed(&ann).await["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|item| item["expires_at"].clone())
            .collect::<Vec<_>>();
        assert_eq!(ends, [json!("2026-11-21T09:50:00.000000Z"), json!("2026-11-21T09:30:00.000000Z")]);
        app.advance(Duration::from_mins(10));
        list.clone().bearer(&ann.token).send().await.expect_problem(401, "invalid_token");
        assert_eq!(listed(&old).await["items"].as_array().unwrap().len(), 1);
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})).through(&node.app);
        refresh.send().await.expect_problem(401, "invalid_token");
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": old.refresh})).through(&node.app);
        assert_eq!(refresh.send().await.expect(200).json()["expires_in"], 1200);
    })
    .await;
}

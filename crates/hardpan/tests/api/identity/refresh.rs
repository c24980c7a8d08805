//! `POST /auth/v1/refresh`: each token once, its parent for ten seconds, and the end of the session for a copy.
use std::time::Duration;

use serde_json::json;

use crate::support::{Answer, Audit, Person, TestApp, on_both, on_both_with, person};

const SECOND: Duration = Duration::from_secs(1);

async fn refresh(app: &TestApp, token: &str) -> Answer {
    app.post("/auth/v1/refresh", &json!({"refresh_token": token})).send().await
}

async fn successor(app: &TestApp, token: &str) -> Person {
    person(&refresh(app, token).await.expect(200).json())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_gives_new_tokens_for_the_same_session() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let session = app.current_session(&ann).await;
        app.advance(SECOND);
        let next = successor(&app, &ann.refresh).await;
        assert_ne!((&next.token, &next.refresh), (&ann.token, &ann.refresh));
        assert_eq!(next.id, ann.id);
        assert_eq!(app.current_session(&next).await, session);
        // The access token of before is good until it expires.
        assert!(app.is_in(&ann.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_token_ends_the_session() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let other = app.login("ann@example.com").await;
        let next = successor(&app, &ann.refresh).await;
        app.advance(Duration::from_secs(11));
        let mut audit = Audit::of(&app.db).await;
        let answer = refresh(&app, &ann.refresh).await.expect_problem(401, "refresh_reused");
        assert!(answer.header("www-authenticate").unwrap().starts_with("Bearer"));
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), &entry.after["reason"]), ("session.revoked", &json!("refresh_reused")));
        // Neither the thief nor the owner goes on, at once.
        for token in [&ann.token, &next.token] {
            app.get("/auth/v1/me").bearer(token).send().await.expect_problem(401, "invalid_token");
        }
        for token in [&ann.refresh, &next.refresh] {
            refresh(&app, token).await.expect_problem(401, "invalid_token");
        }
        audit.none("refreshes of a session that ended").await;
        assert!(app.is_in(&other.token).await);
    })
    .await;
}

/// supabase/auth#466: whoever lost an answer gets the same one again, for a time that nothing makes longer.
#[tokio::test(flavor = "multi_thread")]
async fn the_parent_yields_the_same_successor_for_ten_seconds() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let next = successor(&app, &ann.refresh).await;
        app.advance(10 * SECOND);
        let again = successor(&app, &ann.refresh).await;
        assert_eq!(again.refresh, next.refresh);
        app.advance(Duration::from_micros(1));
        refresh(&app, &ann.refresh).await.expect_problem(401, "refresh_reused");
    })
    .await;
}

/// supabase/auth#466: a grandparent ends the session.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_use_of_the_successor_ends_the_parents_time() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let next = successor(&app, &ann.refresh).await;
        let third = successor(&app, &next.refresh).await;
        refresh(&app, &ann.refresh).await.expect_problem(401, "refresh_reused");
        refresh(&app, &third.refresh).await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_refresh_token_is_401_and_ends_nothing() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let other = if &ann.refresh[40..41] == "A" { "B" } else { "A" };
        let changed = format!("{}{other}{}", &ann.refresh[..40], &ann.refresh[41..]);
        let padded = format!("{}=", ann.refresh);
        for token in ["", "x", &changed, &ann.refresh[1..], &padded, &ann.token[..200], "é", "null"] {
            refresh(&app, token).await.expect_problem(401, "invalid_token");
        }
        for request in [app.post("/auth/v1/refresh", &json!({})), app.request(web::Method::POST, "/auth/v1/refresh")] {
            request.send().await.expect_problem(401, "invalid_token");
        }
        audit.none("what is no refresh token").await;
        successor(&app, &ann.refresh).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_lives_from_refresh_to_refresh() {
    on_both_with(&[("HARDPAN_AUTH__REFRESH_TTL", "2h"), ("HARDPAN_AUTH__ACCESS_TTL", "15m")], async |app| {
        let mut ann = app.register("ann@example.com").await;
        for _ in 0..5 {
            app.advance(Duration::from_mins(119));
            assert!(!app.is_in(&ann.token).await);
            let answer = refresh(&app, &ann.refresh).await.expect(200).json();
            assert_eq!(answer["expires_in"], 900);
            ann = person(&answer);
            assert!(app.is_in(&ann.token).await);
        }
        app.advance(Duration::from_hours(2));
        refresh(&app, &ann.refresh).await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_is_no_fresh_log_in() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(Duration::from_mins(6));
        let next = successor(&app, &ann.refresh).await;
        app.delete("/auth/v1/me").bearer(&next.token).send().await.expect_problem(401, "fresh_login_required");
    })
    .await;
}

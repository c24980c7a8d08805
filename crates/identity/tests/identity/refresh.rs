//! POST /auth/v1/refresh: the grammar of rotation.
use std::{collections::HashSet, time::Duration};

use serde_json::json;

use crate::support::{App, on_both, post, refresh};

async fn successor(app: &App, token: &str) -> String {
    let answer = app.ask(refresh(token)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(app.me(&answer.text("access_token")).await.status, 200);
    answer.text("refresh_token")
}

async fn refused(app: &App, token: &str, code: &str) {
    assert_eq!(app.ask(refresh(token)).await.error(), (401, code));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_parent_yields_the_same_successor_within_ten_seconds() {
    on_both(async |app| {
        let first = app.register("ann@example.com").await.text("refresh_token");
        let second = successor(&app, &first).await;
        assert_ne!(first, second);
        app.db.clock.advance(Duration::from_secs(9));
        assert_eq!(successor(&app, &first).await, second);
        // Asking again extends nothing.
        app.db.clock.advance(Duration::from_secs(1));
        assert_eq!(successor(&app, &first).await, second);
        app.db.clock.advance(Duration::from_millis(1));
        refused(&app, &first, "refresh_reused").await;
        refused(&app, &second, "invalid_token").await;
        assert_eq!(app.audited().await, ["session.revoked"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_successors_first_use_ends_the_grace() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let first = granted.text("refresh_token");
        let second = successor(&app, &first).await;
        let third = successor(&app, &second).await;
        // The parent of the present token still has its grace; its grandparent ends the session at once.
        assert_eq!(successor(&app, &second).await, third);
        refused(&app, &first, "refresh_reused").await;
        for token in [&first, &second, &third] {
            refused(&app, token, "invalid_token").await;
        }
        assert_eq!(app.me(&granted.text("access_token")).await.error(), (401, "invalid_token"));
        assert_eq!(app.audited().await, ["session.revoked"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reuse_ends_its_own_session_alone() {
    on_both(async |app| {
        let stolen = app.register("ann@example.com").await.text("refresh_token");
        let other = app.log_in("ann@example.com").await.text("refresh_token");
        successor(&app, &stolen).await;
        app.db.clock.advance(Duration::from_mins(1));
        refused(&app, &stolen, "refresh_reused").await;
        successor(&app, &other).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_get_one_successor() {
    on_both(async |app| {
        let first = app.register("ann@example.com").await.text("refresh_token");
        let other = app.another().await;
        let asks: Vec<_> = (0..50)
            .map(|number| {
                let (web, ask) = (if number % 2 == 0 { app.web.clone() } else { other.clone() }, refresh(&first));
                tokio::spawn(async move { ask.send(&web).await })
            })
            .collect();
        let mut successors = HashSet::new();
        for ask in asks {
            let answer = ask.await.unwrap();
            assert_eq!(answer.status, 200, "{answer:?}");
            successors.insert(answer.text("refresh_token"));
        }
        assert_eq!(successors.len(), 1);
        successor(&app, &successors.into_iter().next().unwrap()).await;
        let generation: i64 = app.query("SELECT generation FROM sessions").await[0].get(0).unwrap();
        assert_eq!(generation, 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_slide_up_to_thirty_days() {
    on_both(async |app| {
        let mut token = app.register("ann@example.com").await.text("refresh_token");
        for _ in 0..4 {
            app.db.clock.advance(Duration::from_hours(6 * 24));
            token = successor(&app, &token).await;
        }
        app.db.clock.advance(Duration::from_hours(6 * 24) - Duration::from_secs(1));
        token = successor(&app, &token).await;
        app.db.clock.advance(Duration::from_secs(1));
        refused(&app, &token, "invalid_token").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unused_sessions_end_after_their_time() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        app.db.clock.advance(Duration::from_hours(7 * 24));
        refused(&app, &granted.text("refresh_token"), "invalid_token").await;
        assert_eq!(app.audited().await, [] as [&str; 0]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_tokens_and_none_are_refused() {
    on_both(async |app| {
        let token = app.register("ann@example.com").await.text("refresh_token");
        let (first, rest) = token.split_at(1);
        let flipped = format!("{}{rest}", if first == "A" { "B" } else { "A" });
        for forged in ["", "x", &flipped, &token[1..], &format!("{token}A")] {
            refused(&app, forged, "invalid_token").await;
        }
        let nothing = app.ask(post("/auth/v1/refresh", json!({}))).await;
        assert_eq!(nothing.error(), (401, "invalid_token"));
        let nothing = app.ask(post("/auth/v1/refresh", json!({})).without_body()).await;
        assert_eq!(nothing.error(), (401, "invalid_token"));
        successor(&app, &token).await;
    })
    .await;
}

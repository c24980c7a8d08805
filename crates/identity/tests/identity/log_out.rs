//! POST /auth/v1/logout: it bites at once here, and within a second elsewhere.
use std::time::Duration;

use serde_json::json;

use crate::support::{App, get, on_both, post, refresh};

async fn log_out(app: &App, access_token: &str) {
    let ask = post("/auth/v1/logout", json!({})).without_body().bearer(access_token);
    let answer = app.ask(ask).await;
    assert_eq!(answer.status, 204, "{answer:?}");
    assert_eq!(answer.headers["clear-site-data"], "\"cache\", \"storage\"");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bearers_session_ends_at_once() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let access = granted.text("access_token");
        assert_eq!(app.me(&access).await.status, 200);
        log_out(&app, &access).await;
        assert_eq!(app.me(&access).await.error(), (401, "invalid_token"));
        assert_eq!(app.ask(refresh(&granted.text("refresh_token"))).await.error(), (401, "invalid_token"));
        // Again: nothing left to do, and nothing more to audit.
        log_out(&app, &access).await;
        assert_eq!(app.audited().await, ["session.revoked"]);
        let trail = app.query("SELECT actor_type FROM audit_log WHERE action = 'session.revoked'").await;
        assert_eq!(trail[0].get::<String>(0).unwrap(), "user");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refresh_token_names_its_session() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let kept = app.log_in("ann@example.com").await;
        let body = json!({"refresh_token": granted.text("refresh_token")});
        assert_eq!(app.ask(post("/auth/v1/logout", body.clone())).await.status, 204);
        assert_eq!(app.me(&granted.text("access_token")).await.error(), (401, "invalid_token"));
        assert_eq!(app.me(&kept.text("access_token")).await.status, 200);
        assert_eq!(app.ask(post("/auth/v1/logout", body)).await.status, 204);
        assert_eq!(app.ask(post("/auth/v1/logout", json!({"refresh_token": "forged"}))).await.status, 204);
        assert_eq!(app.ask(post("/auth/v1/logout", json!({})).without_body()).await.status, 204);
        assert_eq!(app.me(&kept.text("access_token")).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_learns_within_a_second() {
    on_both(async |app| {
        let access = app.register("ann@example.com").await.text("access_token");
        let other = app.another().await;
        let there = async || get("/auth/v1/me").bearer(&access).send(&other).await.status;
        assert_eq!(there().await, 200);
        log_out(&app, &access).await;
        app.db.clock.advance(Duration::from_secs(1));
        assert_eq!(there().await, 401);
    })
    .await;
}

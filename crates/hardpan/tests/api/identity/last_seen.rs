//! What a person sees of their sessions: when and where each was used, how it was proven, on which device.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Authenticator, Browser, PASSWORD, Person, TestApp, on_both, person};

const PATH: &str = "/auth/v1/sessions";
const SECOND: Duration = Duration::from_secs(1);

async fn listed(app: &TestApp, token: &str) -> Vec<Json> {
    let page = app.get(PATH).bearer(token).peer("198.51.100.9").send().await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// The caller's own, once it was noted that it was used at `at`: that happens behind the back of a request.
async fn noted(app: &TestApp, who: &Person, at: &str) -> Json {
    loop {
        let own = listed(app, &who.token).await.into_iter().find(|session| session["is_current"] == true).unwrap();
        if own["last_seen_at"] == at {
            return own;
        }
        tokio::task::yield_now().await;
    }
}

/// How often sessions were written since the last look, as the database counts.
async fn seen_at(app: &TestApp) -> Vec<i64> {
    let sql = "SELECT last_seen_at FROM sessions ORDER BY id";
    let rows = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query(sql, &[]).await })).await.unwrap();
    rows.iter().map(|row| row.get::<kernel::Timestamp>(0).unwrap().micros()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_counts_and_is_noted_once_a_minute() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let own = listed(&app, &ann.token).await.pop().unwrap();
        assert_eq!((&own["address"], &own["last_address"]), (&json!("127.0.0.1"), &json!("127.0.0.1")));
        let start = seen_at(&app).await;
        app.advance(59 * SECOND);
        for _ in 0..20 {
            assert!(app.is_in(&ann.token).await);
        }
        assert_eq!(seen_at(&app).await, start);
        app.advance(SECOND);
        let own = noted(&app, &ann, "2026-11-21T09:01:00.000000Z").await;
        assert_eq!((&own["address"], &own["last_address"]), (&json!("127.0.0.1"), &json!("198.51.100.9")));
        // Used on the other side of the minute, by a key of the same person: nothing is written.
        app.advance(59 * SECOND);
        let before = seen_at(&app).await;
        for _ in 0..20 {
            assert!(app.is_in(&ann.token).await);
        }
        assert_eq!(seen_at(&app).await, before);
        // A refresh is a use.
        let body = json!({"refresh_token": ann.refresh});
        app.post("/auth/v1/refresh", &body).peer("203.0.113.5").send().await.expect(200);
        let own = noted(&app, &ann, "2026-11-21T09:01:59.000000Z").await;
        assert_eq!(
            (&own["last_address"], &own["expires_at"]),
            (&json!("203.0.113.5"), &json!("2026-11-28T09:01:59.000000Z"))
        );
    })
    .await;
}

/// A use is no refresh: it makes nothing last longer.
#[tokio::test(flavor = "multi_thread")]
async fn a_use_moves_no_end() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(30 * 60 * SECOND);
        let own = noted(&app, &ann, "2026-11-21T09:30:00.000000Z").await;
        assert_eq!(own["expires_at"], "2026-11-28T09:00:00.000000Z");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_proven_and_where_is_told() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let own = listed(&app, &ann.token).await.pop().unwrap();
        assert_eq!((&own["amr"], &own["trusted_until"]), (&json!(["pwd"]), &json!(null)));
        let devices = app.get("/auth/v1/me/devices").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(own["device_id"], devices["items"][0]["id"]);
        // A fresh proof is one more, on the same device.
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let elevated = listed(&app, &ann.token).await.pop().unwrap();
        assert_eq!((&elevated["amr"], &elevated["device_id"]), (&json!(["pwd", "otp"]), &own["device_id"]));

        app.advance(30 * SECOND);
        let challenge = app.challenge("ann@example.com").await;
        let body = json!({
            "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(&app), "trust_device": true,
        });
        let ann = person(&app.post("/auth/v1/mfa/verify", &body).send().await.expect(200).json());
        let trusted = listed(&app, &ann.token).await.remove(0);
        assert_eq!(
            (&trusted["amr"], &trusted["trusted_until"], &trusted["is_current"]),
            (&json!(["pwd", "otp"]), &json!("2026-12-21T09:00:30.000000Z"), &json!(true))
        );
        // Forgotten: the session goes on, and says of no device.
        let path = format!("/auth/v1/me/devices/{}", trusted["device_id"].as_str().unwrap());
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let forgotten = listed(&app, &ann.token).await.remove(0);
        assert_eq!((&forgotten["device_id"], &forgotten["trusted_until"]), (&json!(null), &json!(null)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uses_by_cookies_are_noted_too() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let browser = Browser::of(&app.post("/auth/v1/register", &body).send().await.expect(201), "");
        app.advance(90 * SECOND);
        loop {
            let page = browser.with_cookies(app.get(PATH)).send().await.expect(200).json();
            if page["items"][0]["last_seen_at"] == "2026-11-21T09:01:30.000000Z" {
                break;
            }
            tokio::task::yield_now().await;
        }
    })
    .await;
}

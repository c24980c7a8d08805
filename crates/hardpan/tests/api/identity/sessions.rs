//! `GET DELETE /auth/v1/sessions[/{id}]`
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Audit, PASSWORD, TestApp, on_both};

const PATH: &str = "/auth/v1/sessions";

async fn listed(app: &TestApp, token: &str) -> Vec<Json> {
    let page = app.get(PATH).bearer(token).send().await.expect(200).json();
    assert_eq!(page["next"], json!(null));
    page["items"].as_array().unwrap().clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn ones_own_sessions_are_listed_newest_first() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.register("bob@example.com").await;
        app.advance(Duration::from_mins(1));
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let agent = format!("Browser/1.0 {}", "x".repeat(1_000));
        let request = app.post("/auth/v1/login", &body).peer("2001:db8::1");
        request.header("user-agent", &agent).send().await.expect(200);
        let sessions = listed(&app, &ann.token).await;
        assert_eq!(sessions.len(), 2);
        let (new, old) = (&sessions[0], &sessions[1]);
        assert_eq!((&new["is_current"], &old["is_current"]), (&json!(false), &json!(true)));
        assert_eq!((&new["address"], &new["transport"]), (&json!("2001:db8::1"), &json!("cookie")));
        assert_eq!(new["user_agent"].as_str().unwrap(), &agent[..256]);
        assert_eq!(
            (&old["address"], &old["transport"], &old["user_agent"]),
            (&json!("127.0.0.1"), &json!("bearer"), &json!(null))
        );
        assert_eq!(new["created_at"], "2026-11-21T09:01:00.000000Z");
        assert_eq!(new["expires_at"], "2026-11-28T09:01:00.000000Z");
        app.advance(Duration::from_mins(1));
        app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})).send().await.expect(200);
        let old = listed(&app, &ann.token).await.pop().unwrap();
        assert_eq!(
            (&old["last_seen_at"], &old["expires_at"]),
            (&json!("2026-11-21T09:02:00.000000Z"), &json!("2026-11-28T09:02:00.000000Z"))
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_agent_that_is_no_text_harms_nobody() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for agent in [&b"\xff\xfe\xfd"[..], b"", b"a\tb", "\u{202e}é𝄞".as_bytes()] {
            let body = json!({"email": "ann@example.com", "password": PASSWORD});
            app.post("/auth/v1/login", &body).header_bytes("user-agent", agent).send().await.expect(200);
        }
        assert_eq!(listed(&app, &ann.token).await.len(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_is_over_at_once_and_gone_from_the_list() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let other = app.login("ann@example.com").await;
        let path = format!("{PATH}/{}", app.current_session(&other).await);
        assert!(app.is_in(&other.token).await);
        let mut audit = Audit::of(&app.db).await;
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), format!("{PATH}/{}", entry.target("ses"))),
            ("session.revoked", path.clone())
        );
        app.get("/auth/v1/me").bearer(&other.token).send().await.expect_problem(401, "invalid_token");
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": other.refresh})).send().await;
        refresh.expect_problem(401, "invalid_token");
        assert_eq!(listed(&app, &ann.token).await.len(), 1);
        app.delete(&path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        // One's own, too.
        let own = format!("{PATH}/{}", app.current_session(&ann).await);
        app.delete(&own).bearer(&ann.token).send().await.expect(204);
        assert!(!app.is_in(&ann.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_ends_a_strangers_session() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let path = format!("{PATH}/{}", app.current_session(&ann).await);
        let mut audit = Audit::of(&app.db).await;
        app.delete(&path).bearer(&bob.token).send().await.expect_problem(404, "not_found");
        audit.none("a stranger's session").await;
        assert!(app.is_in(&ann.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn all_others_are_ended_at_once() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let others = [app.login("ann@example.com").await, app.login("ann@example.com").await];
        let bob = app.register("bob@example.com").await;
        for other in &others {
            assert!(app.is_in(&other.token).await);
        }
        let mut audit = Audit::of(&app.db).await;
        app.delete(PATH).bearer(&ann.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), &entry.after["count"]), ("session.revoked", &json!(2)));
        for other in &others {
            assert!(!app.is_in(&other.token).await);
        }
        assert!(app.is_in(&ann.token).await && app.is_in(&bob.token).await);
        app.delete(PATH).bearer(&ann.token).send().await.expect(204);
        audit.none("when there are no others").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sessions_come_in_pages() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for _ in 0..4 {
            app.advance(Duration::from_secs(1));
            app.login("ann@example.com").await;
        }
        let (mut seen, mut after) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("{PATH}?limit=2{after}")).bearer(&ann.token).send().await.expect(200).json();
            seen.extend(page["items"].as_array().unwrap().iter().map(|session| session["created_at"].to_string()));
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        let mut sorted = seen.clone();
        sorted.sort();
        sorted.dedup();
        sorted.reverse();
        assert_eq!((seen.len(), seen), (5, sorted));
    })
    .await;
}

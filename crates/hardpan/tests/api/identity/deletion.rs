//! `DELETE /auth/v1/me`: gone at once for everyone, and for good soon after.
use std::time::Duration;

use serde_json::json;

use crate::support::{Audit, Browser, PASSWORD, TestApp, on_both};

const ME: &str = "/auth/v1/me";

async fn rows(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await.unwrap();
    row.get(0).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_older_than_five_minutes_is_not_enough() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(Duration::from_mins(6));
        let mut audit = Audit::of(&app.db).await;
        let answer = app.delete(ME).bearer(&ann.token).send().await.expect_problem(401, "fresh_login_required");
        // RFC 9470, 3.
        let challenge = answer.header("www-authenticate").unwrap();
        assert_eq!(challenge, "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"");
        audit.none("a log-in that is too old").await;
        assert!(app.is_in(&ann.token).await);
        // What is no deletion goes on.
        app.patch(ME, &json!({"name": "Ann"})).bearer(&ann.token).send().await.expect(200);
        let fresh = app.login("ann@example.com").await;
        app.advance(Duration::from_mins(5));
        app.delete(ME).bearer(&fresh.token).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_deleted_is_gone_at_once() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let ann = app.register("ann@example.com").await;
        let other = app.login("ann@example.com").await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let browser = Browser::of(&app.post("/auth/v1/login", &body).send().await.expect(200), "");
        for token in [&ann.token, &other.token] {
            assert!(app.is_in(token).await);
        }
        let mut audit = Audit::of(&app.db).await;
        app.delete(ME).bearer(&ann.token).send().await.expect(204);
        assert_eq!(audit.actions().await, ["account.deleted", "session.revoked"]);
        // Every session, by whatever transport.
        for token in [&ann.token, &other.token] {
            app.get(ME).bearer(token).send().await.expect_problem(401, "invalid_token");
        }
        browser.with_cookies(app.get(ME)).send().await.expect_problem(401, "invalid_token");
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": other.refresh})).send().await;
        refresh.expect_problem(401, "invalid_token");
        let log_in = app.post("/auth/v1/login", &json!({"email": "ann@example.com", "password": PASSWORD}));
        log_in.send().await.expect_problem(401, "invalid_credentials");
        // Administrators do not find it either.
        let path = format!("/admin/v1/users/{}", ann.id);
        app.get(&path).bearer(&admin.token).send().await.expect_problem(404, "not_found");
        app.get(&format!("{path}/sessions")).bearer(&admin.token).send().await.expect_problem(404, "not_found");
        let page = app.get("/admin/v1/users").bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        // Nothing of the person is left.
        let left = "SELECT COUNT(*) FROM users WHERE email IS NOT NULL OR email_key IS NOT NULL OR username IS NOT NULL OR name IS NOT NULL \
                    OR password_hash IS NOT NULL";
        assert_eq!(rows(&app, left).await, 1, "the administrator's alone");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_address_and_its_name_are_free_again_and_lead_to_nothing_of_before() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "username": "ann"});
        let first = app.post("/auth/v1/register", &body).send().await.expect(201).json();
        let token = first["access_token"].as_str().unwrap();
        app.post("/api/v1/folders", &json!({"name": "a"})).bearer(token).send().await.expect(201);
        app.delete(ME).bearer(token).send().await.expect(204);
        let second = app.post("/auth/v1/register", &body).send().await.expect(201).json();
        assert_ne!(first["user"]["id"], second["user"]["id"]);
        let page = app.get("/api/v1/folders").bearer(second["access_token"].as_str().unwrap()).send().await.expect(200);
        assert_eq!(page.json()["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn its_records_are_hidden_at_once_and_purged_after() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin", "reader"]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let body = json!({"title": "a", "state": "done", "slug": "s", "folder": folder["id"]});
        let document = app.create("documents", &ann, &body).await;
        app.create("folders", &bob, &json!({"name": "b"})).await;
        app.delete(ME).bearer(&ann.token).send().await.expect(204);
        for path in [TestApp::path("folders", &folder), TestApp::path("documents", &document)] {
            for person in [&admin, &bob] {
                app.get(&path).bearer(&person.token).send().await.expect_problem(404, "not_found");
                app.delete(&path).bearer(&person.token).send().await.expect_problem(404, "not_found");
            }
        }
        assert_eq!(app.get("/api/v1/documents").send().await.expect(200).json()["items"], json!([]));
        let page = app.get("/api/v1/folders").bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
        // The rows are there until they are purged, and then they are not.
        assert_eq!(rows(&app, "SELECT COUNT(*) FROM documents").await, 1);
        let mut audit = Audit::of(&app.db).await;
        assert_eq!(app.server.records.purge(&app.db.ctx()).await.unwrap(), 2);
        assert_eq!(audit.actions().await, ["records.purged", "records.purged"]);
        assert_eq!(
            (rows(&app, "SELECT COUNT(*) FROM documents").await, rows(&app, "SELECT COUNT(*) FROM folders").await),
            (0, 1)
        );
        assert_eq!(app.server.records.purge(&app.db.ctx()).await.unwrap(), 0);
        // The unique value is free again.
        app.create("documents", &bob, &json!({"title": "b", "slug": "s"})).await;
    })
    .await;
}

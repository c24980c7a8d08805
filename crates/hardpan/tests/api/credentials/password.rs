//! `POST /auth/v1/password/change`: by the password that is good now.
use serde_json::json;

use super::NEW_PASSWORD;
use crate::support::{Audit, PASSWORD, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn the_other_sessions_end_and_this_one_goes_on() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let other = app.login("ann@example.com").await;
        let change = |current: &str, new: &str| {
            let body = json!({"current_password": current, "new_password": new});
            app.post("/auth/v1/password/change", &body).bearer(&ann.token)
        };
        let mut audit = Audit::of(&app.db).await;
        change("wrong password", NEW_PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        assert_eq!(audit.actions().await, ["password.change_failed"]);
        let short = change(PASSWORD, "short").send().await.expect(422);
        assert_eq!(short.errors()[0].0, "new_password");
        assert!(app.is_in(&other.token).await);
        change(PASSWORD, NEW_PASSWORD).send().await.expect(204);
        assert_eq!(audit.actions().await, ["password.changed", "session.revoked"]);
        assert!(app.is_in(&ann.token).await);
        // GHSA-56p6-qw3c-fq2g Directus, CVE-2024-21635 memos: who was logged in elsewhere is not any more.
        assert!(!app.is_in(&other.token).await);
        app.post("/auth/v1/refresh", &json!({"refresh_token": other.refresh})).send().await.expect(401);
        app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})).send().await.expect(200);
        app.log_in("ann@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200);
        app.letter("ann@example.com", "password was changed").await;
    })
    .await;
}

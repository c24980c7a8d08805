//! `POST /auth/v1/password/change`: by the password that is good now.
use std::time::Duration;

use serde_json::json;

use super::NEW_PASSWORD;
use crate::support::{Audit, Authenticator, PASSWORD, on_both, person};

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

/// Whoever has a session and the password has one factor, and an account with two is not theirs.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_with_a_second_factor_wants_that_one_proven_lately() {
    on_both(async |app| {
        let (authenticator, ann) = Authenticator::confirmed(&app, &app.register("ann@example.com").await).await;
        let bob = app.register("bob@example.com").await;
        let change = |current: &str, token: &str| {
            let body = json!({"current_password": current, "new_password": NEW_PASSWORD});
            app.post("/auth/v1/password/change", &body).bearer(token)
        };
        app.advance(Duration::from_mins(6));
        let mut audit = Audit::of(&app.db).await;
        // Nothing is learnt of the password, and no try is counted.
        for current in [PASSWORD, "wrong password"].repeat(10) {
            let refused = change(current, &ann.token).send().await.expect_problem(401, "fresh_login_required");
            let challenge = refused.header("www-authenticate").unwrap();
            assert_eq!(challenge, "Bearer error=\"insufficient_user_authentication\", max_age=\"300\"");
        }
        // The password alone is no proof of an account that has more.
        let by_password = json!({"method": "password", "password": PASSWORD});
        let again = app.post("/auth/v1/step-up", &by_password).bearer(&ann.token).send().await;
        let ann = if again.status == 200 { person(&again.json()) } else { ann };
        change(PASSWORD, &ann.token).send().await.expect_problem(401, "fresh_login_required");
        assert!(!audit.actions().await.iter().any(|action| action.starts_with("password.")));

        let by_code = json!({"method": "totp", "code": authenticator.code(&app)});
        let ann = person(&app.post("/auth/v1/step-up", &by_code).bearer(&ann.token).send().await.expect(200).json());
        change("wrong password", &ann.token).send().await.expect_problem(401, "invalid_credentials");
        change(PASSWORD, &ann.token).send().await.expect(204);
        // Without a second factor the password is the proof.
        change("wrong password", &bob.token).send().await.expect_problem(401, "invalid_credentials");
        change(PASSWORD, &bob.token).send().await.expect(204);
    })
    .await;
}

/// On a device that is trusted the second factor was not asked for, and is not proven.
#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_device_is_no_second_factor() {
    on_both(async |app| {
        let (authenticator, ann) = Authenticator::confirmed(&app, &app.register("ann@example.com").await).await;
        app.advance(Duration::from_secs(30));
        let challenge = app.challenge(&ann.email).await;
        let body = json!({
            "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(&app), "trust_device": true,
        });
        let answer = app.post("/auth/v1/mfa/verify", &body).send().await.expect(200).json();
        let log_in = app.log_in(&ann.email, PASSWORD).header("x-device-token", answer["device_token"].as_str().unwrap());
        let trusted = person(&log_in.send().await.expect(200).json());
        let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
        let change = app.post("/auth/v1/password/change", &body).bearer(&trusted.token);
        change.send().await.expect_problem(401, "fresh_login_required");
    })
    .await;
}

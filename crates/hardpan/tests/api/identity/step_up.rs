//! `POST /auth/v1/step-up`: a fresh proof for the present session, by the best the account has.
use std::time::Duration;

use serde_json::json;

use crate::support::{Audit, Authenticator, PASSWORD, TestApp, on_both, person};

fn by_password(app: &TestApp, token: &str, password: &str) -> crate::support::Request {
    app.post("/auth/v1/step-up", &json!({"method": "password", "password": password})).bearer(token)
}

fn by_code(app: &TestApp, token: &str, code: &str) -> crate::support::Request {
    app.post("/auth/v1/step-up", &json!({"method": "totp", "code": code})).bearer(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fresh_password_is_enough_where_there_is_nothing_more() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(Duration::from_mins(6));
        let enrol = app.post("/auth/v1/me/factors/totp", &json!({})).bearer(&ann.token);
        enrol.send().await.expect_problem(401, "fresh_login_required");
        let mut audit = Audit::of(&app.db).await;
        by_password(&app, &ann.token, "wrong password").send().await.expect_problem(401, "invalid_credentials");
        assert_eq!(audit.actions().await, ["step_up.failed"]);
        let fresh = person(&by_password(&app, &ann.token, PASSWORD).send().await.expect(200).json());
        assert_eq!(audit.actions().await, ["session.elevated"]);
        // The session goes on under another id (CVE-2024-28197).
        assert!(!app.is_in(&ann.token).await);
        app.post("/auth/v1/me/factors/totp", &json!({})).bearer(&fresh.token).send().await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_second_factor_the_password_alone_is_not_fresh() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        app.advance(Duration::from_mins(6));
        let codes = |token: &str| app.post("/auth/v1/me/backup-codes", &json!({})).bearer(token).untyped("");
        codes(&ann.token).send().await.expect_problem(401, "fresh_login_required");
        let still = person(&by_password(&app, &ann.token, PASSWORD).send().await.expect(200).json());
        codes(&still.token).send().await.expect_problem(401, "fresh_login_required");
        let wrong = authenticator.wrong_code(&app);
        by_code(&app, &still.token, &wrong).send().await.expect_problem(401, "invalid_code");
        let fresh = person(&by_code(&app, &still.token, &authenticator.code(&app)).send().await.expect(200).json());
        codes(&fresh.token).send().await.expect(201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_proves_nothing_is_refused() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let ask = |body| app.post("/auth/v1/step-up", &body).bearer(&ann.token);
        ask(json!({"method": "totp", "code": "123456"})).send().await.expect_problem(401, "invalid_code");
        ask(json!({"method": "totp"})).send().await.expect_problem(422, "invalid");
        ask(json!({"method": "password"})).send().await.expect_problem(422, "invalid");
        ask(json!({"method": "link"})).send().await.expect_problem(422, "invalid");
        let anonymous = app.post("/auth/v1/step-up", &json!({"method": "password", "password": PASSWORD}));
        anonymous.send().await.expect_problem(401, "unauthenticated");
    })
    .await;
}

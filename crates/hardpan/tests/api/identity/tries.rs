//! How often passwords and codes are tried: by account, however it is named, and never so that its owner is shut out.
use std::time::Duration;

use serde_json::json;

use super::security_log::rename;
use crate::support::{Audit, Authenticator, PASSWORD, TestApp, all, on_both_with, person};

const TEN: [(&str, &str); 1] = [("HARDPAN_LIMITS__ACCOUNT__BURST", "default")];

fn try_password(app: &TestApp, name: &str, value: &str, password: &str, nth: u8) -> crate::support::Request {
    let body = json!({name: value, "password": password});
    app.post("/auth/v1/login", &body).peer(&format!("203.0.{nth}.7"))
}

/// CVE-2025-24806 Authelia, CVE-2025-54998 OpenBao: an account has one counter, whatever it is called and from wherever.
#[tokio::test(flavor = "multi_thread")]
async fn address_user_name_and_spelling_share_one_counter() {
    on_both_with(&TEN, async |app| {
        let body = json!({"email": "Ann@example.com", "password": PASSWORD, "username": "ann"});
        app.post("/auth/v1/register", &body).send().await.expect(201);
        let names =
            [("email", "ann@example.com"), ("email", "ANN@EXAMPLE.COM"), ("username", "ann"), ("username", "aNN")];
        for nth in 0..10 {
            let (name, value) = names[usize::from(nth) % 4];
            let answer = try_password(&app, name, value, "wrong password", nth).send().await;
            answer.expect_problem(401, "invalid_credentials");
        }
        for (name, value) in names {
            let answer = try_password(&app, name, value, PASSWORD, 200).send().await;
            let answer = answer.expect_problem(429, "rate_limited");
            assert!(answer.header("retry-after").unwrap().parse::<u64>().unwrap() <= 60);
        }
        // One a minute comes back.
        app.advance(Duration::from_mins(1));
        try_password(&app, "username", "ann", PASSWORD, 200).send().await.expect(200);
    })
    .await;
}

/// A database that is away while people try again and again must not lock them out once it is back.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_that_could_not_be_used_is_no_failure() {
    on_both_with(&TEN, async |app| {
        app.register("ann@example.com").await;
        rename(&app, "ALTER TABLE sessions RENAME TO gone").await;
        for nth in 0..12 {
            try_password(&app, "email", "ann@example.com", PASSWORD, nth).may_fail().send().await.expect(500);
        }
        rename(&app, "ALTER TABLE gone RENAME TO sessions").await;
        try_password(&app, "email", "ann@example.com", PASSWORD, 200).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_nobody_has_is_limited_as_one_that_somebody_has() {
    on_both_with(&TEN, async |app| {
        app.register("ann@example.com").await;
        let mut seen = Vec::new();
        for email in ["ann@example.com", "nobody@example.com"] {
            let mut answers = Vec::new();
            for nth in 0..12 {
                answers.push(try_password(&app, "email", email, "wrong password", nth).send().await.outcome());
            }
            seen.push(answers);
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].iter().filter(|(status, _)| *status == 429).count(), 2);
    })
    .await;
}

/// Lock-out must not become denial of service.
#[tokio::test(flavor = "multi_thread")]
async fn whoever_has_a_known_device_is_not_shut_out_by_strangers() {
    on_both_with(&TEN, async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let registered = app.post("/auth/v1/register", &body).send().await.expect(201).json();
        let device = registered["device_token"].as_str().unwrap();
        let answers =
            all((0..50).map(|nth| try_password(&app, "email", "ann@example.com", "wrong password", nth)).collect());
        let tried = answers.await.iter().filter(|answer| answer.status == 401).count();
        assert_eq!(tried, 10, "of fifty at once ten are tried");
        let log_in = || try_password(&app, "email", "ann@example.com", PASSWORD, 1);
        log_in().send().await.expect_problem(429, "rate_limited");
        log_in().header("x-device-token", device).send().await.expect(200);
        // The device has tries of its own, and as few.
        for _ in 0..10 {
            let wrong =
                try_password(&app, "email", "ann@example.com", "wrong password", 1).header("x-device-token", device);
            wrong.send().await.expect_problem(401, "invalid_credentials");
        }
        log_in().header("x-device-token", device).send().await.expect_problem(429, "rate_limited");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_do_not_keep_an_owner_from_confirming_a_factor() {
    on_both_with(&TEN, async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let registered = app.post("/auth/v1/register", &body).send().await.expect(201).json();
        let (ann, device) = (person(&registered), registered["device_token"].as_str().unwrap());
        for nth in 0..10 {
            let wrong = try_password(&app, "email", "ann@example.com", "wrong password", nth).send().await;
            wrong.expect_problem(401, "invalid_credentials");
        }
        let authenticator = Authenticator::enrol(&app, &ann).await;
        let confirm = |code: &str| {
            let path = format!("/auth/v1/me/factors/{}/confirm", authenticator.id);
            app.post(&path, &json!({"code": code})).bearer(&ann.token)
        };
        let wrong = authenticator.wrong_code(&app);
        confirm(&wrong).send().await.expect_problem(429, "rate_limited");
        // The device has its own tries, and as few.
        for _ in 0..9 {
            confirm(&wrong).header("x-device-token", device).send().await.expect_problem(401, "invalid_code");
        }
        let right = authenticator.code(&app);
        confirm(&right).header("x-device-token", device).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_are_counted_over_all_challenges_of_an_account() {
    on_both_with(&TEN, async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        app.advance(Duration::from_secs(30));
        let wrong = authenticator.wrong_code(&app);
        for _ in 0..5 {
            let challenge = app.challenge("ann@example.com").await;
            app.verify(&challenge, "totp", &wrong).send().await.expect_problem(401, "invalid_code");
        }
        for _ in 0..5 {
            let body = json!({"method": "totp", "code": wrong});
            let step_up = app.post("/auth/v1/step-up", &body).bearer(&ann.token).send().await;
            step_up.expect_problem(401, "invalid_code");
        }
        let log_in = app.post("/auth/v1/login", &json!({"email": "ann@example.com", "password": PASSWORD}));
        log_in.send().await.expect_problem(429, "rate_limited");
        let body = json!({"method": "totp", "code": authenticator.code(&app)});
        let step_up = app.post("/auth/v1/step-up", &body).bearer(&ann.token).send().await;
        step_up.expect_problem(429, "rate_limited");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_accounts_failing_from_one_network_are_told_of() {
    on_both_with(&[], async |app| {
        let mut audit = Audit::of(&app.db).await;
        for nth in 0..25 {
            let body = json!({"email": format!("person{nth}@example.com"), "password": "wrong password"});
            let request = app.post("/auth/v1/login", &body).peer(&format!("198.51.100.{nth}"));
            request.send().await.expect_problem(401, "invalid_credentials");
        }
        assert_eq!(audit.actions().await, ["threat.credential_stuffing"]);
    })
    .await;
}

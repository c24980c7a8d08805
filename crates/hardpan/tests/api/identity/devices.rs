//! Devices: known again by what they keep, trusted for thirty days, forgotten when their owner says so.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::{
    credentials::NEW_PASSWORD,
    support::{Audit, Authenticator, Browser, PASSWORD, Person, Request, TestApp, on_both, on_both_with, person},
};

const DEVICES: &str = "/auth/v1/me/devices";
const STEP: Duration = Duration::from_secs(30);

fn log_in(app: &TestApp, email: &str, device: &str) -> Request {
    let request = app.post("/auth/v1/login", &json!({"email": email, "password": PASSWORD}));
    if device.is_empty() { request } else { request.header("x-device-token", device) }
}

/// Logs in with the second factor and trusts the device: what it is known by.
async fn trusted(app: &TestApp, email: &str, authenticator: &Authenticator) -> String {
    app.advance(STEP);
    let challenge = app.challenge(email).await;
    let body = json!({
        "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(app), "trust_device": true,
    });
    let answer = app.post("/auth/v1/mfa/verify", &body).send().await.expect(200).json();
    answer["device_token"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_is_known_again_by_what_it_keeps() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let first = app.post("/auth/v1/register", &body).header("user-agent", "Phone").send().await.expect(201).json();
        let token = first["device_token"].as_str().unwrap().to_owned();
        let mut audit = Audit::of(&app.db).await;
        let again = log_in(&app, "ann@example.com", &token).send().await.expect(200).json();
        assert_eq!(again.get("device_token"), None::<&Json>);
        assert_eq!(audit.actions().await, ["session.created"]);
        // Another one is news.
        let other = log_in(&app, "ann@example.com", "").send().await.expect(200).json();
        assert_eq!(audit.actions().await, ["login.new_device", "session.created"]);
        assert_ne!(other["device_token"], json!(token));
        let ann = person(&again);
        let listed =
            app.get(DEVICES).bearer(&ann.token).header("x-device-token", &token).send().await.expect(200).json();
        let items = listed["items"].as_array().unwrap();
        let current: Vec<_> = items.iter().map(|device| device["is_current"].clone()).collect();
        assert_eq!(items.len(), 2, "{listed}");
        assert_eq!(current.iter().filter(|is| **is == json!(true)).count(), 1, "{listed}");
        // What cannot be ours is no device, and a short one cannot be chosen.
        let odd = log_in(&app, "ann@example.com", "AAAA").send().await.expect(200).json();
        assert_ne!(odd["device_token"], json!("AAAA"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_device_is_asked_for_no_second_factor_for_thirty_days() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        let token = trusted(&app, "ann@example.com", &authenticator).await;
        let granted = log_in(&app, "ann@example.com", &token).send().await.expect(200).json();
        let ann = person(&granted);
        // Trust is no proof: what wants a fresh one still does.
        let codes = app.post("/auth/v1/me/backup-codes", &json!({})).bearer(&ann.token).untyped("");
        codes.send().await.expect_problem(401, "fresh_login_required");
        // Bound to the device, and to the account.
        assert_eq!(log_in(&app, "ann@example.com", "").send().await.expect(200).json()["mfa_required"], true);
        let bob = app.register("bob@example.com").await;
        let (_, _) = Authenticator::confirmed(&app, &bob).await;
        assert_eq!(log_in(&app, "bob@example.com", &token).send().await.expect(200).json()["mfa_required"], true);
        app.advance(Duration::from_hours(30 * 24));
        assert_eq!(log_in(&app, "ann@example.com", &token).send().await.expect(200).json()["mfa_required"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_forgotten_is_trusted_no_more_and_neither_is_any_when_a_factor_goes() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let token = trusted(&app, "ann@example.com", &authenticator).await;
        let listed = app.get(DEVICES).bearer(&ann.token).send().await.expect(200).json();
        let trusted_one = listed["items"].as_array().unwrap().iter().find(|device| !device["trusted_until"].is_null());
        let path = format!("{DEVICES}/{}", trusted_one.unwrap()["id"].as_str().unwrap());
        app.delete(&path).bearer(&bob.token).send().await.expect_problem(404, "not_found");
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        assert_eq!(log_in(&app, "ann@example.com", &token).send().await.expect(200).json()["mfa_required"], true);

        let token = trusted(&app, "ann@example.com", &authenticator).await;
        let (_, ann) = {
            app.advance(STEP);
            let step_up = json!({"method": "totp", "code": authenticator.code(&app)});
            let fresh = app.post("/auth/v1/step-up", &step_up).bearer(&ann.token).send().await.expect(200).json();
            Authenticator::confirmed(&app, &person(&fresh)).await
        };
        let path = format!("/auth/v1/me/factors/{}", authenticator.id);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        assert_eq!(log_in(&app, "ann@example.com", &token).send().await.expect(200).json()["mfa_required"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn browsers_keep_a_cookie_that_scripts_cannot_read() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let answer = app.post("/auth/v1/login", &body).send().await.expect(200);
        let cookie = answer.set_cookie("hardpan_device").unwrap();
        assert!(cookie.contains("HttpOnly") && cookie.contains("Max-Age=34560000"), "{cookie}");
        assert_eq!(answer.json().get("device_token"), None::<&Json>);
        let value = answer.cookie("hardpan_device").unwrap();
        let with = app.post("/auth/v1/login", &body).header("cookie", &value);
        let again = with.header("origin", "http://127.0.0.1:8080").send().await.expect(200);
        assert_eq!(again.cookie("hardpan_device"), None);
        Browser::of(&again, "").with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
    })
    .await;
}

/// A script in the page logs in to an account of its own: the browser sends the cookie of the device along, and the answer must not
/// tell the script what that says.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_are_not_told_what_a_cookie_keeps_from_them() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        app.register("eve@example.com").await;
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let cookie = app.post("/auth/v1/login", &body).send().await.expect(200).cookie("hardpan_device").unwrap();
        let (_, secret) = cookie.split_once('=').unwrap();
        let mut audit = Audit::of(&app.db).await;
        for actions in [&["login.new_device", "session.created"][..], &["session.created"]] {
            let answer = log_in(&app, "eve@example.com", "").header("cookie", &cookie).send().await.expect(200);
            assert!(!answer.text().contains(secret), "{}", answer.text());
            assert_eq!(answer.json().get("device_token"), None::<&Json>);
            assert_eq!(audit.actions().await, actions, "known by it all the same");
        }
    })
    .await;
}

/// Ends what somebody else has of the account.
async fn end(app: &TestApp, how: &str, owner: &Person) {
    match how {
        "reset" => {
            let token = app.reset_token(&owner.email).await;
            app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        }
        "change" => {
            let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
            app.post("/auth/v1/password/change", &body).bearer(&owner.token).send().await.expect(204);
        }
        _ => {
            app.prove(&owner.email).await;
            let ask = app.post("/auth/v1/email/change", &json!({"email": "thief@example.com"})).bearer(&owner.token);
            ask.send().await.expect(202);
            let token = app.letter("thief@example.com", "new email address").await.token();
            app.verify_email(&token).send().await.expect(204);
            let token = app.letter(&owner.email, "being changed").await.token();
            app.post("/auth/v1/email/undo", &json!({"token": token})).send().await.expect(204);
            // The password went with it.
            app.advance(Duration::from_mins(2));
            let letters = app.letters_to(&owner.email).await;
            let reset = letters.iter().find(|letter| letter.subject.contains("Reset your password")).unwrap();
            app.reset(&reset.token(), NEW_PASSWORD).send().await.expect(204);
        }
    }
}

/// Whoever was in has no tries of their own afterwards, and is told of when they come again.
#[tokio::test(flavor = "multi_thread")]
async fn no_device_of_somebody_else_is_known_after_a_reset_a_change_of_the_password_and_an_undo() {
    on_both_with(&[("HARDPAN_LIMITS__ACCOUNT__BURST", "default")], async |app| {
        for how in ["reset", "change", "undo"] {
            let email = format!("{how}@example.com");
            let registered = app.post("/auth/v1/register", &json!({"email": email, "password": PASSWORD}));
            let registered = registered.send().await.expect(201).json();
            let own = registered["device_token"].as_str().unwrap();
            let stolen = log_in(&app, &email, "").send().await.expect(200).json();
            let stolen = stolen["device_token"].as_str().unwrap();
            end(&app, how, &person(&registered)).await;

            let new = |device: &str| app.log_in(&email, NEW_PASSWORD).header("x-device-token", device);
            let mut audit = Audit::of(&app.db).await;
            // The device that changes the password stays known.
            new(own).send().await.expect(200);
            let is_news = audit.actions().await.contains(&"login.new_device".to_owned());
            assert_eq!(is_news, how != "change", "{how}");
            // Ten wrong ones of strangers are those of the thief, too.
            for _ in 0..10 {
                log_in(&app, &email, "").send().await.expect_problem(401, "invalid_credentials");
            }
            log_in(&app, &email, stolen).send().await.expect_problem(429, "rate_limited");
            new(own).send().await.expect(200);
            app.advance(Duration::from_mins(1));
            audit.actions().await;
            new(stolen).send().await.expect(200);
            assert!(audit.actions().await.contains(&"login.new_device".to_owned()), "{how}");
        }
    })
    .await;
}

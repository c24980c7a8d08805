//! Log-ins from devices that the account does not know: told in the audit trail, and to the owner by mail.
use std::time::Duration;

use serde_json::json;

use crate::support::{Audit, Authenticator, Letter, PASSWORD, Person, Request, TestApp, on_both, person};

const SUBJECT: &str = "New log-in to your account";

fn log_in(app: &TestApp, email: &str) -> Request {
    app.post("/auth/v1/login", &json!({"email": email, "password": PASSWORD}))
}

async fn warnings(app: &TestApp, email: &str) -> Vec<Letter> {
    let letters = app.letters_to(email).await;
    letters.into_iter().filter(|letter| letter.subject.contains(SUBJECT)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_owner_is_told_of_a_log_in_on_another_device() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let first = app.post("/auth/v1/register", &body).send().await.expect(201).json();
        let token = first["device_token"].as_str().unwrap().to_owned();
        let mut audit = Audit::of(&app.db).await;
        // The device of the registration is known.
        log_in(&app, "ann@example.com").header("x-device-token", &token).send().await.expect(200);
        assert_eq!(audit.actions().await, ["session.created"]);
        assert!(warnings(&app, "ann@example.com").await.is_empty());

        let request = log_in(&app, "ann@example.com").header("user-agent", "Other/2.0").peer("198.51.100.7");
        let answer = request.send().await.expect(200).json();
        let ann = person(&answer);
        let news = audit.news().await;
        let entry = news.iter().find(|entry| entry.action == "login.new_device").unwrap();
        assert_eq!(
            (entry.actor.as_ref(), entry.target_type.as_str(), entry.address.as_deref()),
            (Some(&ann.id), "device", Some("198.51.100.7"))
        );
        assert_eq!(entry.after, json!({"user_id": ann.id, "session_id": app.current_session(&ann).await}));
        let letters = warnings(&app, "ann@example.com").await;
        assert_eq!(letters.len(), 1);
        for part in ["Other/2.0", "198.51.100.7", "2026-11-21 09:00 UTC"] {
            assert!(letters[0].text.contains(part), "{}", letters[0].text);
        }
        // Known from now on.
        let token = answer["device_token"].as_str().unwrap();
        log_in(&app, "ann@example.com").header("x-device-token", token).send().await.expect(200);
        assert_eq!(audit.actions().await, ["session.created"]);
        assert_eq!(warnings(&app, "ann@example.com").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_device_of_an_account_is_no_news() {
    on_both(async |app| {
        let mut audit = Audit::of(&app.db).await;
        // Registered, and made by an administrator.
        app.register("ann@example.com").await;
        app.person("bob@example.com", &[]).await;
        assert!(!audit.actions().await.contains(&"login.new_device".to_owned()));
        assert!(
            warnings(&app, "ann@example.com").await.is_empty() && warnings(&app, "bob@example.com").await.is_empty()
        );
        // A device that another account knows is none of this one's.
        app.login("bob@example.com").await;
        assert_eq!(warnings(&app, "bob@example.com").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_forgot_all_devices_is_told_of_the_next() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let devices = app.get("/auth/v1/me/devices").bearer(&ann.token).send().await.expect(200).json();
        let path = format!("/auth/v1/me/devices/{}", devices["items"][0]["id"].as_str().unwrap());
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let mut audit = Audit::of(&app.db).await;
        app.login("ann@example.com").await;
        assert_eq!(audit.actions().await, ["login.new_device", "session.created"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_factor_does_not_make_a_device_known_and_half_a_log_in_is_none() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        app.advance(Duration::from_secs(30));
        let mut audit = Audit::of(&app.db).await;
        let challenge = app.challenge("ann@example.com").await;
        assert!(audit.actions().await.is_empty());
        let body =
            json!({"challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(&app)});
        app.post("/auth/v1/mfa/verify", &body).send().await.expect(200);
        assert_eq!(audit.actions().await, ["login.new_device", "session.created"]);
        assert_eq!(warnings(&app, "ann@example.com").await.len(), 1);
    })
    .await;
}

/// Whoever knows the password cannot fill the mailbox; the trail has all of it.
#[tokio::test(flavor = "multi_thread")]
async fn five_mails_a_day_are_enough() {
    on_both(async |app| {
        let bob: Person = app.register("bob@example.com").await;
        app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        for _ in 0..7 {
            app.login("ann@example.com").await;
        }
        let actions = audit.actions().await;
        assert_eq!(actions.iter().filter(|action| *action == "login.new_device").count(), 7);
        assert_eq!(warnings(&app, "ann@example.com").await.len(), 5);
        // Each account has its own.
        app.login(&bob.email).await;
        assert_eq!(warnings(&app, "bob@example.com").await.len(), 1);
        app.advance(Duration::from_hours(24) - Duration::from_secs(1));
        app.server.identity.purge(&app.db.ctx()).await.unwrap();
        app.login("ann@example.com").await;
        assert_eq!(warnings(&app, "ann@example.com").await.len(), 5);
        app.advance(Duration::from_secs(1));
        app.login("ann@example.com").await;
        assert_eq!(warnings(&app, "ann@example.com").await.len(), 6);
    })
    .await;
}

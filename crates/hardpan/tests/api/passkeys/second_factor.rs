//! Passkeys and security keys beside a password, and to prove oneself anew.
use std::time::Duration;

use serde_json::{Value as Json, json};
use web::Method;

use super::{assert_refused, holder, password_login, register, try_login};
use crate::support::{Answer, Audit, Person, SoftKey, TestApp, all, on_both, person};

const START: &str = "/auth/v1/mfa/passkey/start";
const FINISH: &str = "/auth/v1/mfa/passkey/finish";
const STEP_UP_START: &str = "/auth/v1/step-up/passkey/start";
const STEP_UP_FINISH: &str = "/auth/v1/step-up/passkey/finish";

async fn answer(app: &TestApp, challenge: &Json, key: &mut SoftKey) -> Json {
    let body = json!({"challenge_id": challenge["challenge_id"]});
    let started = app.post(START, &body).send().await.expect(200).json();
    json!({
        "challenge_id": challenge["challenge_id"], "ceremony_id": started["ceremony_id"],
        "credential": key.get(&started["public_key"]),
    })
}

async fn try_step_up(app: &TestApp, who: &Person, key: &mut SoftKey) -> Answer {
    let started = app.request(Method::POST, STEP_UP_START).bearer(&who.token).send().await.expect(200).json();
    let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
    app.post(STEP_UP_FINISH, &body).bearer(&who.token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_completed_by_a_security_key() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut key = SoftKey::security_key();
        register(&app, &ann, &mut key).await;
        let challenge = password_login(&app, "ann@example.com").await;
        assert_eq!((&challenge["mfa_required"], &challenge["methods"]), (&json!(true), &json!(["passkey"])));
        let started = app.post(START, &json!({"challenge_id": challenge["challenge_id"]})).send().await.expect(200).json();
        let options = &started["public_key"];
        assert_eq!(options["userVerification"], "preferred");
        assert_eq!(
            options["allowCredentials"],
            json!([{"type": "public-key", "id": super::encode(&key.credential_id), "transports": ["hybrid", "internal"]}])
        );
        let mut audit = Audit::of(&app.db).await;
        let body = answer(&app, &challenge, &mut key).await;
        let granted = app.post(FINISH, &body).send().await.expect(200).json();
        assert_eq!(audit.only("session.created").await.after["methods"], json!(["pwd", "hwk"]));
        // Good once, and so is the challenge.
        assert_eq!(app.post(FINISH, &body).send().await.expect(401).code(), "invalid_token");
        let over = app.post(START, &json!({"challenge_id": challenge["challenge_id"]})).send().await.expect(401);
        assert_eq!(over.code(), "invalid_token");
        app.request(Method::POST, super::REGISTER_START).bearer(&person(&granted).token).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_completes_a_password_too_and_verifies_its_user() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let challenge = password_login(&app, "ann@example.com").await;
        key.verifies_user = false;
        let body = answer(&app, &challenge, &mut key).await;
        assert_refused(&app.post(FINISH, &body).send().await);
        key.verifies_user = true;
        let mut audit = Audit::of(&app.db).await;
        let body = answer(&app, &challenge, &mut key).await;
        app.post(FINISH, &body).send().await.expect(200);
        assert_eq!(audit.only("session.created").await.after["methods"], json!(["pwd", "passkey"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_answers_to_one_challenge_one_is_in() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut key = SoftKey { counts: false, ..SoftKey::security_key() };
        register(&app, &ann, &mut key).await;
        let challenge = password_login(&app, "ann@example.com").await;
        let body = answer(&app, &challenge, &mut key).await;
        let (mut audit, node) = (Audit::of(&app.db).await, app.another_node().await);
        let finish = |nth: usize| {
            let request = app.post(FINISH, &body);
            if nth.is_multiple_of(2) { request } else { request.through(&node.app) }
        };
        let answers = all((0..50).map(finish).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 49);
        assert!(audit.actions().await.contains(&"session.created".to_owned()));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_s_key_another_challenge_and_a_copy_are_refused_and_counted() {
    on_both(async |app| {
        let (_, mut anns, _) = holder(&app, "ann@example.com").await;
        let (_, mut bobs, _) = holder(&app, "bob@example.com").await;
        let challenge = password_login(&app, "ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let body = answer(&app, &challenge, &mut bobs).await;
        assert_refused(&app.post(FINISH, &body).send().await);
        assert_eq!(audit.actions().await, ["second_factor.failed"]);
        // A ceremony of one challenge does not complete another.
        let other = password_login(&app, "ann@example.com").await;
        let mut body = answer(&app, &other, &mut anns).await;
        body["challenge_id"] = challenge["challenge_id"].clone();
        assert_eq!(app.post(FINISH, &body).send().await.expect(401).code(), "invalid_token");
        // A counter that goes back.
        let mut body = answer(&app, &other, &mut anns).await;
        app.post(FINISH, &body).send().await.expect(200);
        anns.counter = 1;
        body = answer(&app, &challenge, &mut anns).await;
        assert_refused(&app.post(FINISH, &body).send().await);
        assert!(audit.actions().await.contains(&"passkey.cloned".to_owned()));
        let none = app.post(START, &json!({"challenge_id": challenge["challenge_id"]})).send().await.expect(404);
        assert_eq!(none.code(), "not_found");
        // Still asked for a second factor, and told that there is none to give.
        let again = password_login(&app, "ann@example.com").await;
        assert_eq!((&again["mfa_required"], &again["methods"]), (&json!(true), &json!([])));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_answers_end_the_challenge() {
    on_both(async |app| {
        let (_, _, _) = holder(&app, "ann@example.com").await;
        let (_, mut bobs, _) = holder(&app, "bob@example.com").await;
        let challenge = password_login(&app, "ann@example.com").await;
        for _ in 0..5 {
            let body = answer(&app, &challenge, &mut bobs).await;
            assert_refused(&app.post(FINISH, &body).send().await);
        }
        let over = app.post(START, &json!({"challenge_id": challenge["challenge_id"]})).send().await.expect(401);
        assert_eq!(over.code(), "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_proven_anew_and_gets_another_id() {
    on_both(async |app| {
        let (ann, mut key, _) = holder(&app, "ann@example.com").await;
        let refused = app.request(Method::POST, super::REGISTER_START).bearer(&ann.token).send().await.expect(401);
        assert_eq!(refused.code(), "fresh_login_required");
        let mut audit = Audit::of(&app.db).await;
        let proven = person(&try_step_up(&app, &ann, &mut key).await.expect(200).json());
        assert_eq!(audit.actions().await, ["session.elevated"]);
        app.request(Method::POST, super::REGISTER_START).bearer(&proven.token).send().await.expect(200);
        assert!(!app.is_in(&ann.token).await, "the tokens from before are void");
        // Fresh for five minutes, and again after another touch.
        app.advance(Duration::from_secs(5 * 60 + 1));
        app.request(Method::POST, super::REGISTER_START).bearer(&proven.token).send().await.expect(401);
        try_step_up(&app, &proven, &mut key).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_is_its_session_s_and_its_owner_s() {
    on_both(async |app| {
        let (ann, mut key, _) = holder(&app, "ann@example.com").await;
        let (bob, mut bobs, _) = holder(&app, "bob@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        assert_refused(&try_step_up(&app, &ann, &mut bobs).await);
        assert_eq!(audit.actions().await, ["step_up.failed"]);
        let started = app.request(Method::POST, STEP_UP_START).bearer(&ann.token).send().await.expect(200).json();
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
        let elsewhere = person(&try_login(&app, &mut key).await.expect(200).json());
        for other in [&bob, &elsewhere] {
            let answer = app.post(STEP_UP_FINISH, &body).bearer(&other.token).send().await.expect(401);
            assert_eq!(answer.code(), "invalid_token");
        }
        // What was asked for a log-in is no step-up.
        let mut login = app.request(Method::POST, super::LOGIN_START).send().await.expect(200).json();
        login["credential"] = key.get(&login["public_key"]);
        let body = json!({"ceremony_id": login["ceremony_id"], "credential": login["credential"]});
        let answer = app.post(STEP_UP_FINISH, &body).bearer(&ann.token).send().await.expect(401);
        assert_eq!(answer.code(), "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_last_factor_the_backup_codes_go() {
    on_both(async |app| {
        let (_, mut key, passkey) = holder(&app, "ann@example.com").await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        let left = async || {
            app.get("/auth/v1/me/backup-codes").bearer(&ann.token).send().await.expect(200).json()["left"].clone()
        };
        app.request(Method::POST, "/auth/v1/me/backup-codes").bearer(&ann.token).send().await.expect(201);
        assert_eq!(left().await, 10);
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        assert_eq!(left().await, 0);
    })
    .await;
}

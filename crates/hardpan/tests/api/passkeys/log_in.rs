//! Logging in with a passkey alone: no name, no password, one answer.
use std::time::Duration;

use serde_json::json;
use web::Method;

use super::{LOGIN_FINISH, LOGIN_START, answer, assert_refused, holder, register, try_login};
use crate::support::{Audit, SoftKey, all, on_both, person};

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_the_whole_log_in() {
    on_both(async |app| {
        let (ann, mut key, passkey) = holder(&app, "ann@example.com").await;
        let started = app.request(Method::POST, LOGIN_START).send().await.expect(200).json();
        let options = &started["public_key"];
        assert_eq!((&options["rpId"], &options["userVerification"]), (&json!("localhost"), &json!("required")));
        assert_eq!(options["allowCredentials"], json!([]));
        app.advance(Duration::from_mins(1));
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(options)});
        let granted = app.post(LOGIN_FINISH, &body).send().await.expect(200).json();
        assert_eq!(audit.only("session.created").await.after["methods"], json!(["passkey"]));
        let again = person(&granted);
        assert_eq!(again.id, ann.id);
        // It is two factors in one, and fresh: sensitive things may be done.
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        let renamed = app.patch(&path, &json!({"name": "phone"})).bearer(&again.token).send().await.expect(200).json();
        assert_ne!(renamed["last_used_at"], json!(null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_carry_the_tokens_when_asked() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let mut body = answer(&app, &mut key).await;
        body["transport"] = json!("cookie");
        let foreign = app.post(LOGIN_FINISH, &body).header("origin", "https://evil.example").send().await.expect(403);
        assert_eq!(foreign.code(), "csrf_failed");
        let granted = app.post(LOGIN_FINISH, &body).header("origin", "http://127.0.0.1:8080").send().await.expect(200);
        assert_eq!(granted.json()["access_token"], json!(null));
        assert!(granted.header("set-cookie").is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_email_binds_the_ceremony_and_tells_nothing() {
    on_both(async |app| {
        let (_, mut ann, _) = holder(&app, "ann@example.com").await;
        let (_, mut bob, _) = holder(&app, "bob@example.com").await;
        app.register("no-passkey@example.com").await;
        let start = |email: &str| app.post(LOGIN_START, &json!({"email": email}));
        let mut shapes = Vec::new();
        for email in ["ann@example.com", "no-passkey@example.com", "nobody@example.com"] {
            let mut shape = start(email).send().await.expect(200).json();
            assert_eq!(shape["public_key"]["challenge"].as_str().unwrap().len(), 43);
            shape["public_key"]["challenge"] = json!("");
            shape["ceremony_id"] = json!(shape["ceremony_id"].as_str().unwrap().len());
            shapes.push(shape);
        }
        assert!(shapes[1..].iter().all(|shape| *shape == shapes[0]), "{shapes:#?}");
        for (email, is_ann, status) in
            [("Ann@Example.com", false, 401), ("nobody@example.com", true, 401), ("Ann@Example.com", true, 200)]
        {
            let key = if is_ann { &mut ann } else { &mut bob };
            let started = start(email).send().await.expect(200).json();
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
            app.post(LOGIN_FINISH, &body).send().await.expect(status);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_is_taken_once_and_in_time() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let body = answer(&app, &mut key).await;
        app.post(LOGIN_FINISH, &body).send().await.expect(200);
        assert_eq!(app.post(LOGIN_FINISH, &body).send().await.expect(401).code(), "invalid_token");
        let body = answer(&app, &mut key).await;
        app.advance(Duration::from_mins(5));
        assert_eq!(app.post(LOGIN_FINISH, &body).send().await.expect(401).code(), "invalid_token");
        // A challenge of one ceremony, answered in another.
        let mut mixed = answer(&app, &mut key).await;
        mixed["ceremony_id"] = answer(&app, &mut key).await["ceremony_id"].clone();
        assert_refused(&app.post(LOGIN_FINISH, &mixed).send().await);
        for nonsense in ["", "x", "AAAA"] {
            mixed["ceremony_id"] = json!(nonsense);
            assert_eq!(app.post(LOGIN_FINISH, &mixed).send().await.expect(401).code(), "invalid_token");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_finishes_of_one_log_in_one_is_in() {
    on_both(async |app| {
        let (_, key, _) = holder(&app, "ann@example.com").await;
        // One that does not count: only the ceremony can tell them apart.
        let mut key = SoftKey { counts: false, counter: 0, ..key };
        let (bob, node) = (app.register("bob@example.com").await, app.another_node().await);
        register(&app, &bob, &mut SoftKey::passkey()).await;
        let mut uncounted = SoftKey { counts: false, ..SoftKey::passkey() };
        let cat = app.register("cat@example.com").await;
        register(&app, &cat, &mut uncounted).await;
        let body = answer(&app, &mut uncounted).await;
        let mut audit = Audit::of(&app.db).await;
        let finish = |nth: usize| {
            let request = app.post(LOGIN_FINISH, &body);
            if nth.is_multiple_of(2) { request } else { request.through(&node.app) }
        };
        let answers = all((0..50).map(finish).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 49);
        audit.only("session.created").await;
        // One that stops counting has gone back.
        assert_refused(&try_login(&app, &mut key).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_counter_that_goes_back_suspends_the_passkey_until_its_owner_looks() {
    on_both(async |app| {
        let (ann, mut key, passkey) = holder(&app, "ann@example.com").await;
        let again = person(&try_login(&app, &mut key).await.expect(200).json());
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        key.counter -= 1;
        let mut audit = Audit::of(&app.db).await;
        assert_refused(&try_login(&app, &mut key).await);
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), entry.target("psk")),
            ("passkey.cloned", passkey["id"].as_str().unwrap().to_owned())
        );
        assert_eq!((&entry.after["user_id"], &entry.after["counter"]), (&json!(ann.id), &json!(2)));
        // Whichever of the two goes on to count.
        key.counter += 100;
        assert_refused(&try_login(&app, &mut key).await);
        assert_eq!(audit.actions().await, ["login.failed"]);
        let list = app.get("/auth/v1/passkeys").bearer(&again.token).send().await.expect(200).json();
        assert_eq!(list["items"][0]["is_suspended"], true);
        // It still counts as a second factor: whoever has a copy must not be able to take the account back to a password.
        let me = app.get("/auth/v1/me").bearer(&again.token).send().await.expect(200).json();
        assert_eq!(me["has_second_factor"], true);
        app.patch(&path, &json!({"is_suspended": true})).bearer(&again.token).send().await.expect(200);
        assert_refused(&try_login(&app, &mut key).await);
        let resumed = app.patch(&path, &json!({"is_suspended": false})).bearer(&again.token).send().await.expect(200);
        assert_eq!(resumed.json()["is_suspended"], false);
        try_login(&app, &mut key).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_key_and_its_copy_at_the_same_count_one_is_taken() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        key.counter = 10;
        let first = answer(&app, &mut key).await;
        key.counter = 10;
        let second = answer(&app, &mut key).await;
        let answers = all([first, second].iter().map(|body| app.post(LOGIN_FINISH, body)).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 1);
        key.counter = 50;
        assert_refused(&try_login(&app, &mut key).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_wrong_is_answered_alike() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let (_, bobs, _) = holder(&app, "bob@example.com").await;
        let honest = (key.origin.clone(), key.rp_id.clone(), key.kind, key.verifies_user);
        let lies: [fn(&mut SoftKey); 6] = [
            |key| key.origin = "http://badlocalhost:8080".into(),
            |key| key.origin = "http://127.0.0.1:8080".into(),
            |key| key.rp_id = Some("example.com".into()),
            |key| key.kind = Some("webauthn.create"),
            |key| key.verifies_user = false,
            |key| key.is_backed_up = true,
        ];
        for (nth, lie) in lies.into_iter().enumerate() {
            lie(&mut key);
            let refused = try_login(&app, &mut key).await;
            assert!(refused.code() == "invalid_passkey", "lie {nth}: {}", refused.text());
            (key.origin, key.rp_id, key.kind, key.verifies_user) = honest.clone();
            key.is_backed_up = false;
        }
        // A credential that is nobody's, one of another account, and another's signature.
        let mut unknown = SoftKey::passkey();
        unknown.create(&json!({"user": {"id": ""}, "rp": {"id": "localhost"}, "challenge": ""}));
        assert_refused(&try_login(&app, &mut unknown).await);
        let mut body = answer(&app, &mut key).await;
        body["credential"]["rawId"] = json!(super::encode(&bobs.credential_id));
        assert_refused(&app.post(LOGIN_FINISH, &body).send().await);
        let mut body = answer(&app, &mut key).await;
        body["credential"]["response"]["userHandle"] = json!(null);
        assert_refused(&app.post(LOGIN_FINISH, &body).send().await);
        let mut forged = SoftKey::passkey();
        forged.adopt(&key);
        assert_refused(&try_login(&app, &mut forged).await);
        key.counter += 10;
        try_login(&app, &mut key).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_key_is_no_log_in_even_when_it_learns_to_verify() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut key = SoftKey::security_key();
        register(&app, &ann, &mut key).await;
        assert_refused(&try_login(&app, &mut key).await);
        key.verifies_user = true;
        assert_refused(&try_login(&app, &mut key).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_logs_in_to_an_account_that_is_deleted() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let body = answer(&app, &mut key).await;
        let again = person(&try_login(&app, &mut key).await.expect(200).json());
        app.delete("/auth/v1/me").bearer(&again.token).send().await.expect(204);
        app.post(LOGIN_FINISH, &body).send().await.expect(401);
        assert_refused(&try_login(&app, &mut key).await);
        // The key may be registered anew.
        let ann = app.register("ann@example.com").await;
        register(&app, &ann, &mut key).await;
    })
    .await;
}

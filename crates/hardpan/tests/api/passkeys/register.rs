//! Registering: in the session that began it, once, with what was asked for.
use std::time::Duration;

use serde_json::{Value as Json, json};
use web::Method;

use super::{REGISTER_FINISH, REGISTER_START, assert_refused, begin, holder, register, try_register};
use crate::support::{Audit, SoftKey, all, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_is_asked_for_and_registered() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let started = app.request(Method::POST, REGISTER_START).bearer(&ann.token).send().await.expect(200).json();
        let options = &started["public_key"];
        assert_eq!(options["rp"], json!({"name": "tested", "id": "localhost"}));
        assert_eq!((&options["user"]["name"], &options["user"]["displayName"]), (&json!("ann@example.com"), &json!("ann@example.com")));
        assert_eq!(
            options["authenticatorSelection"],
            json!({"residentKey": "preferred", "requireResidentKey": false, "userVerification": "preferred"})
        );
        assert_eq!((&options["attestation"], &options["excludeCredentials"]), (&json!("none"), &json!([])));
        assert_eq!(started["expires_in"], 300);
        let mut audit = Audit::of(&app.db).await;
        let credential = SoftKey::passkey().create(options);
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": credential, "name": "  Ann's phone "});
        let made = app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await.expect(201).json();
        assert_eq!(
            made,
            json!({
                "id": made["id"], "name": "Ann's phone", "kind": "passkey", "transports": ["hybrid", "internal"], "is_backed_up": false,
                "is_suspended": false, "created_at": made["created_at"], "last_used_at": null,
            })
        );
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.target("psk")), ("passkey.registered", made["id"].as_str().unwrap().to_owned()));
        assert_eq!(entry.after, json!({"user_id": ann.id, "name": "Ann's phone", "kind": "passkey"}));
        let me = app.get("/auth/v1/me").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(me["has_second_factor"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_verify_its_user_is_a_security_key() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let made = register(&app, &ann, &mut SoftKey::security_key()).await;
        assert_eq!((&made["kind"], &made["name"]), (&json!("security_key"), &json!("Passkey")));
    })
    .await;
}

/// CVE-2026-37982, Keycloak: an enrolment that is replayed adds nothing.
#[tokio::test(flavor = "multi_thread")]
async fn cve_2026_37982_a_replayed_enrolment_adds_no_passkey() {
    on_both(async |app| {
        // Logged in with a passkey, so that no want of freshness stands in for the rule.
        let (ann, _) = SoftKey::holder(&app, "ann@example.com").await;
        let mut key = SoftKey::passkey();
        let started = app.request(Method::POST, REGISTER_START).bearer(&ann.token).send().await.expect(200).json();
        let body = |key: &mut SoftKey| {
            json!({"ceremony_id": started["ceremony_id"], "credential": key.create(&started["public_key"])})
        };
        let first = body(&mut key);
        app.post(REGISTER_FINISH, &first).bearer(&ann.token).send().await.expect(201);
        // The same again, and another authenticator's answer to the same challenge, from whoever saw it.
        for replay in [first, body(&mut SoftKey::passkey())] {
            let mut audit = Audit::of(&app.db).await;
            let answer = app.post(REGISTER_FINISH, &replay).bearer(&ann.token).send().await.expect(401);
            assert_eq!(answer.code(), "invalid_token");
            audit.none("a replay").await;
        }
        let list = app.get("/auth/v1/passkeys").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(list["items"].as_array().unwrap().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_finishes_of_one_registration_one_is_made() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let started = app.request(Method::POST, REGISTER_START).bearer(&ann.token).send().await.expect(200).json();
        let mut audit = Audit::of(&app.db).await;
        // Each from an authenticator of its own, so that no index stands in for the rule; half of them through another node.
        let node = app.another_node().await;
        let finish = |nth: usize| {
            let credential = SoftKey::passkey().create(&started["public_key"]);
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": credential});
            let request = app.post(REGISTER_FINISH, &body).bearer(&ann.token);
            if nth.is_multiple_of(2) { request } else { request.through(&node.app) }
        };
        let answers = all((0..50).map(finish).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
        assert_eq!(answers.iter().filter(|answer| answer.status == 401).count(), 49);
        assert_eq!(audit.actions().await, ["passkey.registered"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_ceremony_is_its_session_s_and_its_time_s() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let body = begin(&app, &ann, &mut SoftKey::passkey()).await;
        let elsewhere = app.login("ann@example.com").await;
        for other in [&elsewhere, &bob] {
            let answer = app.post(REGISTER_FINISH, &body).bearer(&other.token).send().await.expect(401);
            assert_eq!(answer.code(), "invalid_token");
        }
        // Neither attempt used it up.
        app.advance(Duration::from_secs(299));
        app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await.expect(201);

        let ann = app.register("ann2@example.com").await;
        app.advance(Duration::from_secs(10));
        let body = begin(&app, &ann, &mut SoftKey::passkey()).await;
        app.advance(Duration::from_secs(289));
        let mut late = body.clone();
        late["ceremony_id"] = begin(&app, &ann, &mut SoftKey::passkey()).await["ceremony_id"].clone();
        // Of one challenge the answer, of another the ceremony.
        assert_refused(&app.post(REGISTER_FINISH, &late).bearer(&ann.token).send().await);
        app.advance(Duration::from_secs(11));
        app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await.expect(401);
    })
    .await;
}

/// Kanidm 1.10: the origin `badexample.com` is not `example.com`.
#[tokio::test(flavor = "multi_thread")]
async fn kanidm_1_10_badexample_com_is_not_example_com() {
    let environment = [
        ("HARDPAN_APP__PUBLIC_URL", "http://example.localhost:8080"),
        ("HARDPAN_CORS__ORIGINS", "http://app.example.localhost:3000,http://localhost:3000"),
    ];
    crate::support::on_both_with(&environment, async |app| {
        let ann = app.register("ann@example.com").await;
        for origin in [
            "http://badexample.localhost:8080",
            "http://example.localhost.evil.org:8080",
            "http://example.localhost:8081",
            "https://example.localhost:8080",
            "http://evil.example.localhost:8080",
            "http://app.example.localhost:8080",
            "http://localhost:3000",
            "http://localhost:8080",
            "null",
        ] {
            let mut key = SoftKey { origin: origin.into(), ..SoftKey::passkey() };
            let answer = try_register(&app, &ann, &mut key).await;
            assert!(["invalid_passkey", "invalid"].contains(&answer.code().as_str()), "{origin}: {}", answer.text());
        }
        for (nth, origin) in
            ["http://example.localhost:8080", "http://app.example.localhost:3000"].into_iter().enumerate()
        {
            let ann = app.register(&format!("ann{nth}@example.com")).await;
            let mut key = SoftKey { origin: origin.into(), ..SoftKey::passkey() };
            register(&app, &ann, &mut key).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_asked_for_is_refused() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let liars = [
            SoftKey { rp_id: Some("example.com".into()), ..SoftKey::passkey() },
            SoftKey { kind: Some("webauthn.get"), ..SoftKey::passkey() },
            SoftKey { credential_id: vec![7; 1024], ..SoftKey::passkey() },
        ];
        for mut liar in liars {
            let mut audit = Audit::of(&app.db).await;
            let body = begin(&app, &ann, &mut liar).await;
            assert_refused(&app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await);
            audit.none("nothing was registered").await;
            // There is no second try.
            let again = app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await;
            assert_eq!(again.code(), "invalid_token");
        }
        let good = begin(&app, &ann, &mut SoftKey::passkey()).await;
        for wrong in [json!({}), json!("x"), json!({"type": "password"}), {
            let mut credential = good["credential"].clone();
            credential["type"] = json!("public");
            credential
        }] {
            let body = json!({"ceremony_id": good["ceremony_id"], "credential": wrong});
            let answer = app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await.expect(422);
            assert_eq!(answer.json()["errors"][0]["field"], "credential");
        }
        // A blank name is no name.
        let blank = json!({"ceremony_id": good["ceremony_id"], "credential": good["credential"], "name": "  "});
        app.post(REGISTER_FINISH, &blank).bearer(&ann.token).send().await.expect(422);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_credential_is_one_account_s() {
    on_both(async |app| {
        let (ann, mut key, _) = holder(&app, "ann@example.com").await;
        let bob = app.register("bob@example.com").await;
        let answer = try_register(&app, &bob, &mut key).await.expect(409);
        assert_eq!(answer.code(), "passkey_taken");
        // Authenticators are told which they hold already; one that does not listen is refused.
        let started = app.request(Method::POST, REGISTER_START).bearer(&ann.token).send().await;
        assert_eq!(started.code(), "fresh_login_required", "a password alone is no fresh proof any more");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_wants_a_fresh_log_in() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = begin(&app, &ann, &mut SoftKey::passkey()).await;
        app.advance(Duration::from_secs(5 * 60 + 1));
        let start = app.request(Method::POST, REGISTER_START).bearer(&ann.token).send().await.expect(401);
        assert_eq!(start.code(), "fresh_login_required");
        let finish = app.post(REGISTER_FINISH, &body).bearer(&ann.token).send().await.expect(401);
        assert_eq!(finish.code(), "fresh_login_required");
        let none: Json = app.get("/auth/v1/passkeys").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(none, json!({"items": [], "next": null}));
    })
    .await;
}

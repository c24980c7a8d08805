//! Seeing, naming and removing one's own.
use std::time::Duration;

use serde_json::json;

use super::{assert_refused, holder, password_login, register, try_login};
use crate::support::{Audit, Authenticator, SoftKey, on_both, person};

#[tokio::test(flavor = "multi_thread")]
async fn they_are_listed_and_renamed_by_their_owner_alone() {
    on_both(async |app| {
        let (ann, _, passkey) = holder(&app, "ann@example.com").await;
        let (_, mut bobs_key, _) = holder(&app, "bob@example.com").await;
        let list = app.get("/auth/v1/passkeys?limit=1").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(list, json!({"items": [passkey], "next": null}));
        let bob = person(&try_login(&app, &mut bobs_key).await.expect(200).json()).token;
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        app.patch(&path, &json!({"name": "mine"})).bearer(&bob).send().await.expect(404);
        app.delete(&path).bearer(&bob).send().await.expect(404);
        // With a password alone an account that has a passkey changes nothing.
        let refused = app.patch(&path, &json!({"name": "mine"})).bearer(&ann.token).send().await.expect(401);
        assert_eq!(refused.code(), "fresh_login_required");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rename_is_told_once_and_a_blank_name_is_none() {
    on_both(async |app| {
        let (_, mut key, passkey) = holder(&app, "ann@example.com").await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        let rename = |name: &str| app.patch(&path, &json!({"name": name})).bearer(&ann.token);
        let mut audit = Audit::of(&app.db).await;
        assert_eq!(rename(" phone ").send().await.expect(200).json()["name"], "phone");
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), &entry.before, &entry.after),
            ("passkey.renamed", &json!({"name": "Passkey"}), &json!({"name": "phone"}))
        );
        rename("phone").send().await.expect(200);
        rename("  ").send().await.expect(422);
        audit.none("nothing changed").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_removed_is_good_for_nothing_and_the_account_goes_back_to_its_password() {
    on_both(async |app| {
        let (_, mut key, passkey) = holder(&app, "ann@example.com").await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        let mut second = SoftKey::passkey();
        let other = register(&app, &ann, &mut second).await;
        let path = |passkey: &serde_json::Value| format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        let has_second_factor = async || {
            app.get("/auth/v1/me").bearer(&ann.token).send().await.expect(200).json()["has_second_factor"].clone()
        };
        let mut audit = Audit::of(&app.db).await;
        app.delete(&path(&passkey)).bearer(&ann.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), entry.target("psk")),
            ("passkey.deleted", passkey["id"].as_str().unwrap().to_owned())
        );
        assert_eq!(has_second_factor().await, true);
        assert_eq!(password_login(&app, "ann@example.com").await["mfa_required"], true);
        super::assert_refused(&try_login(&app, &mut key).await);
        app.delete(&path(&passkey)).bearer(&ann.token).send().await.expect(404);
        app.delete(&path(&other)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(has_second_factor().await, false);
        assert!(password_login(&app, "ann@example.com").await["access_token"].is_string());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_way_in_stays() {
    on_both(async |app| {
        let (_, mut key, passkey) = holder(&app, "ann@example.com").await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        register(&app, &ann, &mut SoftKey::security_key()).await;
        let sql = "UPDATE users SET password_hash = NULL";
        app.db.ctx().write(move |_, tx| Box::pin(async move { tx.execute(sql, &[]).await })).await.unwrap();
        let path = format!("/auth/v1/passkeys/{}", passkey["id"].as_str().unwrap());
        let mut audit = Audit::of(&app.db).await;
        let refused = app.delete(&path).bearer(&ann.token).send().await.expect(409);
        assert_eq!(refused.code(), "last_way_in");
        audit.none("nothing was removed").await;
        let mut second = SoftKey::passkey();
        register(&app, &ann, &mut second).await;
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        app.advance(Duration::from_secs(1));
        try_login(&app, &mut second).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_are_twenty_at_most() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut key = SoftKey::passkey();
        register(&app, &ann, &mut key).await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        for _ in 1..20 {
            register(&app, &ann, &mut SoftKey::passkey()).await;
        }
        let start = app.request(web::Method::POST, super::REGISTER_START).bearer(&ann.token).send().await.expect(409);
        assert_eq!(start.code(), "too_many");
        let list = app.get("/auth/v1/passkeys?limit=15").bearer(&ann.token).send().await.expect(200).json();
        let next = list["next"].as_str().unwrap();
        let rest =
            app.get(&format!("/auth/v1/passkeys?after={next}")).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(rest["items"].as_array().unwrap().len(), 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn authenticators_hear_which_they_hold_and_are_refused_if_they_do_not_listen() {
    on_both(async |app| {
        let (_, mut key, _) = holder(&app, "ann@example.com").await;
        let ann = person(&try_login(&app, &mut key).await.expect(200).json());
        let started = app.request(web::Method::POST, super::REGISTER_START).bearer(&ann.token).send().await;
        let started = started.expect(200).json();
        let excluded = started["public_key"]["excludeCredentials"].as_array().unwrap();
        assert_eq!(excluded.len(), 1);
        assert_eq!(excluded[0]["id"], super::encode(&key.credential_id));
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.create(&started["public_key"])});
        super::assert_refused(&app.post(super::REGISTER_FINISH, &body).bearer(&ann.token).send().await);
    })
    .await;
}

/// Whoever registered somebody else's address comes in no more once its owner set a password, and a factor of theirs proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_reset_ends_the_ways_into_an_account_whose_address_nobody_proved() {
    on_both(async |app| {
        for (email, has_totp) in [("ann@example.com", false), ("bob@example.com", true)] {
            let (_, mut key, _) = holder(&app, email).await;
            app.advance(Duration::from_mins(1));
            let squatter = person(&try_login(&app, &mut key).await.expect(200).json());
            let codes = app.post("/auth/v1/me/backup-codes", &json!({})).bearer(&squatter.token);
            codes.untyped("").send().await.expect(201);
            if has_totp {
                Authenticator::confirmed(&app, &squatter).await;
            }
            let token = app.reset_token(email).await;
            // The squatter's factor makes no shorter password enough for whom it may leave with the password alone.
            let short = app.reset(&token, SHORT).send().await.expect_problem(422, "invalid").errors();
            assert_eq!(short, [("password".to_owned(), "too_short".to_owned())]);
            app.reset(&token, NEW).send().await.expect(204);
            assert!(!app.is_in(&squatter.token).await);
            assert_refused(&try_login(&app, &mut key).await);
            let answer = app.log_in(email, NEW).send().await.expect(200).json();
            assert_eq!(answer["mfa_required"] == true, has_totp, "{answer}");
            // They go with the last factor they stand in for.
            let count = "SELECT count(*) FROM backup_codes";
            let codes = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(count, &[]).await })).await;
            assert_eq!(codes.unwrap().get::<i64>(0).unwrap() > 0, has_totp, "{email}");
            if !has_totp {
                assert_eq!(answer["user"]["email_verified"], true);
            }
        }
        // Of a proven address the passkey is its owner's.
        let (_, mut key, _) = holder(&app, "cat@example.com").await;
        app.prove("cat@example.com").await;
        let token = app.reset_token("cat@example.com").await;
        app.reset(&token, SHORT).send().await.expect(204);
        try_login(&app, &mut key).await.expect(200);
    })
    .await;
}

const NEW: &str = "another battery staple horse";
/// Enough beside a second factor alone.
const SHORT: &str = "q7#Vx!m2Lp";

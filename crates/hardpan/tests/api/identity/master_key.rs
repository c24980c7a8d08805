//! A change of the master key: one start with both keys, and everything goes on under the new one alone.
use std::{collections::BTreeSet, time::Duration};

use futures_util::FutureExt as _;
use hardpan::{assemble, config};
use kernel::SeededRandom;
use serde_json::{Value as Json, json};
use store::Ctx;

use crate::support::{Authenticator, PASSWORD, PAUSE, TestApp, on_both_with_twilio};

const STEP: Duration = Duration::from_secs(30);

/// Every column of bytes, and what becomes of it when the master key is changed.
const SEALED: [(&str, &str); 5] = [
    ("signing_keys", "sealed"),
    ("stored_key", "sealed"),
    ("factors", "secret"),
    ("single_use", "payload"),
    ("outbox", "payload"),
];
/// MACs under keys of the stored one.
const STORED: [(&str, &str); 3] = [("backup_codes", "digest"), ("devices", "digest"), ("single_use", "digest")];
/// They move to the new key with their next use.
const MOVING: [(&str, &str); 2] = [("api_keys", "digest"), ("api_keys", "previous_digest")];
/// They have nothing to do with it, or are what tells of it.
const OTHERS: [(&str, &str); 5] = [
    ("master_key", "fingerprint"),
    ("passkeys", "credential_id"),
    ("idempotency_keys", "id"),
    ("idempotency_keys", "body"),
    ("idempotency_keys", "outcome"),
];

#[test]
fn every_column_of_bytes_has_its_way_through_a_change_of_the_master_key() {
    let mut found = BTreeSet::new();
    for migration in assemble::migrations() {
        let mut table = "";
        for line in migration.sql.lines().map(str::trim) {
            for begin in ["CREATE TABLE ", "ALTER TABLE "] {
                table = line.strip_prefix(begin).and_then(|rest| rest.split(' ').next()).unwrap_or(table);
            }
            if let Some((before, _)) = line.split_once(" {bytes}").filter(|_| !line.starts_with("--")) {
                found.insert((table, before.split_whitespace().last().unwrap()));
            }
        }
    }
    let known = SEALED.into_iter().chain(STORED).chain(MOVING).chain(OTHERS).collect();
    assert_eq!(found, known);
}

async fn column(ctx: &Ctx, table: &str, column: &str) -> Vec<Vec<u8>> {
    let sql = format!("SELECT {column} FROM {table}");
    let rows = ctx.read(move |_, tx| async move { tx.query(&sql, &[]).await }.boxed()).await.unwrap();
    rows.iter().map(|row| row.get(0).unwrap()).collect()
}

/// Starts the server with both keys, and then with the new one alone.
async fn change_master_key(app: &mut TestApp) {
    let old = app.server.config.given_master_key.clone();
    let new = Some(config::generate_master_key(&SeededRandom::new(9)));
    for previous in [old, None] {
        let changed = app.another_node_with(|config| {
            config.given_master_key.clone_from(&new);
            config.previous_master_key = previous;
        });
        app.server = changed.await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn second_factors_devices_and_links_outlast_a_change_of_the_master_key() {
    on_both_with_twilio(async |mut app, twilio| {
        let email = "ann@example.com";
        let ann = app.register(email).await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let (_, ann) = app.with_sent(twilio, &ann, "sms").await;
        let codes = app.post("/auth/v1/me/backup-codes", &json!({})).bearer(&ann.token).untyped("");
        let codes = codes.send().await.expect(201).json()["codes"].clone();
        let challenge = app.challenge(email).await;
        let body = json!({
            "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(&app), "trust_device": true,
        });
        let granted = app.post("/auth/v1/mfa/verify", &body).send().await.expect(200).json();
        let device = granted["device_token"].as_str().unwrap().to_owned();
        let pending = app.challenge(email).await;
        app.letters().await;
        app.post("/auth/v1/password/forgot", &json!({"email": email})).send().await.expect(202);

        change_master_key(&mut app).await;
        let ring = assemble::existing_keyring(&app.server.config).unwrap().unwrap();
        for (table, name) in SEALED {
            let values = column(&app.db.ctx(), table, name).await;
            let values: Vec<_> = values.iter().filter(|value| !value.is_empty()).collect();
            assert!(!values.is_empty(), "{table}.{name} tells nothing");
            assert!(values.iter().all(|value| ring.is_current(value).unwrap()), "{table}.{name}");
        }

        let factors = app.get("/auth/v1/me/factors").bearer(&ann.token).send().await.expect(200).json();
        assert!(factors["items"].as_array().unwrap().iter().any(|factor| factor["kind"] == "sms"), "{factors}");
        app.advance(STEP);
        app.verify(&pending, "totp", &authenticator.code(&app)).send().await.expect(200);
        app.advance(PAUSE);
        let challenge = app.challenge(email).await;
        app.send_code(&challenge, "sms").send().await.expect(202);
        let code = app.sent_code(twilio, "sms").await;
        app.verify(&challenge, "sms", &code).send().await.expect(200);
        let challenge = app.challenge(email).await;
        app.verify(&challenge, "backup_code", codes[0].as_str().unwrap()).send().await.expect(200);
        let body = json!({"email": email, "password": PASSWORD});
        let trusted = app.post("/auth/v1/login", &body).header("x-device-token", &device).send().await.expect(200).json();
        assert_eq!(trusted.get("mfa_required"), None::<&Json>, "{trusted}");
        // The mail that waited in the outbox, and the link in it.
        let letter = app.letters().await.into_iter().find(|letter| letter.subject.contains("password")).unwrap();
        let link = letter.link();
        let (_, token) = link.split_once("#token=").unwrap();
        app.reset(token, "another battery staple, correct").send().await.expect(204);
    })
    .await;
}

//! Secrets that were handed out or taken, looked for where they must not be: in the audit trail and in the database.
use serde_json::{Value as Json, json};
use testkit::Engine;

use crate::support::{Authenticator, Browser, PASSWORD, TestApp, on_both, person};

const NEW_PASSWORD: &str = "canary another battery staple";
const DEVICE: &str = "Y2FuYXJ5IGRldmljZSB0b2tlbiBvZiAzMiBieXRlcyE";

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
}

/// One of everything that somebody who reads the database could use.
async fn secrets(app: &TestApp) -> Vec<(&'static str, String)> {
    let mut secrets = vec![("the password", PASSWORD.to_owned()), ("the new password", NEW_PASSWORD.to_owned())];
    let ann = app.register("ann@example.com").await;
    let verification = app.letter("ann@example.com", "Confirm your email address").await.token();
    secrets.push(("the link that verifies", verification));
    let enrolment = app.post("/auth/v1/me/factors/totp", &json!({})).bearer(&ann.token).send().await.expect(201).json();
    secrets.push(("the secret of the generator", text(&enrolment, "secret")));
    let (authenticator, ann) = Authenticator::confirmed(app, &ann).await;
    let codes = app.request(web::Method::POST, "/auth/v1/me/backup-codes").bearer(&ann.token);
    for code in codes.send().await.expect(201).json()["codes"].as_array().unwrap() {
        secrets.push(("a backup code", code.as_str().unwrap().to_owned()));
        secrets.push(("a backup code as it is compared", code.as_str().unwrap().replace('-', "")));
    }
    let body = json!({"label": "canary", "scopes": ["documents:read"]});
    let key = app.post("/auth/v1/api-keys", &body).header("idempotency-key", "canary").bearer(&ann.token);
    let key = text(&key.send().await.expect(201).json(), "secret");
    app.get("/api/v1/documents").bearer(&key).send().await.expect(200);
    secrets.push(("the API key's half that is secret", key[29..].to_owned()));
    app.advance(std::time::Duration::from_secs(30));
    let challenge = app.challenge("ann@example.com").await;
    let body = json!({
        "challenge_id": challenge["challenge_id"], "method": "totp", "code": authenticator.code(app), "trust_device": true,
    });
    let granted =
        app.post("/auth/v1/mfa/verify", &body).header("x-device-token", DEVICE).send().await.expect(200).json();
    assert_eq!(granted.get("device_token"), None, "what was sent is not told back");
    let waiting = app.challenge("ann@example.com").await;
    secrets.extend([
        ("the device", DEVICE.to_owned()),
        ("the challenge", text(&waiting, "challenge_id")),
        ("the access token", person(&granted).token),
        ("the refresh token", person(&granted).refresh),
    ]);
    let body = json!({"email": "bob@example.com", "password": PASSWORD, "transport": "cookie"});
    let bob = Browser::of(&app.post("/auth/v1/register", &body).send().await.expect(201), "");
    secrets.push(("the echo of a session with cookies", bob.token().to_owned()));
    let change = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
    app.post("/auth/v1/password/change", &change).bearer(&ann.token).send().await.expect(204);
    secrets.push(("the link that resets", app.reset_token("ann@example.com").await));
    let wrong = json!({"email": "ann@example.com", "password": "canary of a wrong password"});
    app.post("/auth/v1/login", &wrong).send().await.expect(401);
    secrets.push(("a wrong password", "canary of a wrong password".to_owned()));
    // Not delivered yet.
    app.forgot("bob@example.com").send().await.expect(202);
    secrets
}

/// All that is stored.
async fn everything(app: &TestApp) -> String {
    match app.db.engine {
        // The file and what is beside it.
        Engine::Sqlite => {
            let url = app.db.url();
            let file = std::path::Path::new(url.strip_prefix("sqlite:").unwrap());
            let entries = std::fs::read_dir(file.parent().unwrap()).unwrap();
            let files = entries.map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
            files.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect()
        }
        // Each row as text, in which bytes are hexadecimal.
        Engine::Postgres => {
            let ctx = app.db.ctx();
            let rows = ctx.read(|_, tx| {
                Box::pin(async move {
                    let sql = "SELECT CAST(table_name AS text) FROM information_schema.tables WHERE table_schema = current_schema()";
                    let mut all = String::new();
                    for table in tx.query(sql, &[]).await? {
                        let table: String = table.get(0)?;
                        let sql = format!("SELECT CAST(t AS text) FROM \"{table}\" t");
                        for row in tx.query(&sql, &[]).await? {
                            all.push_str(&row.get::<String>(0)?);
                        }
                    }
                    Ok(all)
                })
            });
            rows.await.unwrap()
        }
    }
}

/// As PostgreSQL writes bytes.
fn hex(text: &str) -> String {
    let digits = text.bytes().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from_digit(digit.into(), 16).unwrap()).collect()
}

/// CVE-2024-8365 Vault, CVE-2025-62705 and CVE-2025-62513 OpenBao: secrets stood in the audit trail, because what hides them went by names.
/// Here they are looked for in all that is stored, the trail, the outbox and kept answers among it.
#[tokio::test(flavor = "multi_thread")]
async fn openbao_cve_2025_62705_no_secret_is_stored_as_it_was_given() {
    on_both(async |app| {
        let secrets = secrets(&app).await;
        let all = everything(&app).await;
        // The search works: what may be found is found.
        for known in ["ann@example.com", "canary", "factor.added"] {
            assert!(all.contains(known), "{known}");
        }
        for (what, secret) in secrets {
            assert!(!all.contains(&secret) && !all.contains(&hex(&secret)), "{what} is stored");
        }
    })
    .await;
}

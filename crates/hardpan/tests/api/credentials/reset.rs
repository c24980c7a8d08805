//! `POST /auth/v1/password/forgot` and `/password/reset`: the mailed link, and nothing but it, sets a password.
use std::time::Duration;

use futures_util::FutureExt as _;
use serde_json::json;

use super::{NEW_PASSWORD, RESET};
use crate::support::{Audit, Authenticator, Letter, PASSWORD, TestApp, on_both, on_both_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_sets_the_password_and_ends_every_session() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let other = app.login("ann@example.com").await;
        app.forgot("Ann@Example.com").send().await.expect(202);
        let token = app.letter("ann@example.com", RESET).await.token();
        let mut audit = Audit::of(&app.db).await;
        let answer = app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        // Nobody is logged in by it.
        assert!(answer.body.is_empty() && answer.set_cookie("hardpan_access").is_none());
        assert_eq!(audit.actions().await, ["password.reset", "session.revoked"]);
        for person in [&ann, &other] {
            assert!(!app.is_in(&person.token).await);
            let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": person.refresh}));
            refresh.send().await.expect_problem(401, "invalid_token");
        }
        app.log_in("ann@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        let answer = app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200).json();
        // The link came by that address.
        assert_eq!(answer["user"]["email_verified"], true);
        app.letter("ann@example.com", "password was changed").await;
        // Once.
        app.reset(&token, PASSWORD).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_keeps_second_factors_in_force() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        let token = app.reset_token("ann@example.com").await;
        let challenge = app.challenge("ann@example.com").await;
        app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        app.advance(Duration::from_secs(30));
        // What was half done before the reset is over.
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await;
        answer.expect_problem(401, "invalid_token");
        let challenge = app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200).json();
        assert_eq!(challenge["mfa_required"], true);
        app.verify(&challenge, "totp", &authenticator.code(&app)).send().await.expect(200);
    })
    .await;
}

/// CVE-2026-26185 Directus: known and unknown addresses cannot be told apart, by the answer, the hashes or the rows that are written.
#[tokio::test(flavor = "multi_thread")]
async fn directus_cve_2026_26185_known_and_unknown_addresses_cost_the_same() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let mut seen = Vec::new();
        for email in ["ann@example.com", "nobody@example.com"] {
            let tables = ["single_use", "outbox", "sendings", "audit_log"];
            let (rows, hashes) = (rows(&app, &tables).await, app.server.identity.password_hashes());
            let answer = app.forgot(email).send().await.expect(202);
            let mut headers: Vec<_> = answer.headers.keys().map(|name| name.as_str().to_owned()).collect();
            headers.sort();
            let written: Vec<_> =
                rows.iter().zip(self::rows(&app, &tables).await).map(|(before, after)| after - before).collect();
            seen.push((written, app.server.identity.password_hashes() - hashes, answer.body, headers));
        }
        assert_eq!(seen[0], seen[1]);
        assert_eq!(seen[0].0, [1, 1, 1, 0], "single_use, outbox, sendings, audit_log");
        assert_eq!(app.letters_to("nobody@example.com").await.len(), 0);
        assert_eq!(app.letters_to("ann@example.com").await.len(), 2);
        // And so does a log-in.
        let mut hashes = Vec::new();
        for email in ["ann@example.com", "nobody@example.com"] {
            let before = app.server.identity.password_hashes();
            app.log_in(email, "wrong password").send().await.expect_problem(401, "invalid_credentials");
            hashes.push(app.server.identity.password_hashes() - before);
        }
        assert_eq!(hashes, [1, 1]);
    })
    .await;
}

/// How many rows each table has.
pub async fn rows(app: &TestApp, tables: &[&'static str]) -> Vec<i64> {
    let (ctx, mut rows) = (app.db.ctx(), Vec::new());
    for &table in tables {
        let count = ctx.read(move |_, tx| {
            async move { tx.query_one(&format!("SELECT count(*) FROM {table}"), &[]).await?.get(0) }.boxed()
        });
        rows.push(count.await.unwrap());
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let mut sent = Vec::new();
        for _ in 0..7 {
            for spelling in ["ann@example.com", "Ann@Example.com", "ANN@EXAMPLE.COM"] {
                app.forgot(spelling).send().await.expect(202);
            }
            app.advance(Duration::from_mins(1));
            let letters = app.letters_to("ann@example.com").await;
            sent.push(letters.iter().filter(|letter| letter.subject.contains(RESET)).count());
        }
        assert_eq!(sent, [1, 2, 3, 4, 5, 5, 5]);
        // An hour after the first, and not before.
        app.advance(Duration::from_mins(53) - Duration::from_secs(1));
        for (wait, letters) in [(0, 6), (1, 7)] {
            app.advance(Duration::from_secs(wait));
            app.forgot("ann@example.com").send().await.expect(202);
            assert_eq!(app.letters_to("ann@example.com").await.len(), letters, "and the one of the registration");
        }
    })
    .await;
}

/// CVE-2026-18963 Keycloak: without the mailed token no path changes a password.
#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2026_18963_no_other_token_sets_a_password() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let verification = app.letter("ann@example.com", super::VERIFY).await.token();
        let (_, ann) = Authenticator::confirmed(&app, &ann).await;
        let challenge = app.challenge("ann@example.com").await;
        let hashes = app.server.identity.password_hashes();
        for token in [
            verification.as_str(),
            challenge["challenge_id"].as_str().unwrap(),
            &ann.token[..100],
            &ann.refresh,
            "x",
            &"A".repeat(64),
        ] {
            app.reset(token, NEW_PASSWORD).send().await.expect_problem(401, "invalid_token");
        }
        assert_eq!(app.server.identity.password_hashes(), hashes, "strangers get no hash computed");
        for body in [json!({"password": NEW_PASSWORD}), json!({"token": null, "password": NEW_PASSWORD})] {
            app.post("/auth/v1/password/reset", &body).bearer(&ann.token).send().await.expect_problem(422, "invalid");
        }
        app.log_in("ann@example.com", PASSWORD).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_ends_with_time_with_another_and_with_the_password() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let first = app.reset_token("ann@example.com").await;
        app.advance(Duration::from_mins(1));
        app.forgot("ann@example.com").send().await.expect(202);
        app.reset(&first, NEW_PASSWORD).send().await.expect_problem(401, "invalid_token");
        let letters = app.letters_to("ann@example.com").await;
        let tokens: Vec<_> =
            letters.iter().filter(|letter| letter.subject.contains(RESET)).map(Letter::token).collect();
        let second = tokens.iter().find(|token| **token != first).unwrap();
        // A password that will not do does not use it up.
        app.reset(second, "short").send().await.expect_problem(422, "invalid");
        let change = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
        app.post("/auth/v1/password/change", &change).bearer(&ann.token).send().await.expect(204);
        app.reset(second, PASSWORD).send().await.expect_problem(401, "invalid_token");
        app.register("bob@example.com").await;
        let token = app.reset_token("bob@example.com").await;
        app.advance(Duration::from_hours(1));
        app.reset(&token, NEW_PASSWORD).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

/// GHSA-x3f4-v83f-7wp2 Authorizer: a request cannot say where the link leads; the app file can.
#[tokio::test(flavor = "multi_thread")]
async fn authorizer_ghsa_x3f4_v83f_7wp2_links_lead_to_configured_pages_alone() {
    let environment = [("HARDPAN_AUTH__PAGES__RESET", "http://127.0.0.1:3000/reset")];
    on_both_with(&environment, async |app| {
        app.register("ann@example.com").await;
        for field in ["redirect_to", "redirect_uri", "reset_url", "url"] {
            let body = json!({"email": "ann@example.com", field: "https://evil.example/"});
            app.post("/auth/v1/password/forgot", &body).send().await.expect_problem(422, "invalid");
        }
        assert_eq!(app.letters_to("ann@example.com").await.len(), 1, "the registration's alone");
        app.forgot("ann@example.com").send().await.expect(202);
        let link = app.letter("ann@example.com", RESET).await.link();
        assert!(link.starts_with("http://127.0.0.1:3000/reset#token="), "{link}");
    })
    .await;
}

/// Zitadel CVE-2023-49097, GHSA-93m4-mfpg-c3xf, CVE-2025-64101, GHSA-pfrf-9r5f-73f5; Supabase GHSA-3529-5m8x-rpv3: whatever a
/// request says of its host, every mailed link is on the configured address.
#[tokio::test(flavor = "multi_thread")]
async fn supabase_ghsa_3529_forged_hosts_reach_no_mail() {
    let environment = [
        ("HARDPAN_PROFILE", "production"),
        ("HARDPAN_APP__PUBLIC_URL", "https://tested.example"),
        ("HARDPAN_SERVER__TRUSTED_PROXIES", "127.0.0.0/8"),
    ];
    on_both_with(&environment, async |app| {
        let forge = |request: crate::support::Request| {
            request
                .host(Some("evil.example"))
                .header("forwarded", "for=1.2.3.4;host=evil.example;proto=http")
                .header("x-forwarded-host", "evil.example")
                .header("x-forwarded-proto", "http")
                .header("x-forwarded-port", "666")
                .header("x-forwarded-prefix", "/evil")
                .header("x-original-host", "evil.example")
                .header("origin", "https://evil.example")
                .header("referer", "https://evil.example/")
        };
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let ann = forge(app.post("/auth/v1/register", &body)).send().await.expect(201).json();
        let token = ann["access_token"].as_str().unwrap();
        forge(app.forgot("ann@example.com")).send().await.expect(202);
        app.advance(std::time::Duration::from_mins(1));
        forge(app.post("/auth/v1/email/resend", &json!({"email": "ann@example.com"}))).send().await.expect(202);
        let change = app.post("/auth/v1/email/change", &json!({"email": "new@example.com"})).bearer(token);
        forge(change).send().await.expect(202);
        let confirmation = app.letter("new@example.com", "new email address").await.token();
        forge(app.verify_email(&confirmation)).send().await.expect(204);
        let letters = app.letters().await;
        assert_eq!(letters.len(), 4, "{letters:?}");
        for letter in letters {
            assert!(letter.link().starts_with("https://tested.example/auth/"), "{}", letter.text);
            assert!(!letter.raw.contains("evil"), "{}", letter.raw);
        }
    })
    .await;
}

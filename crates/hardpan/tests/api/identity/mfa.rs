//! Second factors: enrolled, confirmed, asked for at log-in, used once each.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Audit, Authenticator, Browser, PASSWORD, Person, TestApp, all, on_both, on_both_with, person};

const FACTORS: &str = "/auth/v1/me/factors";
const CODES: &str = "/auth/v1/me/backup-codes";
const STEP: Duration = Duration::from_secs(30);

async fn backup_codes(app: &TestApp, person: &Person) -> Vec<String> {
    let codes = app.post(CODES, &json!({})).bearer(&person.token);
    let codes = codes.untyped("").send().await.expect(201).json();
    codes["codes"].as_array().unwrap().iter().map(|code| code.as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_log_in_asks_for_the_code_of_a_confirmed_factor() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let enrolment = app.post(&format!("{FACTORS}/totp"), &json!({})).bearer(&ann.token).send().await.expect(201);
        let enrolment = enrolment.json();
        let uri = enrolment["otpauth_uri"].as_str().unwrap();
        assert!(uri.starts_with("otpauth://totp/tested:ann%40example.com?secret="), "{uri}");
        assert!(enrolment["qr_svg"].as_str().unwrap().contains("<svg"));
        // Not asked for before it is confirmed.
        app.login("ann@example.com").await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let listed = app.get(FACTORS).bearer(&ann.token).send().await.expect(200).json();
        let items = listed["items"].as_array().unwrap();
        assert_eq!(items.len(), 1, "what was begun before and not confirmed is gone: {listed}");
        assert_eq!((&items[0]["id"], &items[0]["is_confirmed"]), (&json!(authenticator.id), &json!(true)));
        let me = app.get("/auth/v1/me").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(me["has_second_factor"], true);

        app.advance(STEP);
        let challenge = app.challenge("ann@example.com").await;
        assert_eq!(challenge["methods"], json!(["totp"]));
        assert!(challenge.get("access_token").is_none() && challenge.get("user").is_none(), "{challenge}");
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await.expect(200);
        let again = person(&answer.json());
        assert!(app.is_in(&again.token).await);
        let actions = audit.actions().await;
        for action in ["factor.added", "session.elevated"] {
            assert!(actions.iter().any(|found| found == action), "{action}: {actions:?}");
        }
        // A challenge is good once.
        app.advance(STEP);
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await;
        answer.expect_problem(401, "invalid_token");
    })
    .await;
}

/// CVE-2024-28197, CVE-2026-7507: what was handed out before a privilege was won does not win it.
#[tokio::test(flavor = "multi_thread")]
async fn confirming_a_factor_changes_the_session_id() {
    on_both(async |app| {
        let before = app.register("ann@example.com").await;
        let session = app.current_session(&before).await;
        let (_, after) = Authenticator::confirmed(&app, &before).await;
        assert_ne!(app.current_session(&after).await, session);
        app.get("/auth/v1/me").bearer(&before.token).send().await.expect_problem(401, "invalid_token");
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": before.refresh})).send().await;
        refresh.expect_problem(401, "invalid_token");
        app.post("/auth/v1/refresh", &json!({"refresh_token": after.refresh})).send().await.expect(200);
    })
    .await;
}

/// CVE-2025-6014 Vault, CVE-2025-55000 and -55003 OpenBao: a code is good once in its window, also written otherwise.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_comes_again_within_its_window_is_refused() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        // The confirmation used this one up.
        let code = authenticator.code(&app);
        for spelled in [code.clone(), format!("{} {}", &code[..3], &code[3..]), format!(" {code}")] {
            let challenge = app.challenge("ann@example.com").await;
            app.verify(&challenge, "totp", &spelled).send().await.expect_problem(401, "invalid_code");
        }
        app.advance(STEP);
        let code = authenticator.code(&app);
        let challenge = app.challenge("ann@example.com").await;
        app.verify(&challenge, "totp", &code).send().await.expect(200);
        let challenge = app.challenge("ann@example.com").await;
        app.verify(&challenge, "totp", &code).send().await.expect_problem(401, "invalid_code");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_a_challenge_and_so_does_time() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        app.advance(STEP);
        let challenge = app.challenge("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        for _ in 0..5 {
            let answer = app.verify(&challenge, "totp", &authenticator.wrong_code(&app)).send().await;
            answer.expect_problem(401, "invalid_code");
        }
        assert_eq!(audit.actions().await, ["second_factor.failed"; 5]);
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await;
        answer.expect_problem(401, "invalid_token");
        let challenge = app.challenge("ann@example.com").await;
        app.advance(Duration::from_mins(10));
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await;
        answer.expect_problem(401, "invalid_token");
    })
    .await;
}

/// Parse Server GHSA-4hf6-3x24-c9m8 and its three sisters: of fifty at once with one code, one gets in.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_answers_at_once_are_one_session_and_fifty_guesses_are_five() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let codes = backup_codes(&app, &ann).await;
        app.advance(STEP);
        let count = |answers: &[crate::support::Answer], status: u16| {
            answers.iter().filter(|answer| answer.status == status).count()
        };
        for (method, code) in [("totp", authenticator.code(&app)), ("backup_code", codes[0].clone())] {
            // One challenge, and then a challenge each.
            let one = app.challenge("ann@example.com").await;
            let answers = all((0..50).map(|_| app.verify(&one, method, &code)).collect()).await;
            assert_eq!((count(&answers, 200), count(&answers, 401)), (1, 49), "{method}");
        }
        app.advance(STEP);
        let code = authenticator.code(&app);
        let mut challenges = Vec::new();
        for _ in 0..10 {
            challenges.push(app.challenge("ann@example.com").await);
        }
        let answers = all(challenges.iter().map(|challenge| app.verify(challenge, "totp", &code)).collect()).await;
        assert_eq!((count(&answers, 200), count(&answers, 401)), (1, 9), "a challenge each");

        app.advance(STEP);
        let one = app.challenge("ann@example.com").await;
        let wrong = authenticator.wrong_code(&app);
        let answers = all((0..50).map(|_| app.verify(&one, "totp", &wrong)).collect()).await;
        let tried = answers.iter().filter(|answer| answer.code() == "invalid_code").count();
        assert_eq!(tried, 5);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn backup_codes_are_good_once_each_and_a_new_set_ends_the_old() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.post(CODES, &json!({})).bearer(&ann.token).untyped("").send().await.expect_problem(409, "no_second_factor");
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let old = backup_codes(&app, &ann).await;
        let codes = backup_codes(&app, &ann).await;
        assert_eq!(codes.len(), 10);
        let challenge = app.challenge("ann@example.com").await;
        assert_eq!(challenge["methods"], json!(["totp", "backup_code"]));
        app.verify(&challenge, "backup_code", &old[0]).send().await.expect_problem(401, "invalid_code");
        let typed = codes[0].to_uppercase().replace('-', " ");
        app.verify(&challenge, "backup_code", &typed).send().await.expect(200);
        let challenge = app.challenge("ann@example.com").await;
        app.verify(&challenge, "backup_code", &codes[0]).send().await.expect_problem(401, "invalid_code");
        let left = app.get(CODES).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(left, json!({"left": 9}));
        // Without its last factor an account needs no way around it.
        app.delete(&format!("{FACTORS}/{}", authenticator.id)).bearer(&ann.token).send().await.expect(204);
        let left = app.get(CODES).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(left, json!({"left": 0}));
        app.login("ann@example.com").await;
    })
    .await;
}

/// GHSA-xg6x-h9c9-2m83 better-auth: a password alone is good for answering the challenge and nothing else.
#[tokio::test(flavor = "multi_thread")]
async fn a_challenge_is_good_for_nothing_but_its_answer() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (_, ann) = Authenticator::confirmed(&app, &ann).await;
        let challenge = app.challenge("ann@example.com").await;
        let id = challenge["challenge_id"].as_str().unwrap().to_owned();
        for route in app.routes() {
            let path = route.path.replace("{id}", "usr_01h455vb4pex5vsknk084sn02q");
            let as_bearer = app.request(route.method.clone(), &path).bearer(&id).send().await;
            let is_open = route.access == web::Access::Public;
            assert!(is_open || as_bearer.status == 401, "{path}: {}", as_bearer.status);
            let as_cookie = app.request(route.method.clone(), &path).header("cookie", &format!("hardpan_access={id}"));
            let as_cookie = as_cookie.header("origin", "http://127.0.0.1:8080").send().await;
            assert!(is_open || as_cookie.status == 401, "{path}: {}", as_cookie.status);
        }
        app.post("/auth/v1/refresh", &json!({"refresh_token": id})).send().await.expect_problem(401, "invalid_token");
        // Nor is another thing good in its place.
        for other in [&ann.token, &ann.refresh, "", "AAAA", &format!("{id}A"), &id[..id.len() - 4]] {
            let answer = app.verify(&json!({"challenge_id": other}), "totp", "123456").send().await;
            assert!([401, 422].contains(&answer.status.as_u16()), "{other}: {}", answer.status);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_cookies_the_tokens_travel_in_cookies() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let (authenticator, _) = Authenticator::confirmed(&app, &ann).await;
        app.advance(STEP);
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "transport": "cookie"});
        let origin = "http://127.0.0.1:8080";
        let log_in = app.post("/auth/v1/login", &body).header("origin", origin).send().await.expect(200);
        assert_eq!(log_in.cookie("hardpan_access"), None);
        let challenge = log_in.json();
        let code = authenticator.code(&app);
        let foreign = app.verify(&challenge, "totp", &code).header("origin", "https://evil.example").send().await;
        foreign.expect_problem(403, "csrf_failed");
        let answer = app.verify(&challenge, "totp", &code).header("origin", origin).send().await.expect(200);
        assert_eq!(answer.json().get("access_token"), None::<&Json>);
        let browser = Browser::of(&answer, "");
        browser.with_cookies(app.get("/auth/v1/me")).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_that_wants_a_second_factor_is_not_held_without() {
    on_both_with(&[("HARDPAN_AUTH__REQUIRE_MFA", "admin")], async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let refused = app.get("/admin/v1/users").bearer(&admin.token).send().await;
        let refused = refused.expect_problem(401, "fresh_login_required");
        let challenge = refused.header("www-authenticate").unwrap();
        assert!(challenge.contains("acr_values=\"mfa\""), "{challenge}");
        // It may prepare to.
        let (authenticator, admin) = Authenticator::confirmed(&app, &admin).await;
        app.get("/admin/v1/users").bearer(&admin.token).send().await.expect(200);
        // For as long as the session stands, and in one that is begun so.
        app.advance(Duration::from_hours(3));
        let refreshed = app.post("/auth/v1/refresh", &json!({"refresh_token": admin.refresh})).send().await;
        let refreshed = person(&refreshed.expect(200).json());
        app.get("/admin/v1/users").bearer(&refreshed.token).send().await.expect(200);
        let challenge = app.challenge("admin@example.com").await;
        let answer = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await.expect(200);
        app.get("/admin/v1/users").bearer(&person(&answer.json()).token).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn factors_are_their_owners_alone_and_go_with_the_account() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let (authenticator, ann) = Authenticator::confirmed(&app, &ann).await;
        let codes = backup_codes(&app, &ann).await;
        let path = format!("{FACTORS}/{}", authenticator.id);
        app.delete(&path).bearer(&bob.token).send().await.expect_problem(404, "not_found");
        let confirm = app.post(&format!("{path}/confirm"), &json!({"code": "123456"})).bearer(&bob.token);
        confirm.send().await.expect_problem(404, "not_found");
        let again = app.post(&format!("{path}/confirm"), &json!({"code": "123456"})).bearer(&ann.token);
        again.send().await.expect_problem(409, "already_confirmed");
        // Bob's challenge does not take Ann's codes.
        let (_, _bob) = Authenticator::confirmed(&app, &bob).await;
        let challenge = app.challenge("bob@example.com").await;
        app.verify(&challenge, "backup_code", &codes[0]).send().await.expect_problem(401, "invalid_code");
        app.advance(STEP);
        let code = authenticator.code(&app);
        app.verify(&challenge, "totp", &code).send().await.expect_problem(401, "invalid_code");

        app.delete("/auth/v1/me").bearer(&ann.token).send().await.expect(204);
        for sql in ["SELECT count(*) FROM factors WHERE last_used_at IS NOT NULL", "SELECT count(*) FROM backup_codes"]
        {
            let row = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await;
            let left: i64 = row.unwrap().get(0).unwrap();
            assert_eq!(left, i64::from(sql.contains("factors")), "{sql}");
        }
    })
    .await;
}

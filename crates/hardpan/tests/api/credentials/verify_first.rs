//! `registration = "verify_first"`: nothing is created before the mailed link is followed, and answers tell nobody who has an account.
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{NEW_PASSWORD, reset::rows};
use crate::support::{Answer, Audit, Letter, PASSWORD, TestApp, all, on_both_with};

const SUBJECT: &str = "Finish creating your account";
const EXISTS: &str = "You already have an account";
const VERIFY_FIRST: [(&str, &str); 1] = [("HARDPAN_AUTH__REGISTRATION", "verify_first")];

async fn on_both(test: impl AsyncFn(TestApp)) {
    on_both_with(&VERIFY_FIRST, test).await;
}

async fn register(app: &TestApp, body: Json) -> Answer {
    app.post("/auth/v1/register", &body).send().await
}

/// Asks for an account, and gives the token that is mailed.
async fn asked(app: &TestApp, email: &str) -> String {
    register(app, json!({"email": email, "password": PASSWORD})).await.expect(202);
    app.letter(email, SUBJECT).await.token()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_link_creates_the_account_with_its_address_proven() {
    on_both(async |app| {
        let before = rows(&app, &["users", "sessions"]).await;
        let body = json!({
            "email": "Ann@Example.com", "password": PASSWORD, "username": "ann", "name": "Ann Ó", "transport": "cookie",
        });
        let mut audit = Audit::of(&app.db).await;
        let answer = register(&app, body).await.expect(202);
        assert!(answer.body.is_empty() && !answer.headers.contains_key("set-cookie"), "{answer:?}");
        let letter = app.letter("Ann@Example.com", SUBJECT).await;
        // Nothing is there that anyone could log in to, find or count.
        assert_eq!(rows(&app, &["users", "sessions"]).await, before);
        app.log_in("ann@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        assert!(app.letters_to("Ann@Example.com").await.len() == 1 && !letter.raw.contains(PASSWORD));
        audit.none("a registration that nobody finished").await;

        app.verify_email(&letter.token()).send().await.expect(204);
        assert_eq!(audit.actions().await, ["account.created"]);
        for name in [json!({"email": "ann@example.com"}), json!({"username": "ANN"})] {
            let mut body = name;
            body["password"] = PASSWORD.into();
            let user = app.post("/auth/v1/login", &body).send().await.expect(200).json()["user"].clone();
            let shown = (&user["email"], &user["email_verified"], &user["username"], &user["name"]);
            assert_eq!(shown, (&json!("Ann@Example.com"), &json!(true), &json!("ann"), &json!("Ann Ó")));
        }
        // Once.
        app.verify_email(&letter.token()).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_learns_from_an_answer_who_has_an_account() {
    on_both(async |app| {
        app.person("ann@example.com", &[]).await;
        let taken = app.person("bob@example.com", &[]).await;
        app.patch("/auth/v1/me", &json!({"username": "bob"})).bearer(&taken.token).send().await.expect(200);
        let mut seen = Vec::new();
        for body in [
            json!({"email": "ann@example.com", "password": NEW_PASSWORD}),
            json!({"email": "new@example.com", "password": NEW_PASSWORD}),
            // A user name is somebody's, too.
            json!({"email": "newer@example.com", "password": NEW_PASSWORD, "username": "bob"}),
            json!({"email": "BOB@example.com", "password": NEW_PASSWORD, "username": "bob"}),
        ] {
            let tables = ["users", "single_use", "outbox", "sendings", "audit_log"];
            let (before, hashes) = (rows(&app, &tables).await, app.server.identity.password_hashes());
            let answer = register(&app, body).await;
            let after = rows(&app, &tables).await;
            let written: Vec<_> = before.iter().zip(after).map(|(before, after)| after - before).collect();
            let mut headers: Vec<_> = answer.headers.iter().collect();
            headers.retain(|(name, _)| !["x-request-id", "ratelimit"].contains(&name.as_str()));
            headers.sort_by_key(|(name, _)| name.as_str());
            let headers = format!("{headers:?}");
            seen.push((
                answer.outcome(),
                answer.body,
                headers,
                written,
                app.server.identity.password_hashes() - hashes,
            ));
        }
        assert_eq!((seen[0].0.0, &seen[0].1[..], &seen[0].3[..], seen[0].4), (202, &b""[..], &[0, 1, 2, 2, 0][..], 1));
        assert!(seen.iter().all(|one| *one == seen[0]), "{seen:#?}");
        // Each owner is told what is so, and nobody else.
        app.letter("ann@example.com", EXISTS).await;
        assert_eq!(app.letters_to("ann@example.com").await.len(), 1);
        assert_eq!(app.letters_to("new@example.com").await.len(), 1);
        app.letter("bob@example.com", EXISTS).await;
        // What is wrong with a request is said before anybody is looked up.
        for email in ["ann@example.com", "other@example.com"] {
            let weak = register(&app, json!({"email": email, "password": "1234567"})).await;
            assert_eq!(weak.outcome(), (422, "invalid".to_owned()));
        }
        // The account of before is as it was.
        app.log_in("ann@example.com", PASSWORD).send().await.expect(200);
        app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect_problem(401, "invalid_credentials");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_name_that_somebody_has_is_left_out() {
    on_both(async |app| {
        let body = |email: &str| json!({"email": email, "password": PASSWORD, "username": "ann"});
        let mut tokens = Vec::new();
        for email in ["one@example.com", "two@example.com"] {
            register(&app, body(email)).await.expect(202);
            tokens.push(app.letter(email, SUBJECT).await.token());
        }
        for token in &tokens {
            app.verify_email(token).send().await.expect(204);
        }
        let [one, two] = [app.login("one@example.com").await, app.login("two@example.com").await];
        assert_eq!(app.me(&one).await["username"], "ann");
        assert_eq!(app.me(&two).await["username"], json!(null));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_who_follow_a_link_at_once_one_makes_the_account() {
    on_both(async |app| {
        let token = asked(&app, "ann@example.com").await;
        let before = rows(&app, &["users"]).await;
        let answers = all((0..50).map(|_| app.verify_email(&token)).collect()).await;
        let count = |status: u16| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(204), count(401)), (1, 49), "{answers:?}");
        assert_eq!(rows(&app, &["users"]).await[0], before[0] + 1);
        app.login("ann@example.com").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn links_end_after_a_day_and_by_a_later_registration() {
    on_both(async |app| {
        let expired = asked(&app, "ann@example.com").await;
        app.advance(Duration::from_hours(24));
        app.verify_email(&expired).send().await.expect_problem(401, "invalid_token");
        let first = asked(&app, "bob@example.com").await;
        app.advance(Duration::from_mins(1));
        register(&app, json!({"email": "Bob@Example.com", "password": NEW_PASSWORD})).await.expect(202);
        let letters = app.letters().await;
        let later = letters.iter().find(|letter| letter.to.contains("Bob@Example.com")).map(Letter::token).unwrap();
        app.verify_email(&first).send().await.expect_problem(401, "invalid_token");
        app.verify_email(&later).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_was_faster_has_the_address() {
    on_both(async |app| {
        let token = asked(&app, "ann@example.com").await;
        app.person("ann@example.com", &[]).await;
        app.verify_email(&token).send().await.expect_problem(409, "email_taken");
        app.login("ann@example.com").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_flooded_by_registrations() {
    on_both(async |app| {
        app.person("ann@example.com", &[]).await;
        for _ in 0..7 {
            for email in ["ann@example.com", "new@example.com"] {
                register(&app, json!({"email": email, "password": PASSWORD})).await.expect(202);
                register(&app, json!({"email": email, "password": PASSWORD})).await.expect(202);
            }
            app.advance(Duration::from_mins(1));
        }
        for email in ["ann@example.com", "new@example.com"] {
            assert_eq!(app.letters_to(email).await.len(), 5, "{email}");
        }
    })
    .await;
}

/// Somebody who registers a stranger's address, before or after them, sets no password that counts.
#[tokio::test(flavor = "multi_thread")]
async fn where_two_asked_for_an_address_its_owner_sets_the_password() {
    on_both(async |app| {
        let attack = json!({"email": "ann@example.com", "password": PASSWORD});
        let own = json!({"email": "ann@example.com", "password": NEW_PASSWORD});
        register(&app, attack.clone()).await.expect(202);
        assert_eq!(app.letters_to("ann@example.com").await.len(), 1);
        // Shortly before the first one is a day old, and shortly after.
        app.advance(Duration::from_hours(24) - Duration::from_secs(30));
        register(&app, attack).await.expect(202);
        app.advance(Duration::from_secs(40));
        // Within a minute: she is sent nothing, and has the link of the other alone.
        register(&app, own).await.expect(202);
        let letters = app.letters_to("ann@example.com").await;
        assert_eq!(letters.len(), 2);
        app.verify_email(&letters[1].token()).send().await.expect(204);
        for password in [PASSWORD, NEW_PASSWORD] {
            app.log_in("ann@example.com", password).send().await.expect_problem(401, "invalid_credentials");
        }
        let token = app.letter("ann@example.com", super::RESET).await.token();
        app.reset(&token, NEW_PASSWORD).send().await.expect(204);
        app.log_in("ann@example.com", NEW_PASSWORD).send().await.expect(200);
    })
    .await;
}

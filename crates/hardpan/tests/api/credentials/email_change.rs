//! `POST /auth/v1/email/change` and `/email/undo`: the new address confirms, the old one can take it back.
use std::time::Duration;

use serde_json::json;

use super::{NEW_PASSWORD, RESET};
use crate::support::{Audit, PASSWORD, Person, TestApp, on_both};

const CONFIRM: &str = "new email address";
const CHANGED: &str = "being changed";

async fn change(app: &TestApp, person: &Person, email: &str) {
    app.post("/auth/v1/email/change", &json!({"email": email})).bearer(&person.token).send().await.expect(202);
    let token = app.letter(email, CONFIRM).await.token();
    app.verify_email(&token).send().await.expect(204);
}

async fn undo(app: &TestApp, token: &str) -> crate::support::Answer {
    app.post("/auth/v1/email/undo", &json!({"token": token})).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_new_address_counts_once_it_is_confirmed() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.prove("ann@example.com").await;
        let ask = app.post("/auth/v1/email/change", &json!({"email": "new@example.com"})).bearer(&ann.token);
        ask.send().await.expect(202);
        assert_eq!(app.me(&ann).await["email"], "ann@example.com");
        let token = app.letter("new@example.com", CONFIRM).await.token();
        let mut audit = Audit::of(&app.db).await;
        app.verify_email(&token).send().await.expect(204);
        assert_eq!(audit.actions().await, ["email.changed"]);
        let me = app.me(&ann).await;
        assert_eq!((&me["email"], &me["email_verified"]), (&json!("new@example.com"), &json!(true)));
        app.verify_email(&token).send().await.expect_problem(401, "invalid_token");
        app.log_in("ann@example.com", PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        app.log_in("new@example.com", PASSWORD).send().await.expect(200);
        assert!(app.letter("ann@example.com", CHANGED).await.text.contains("new@example.com"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_wants_a_fresh_log_in_and_tells_nobody_who_has_an_account() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.register("bob@example.com").await;
        let ask = |email: &str| app.post("/auth/v1/email/change", &json!({"email": email})).bearer(&ann.token);
        ask("bob@example.com").send().await.expect(202);
        app.letter("bob@example.com", "already have an account").await;
        ask("new@example.com").send().await.expect_problem(429, "rate_limited");
        app.advance(Duration::from_mins(6));
        ask("new@example.com").send().await.expect_problem(401, "fresh_login_required");
        assert!(app.letters_to("new@example.com").await.is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_former_owner_takes_the_account_back() {
    on_both(async |app| {
        let thief = app.register("ann@example.com").await;
        app.prove("ann@example.com").await;
        change(&app, &thief, "thief@example.com").await;
        let token = app.letter("ann@example.com", CHANGED).await.token();
        // Whatever the thief does then: the password, a reset, another address.
        let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
        app.post("/auth/v1/password/change", &body).bearer(&thief.token).send().await.expect(204);
        let reset = app.reset_token("thief@example.com").await;
        app.reset(&reset, NEW_PASSWORD).send().await.expect(204);
        let login = app.log_in("thief@example.com", NEW_PASSWORD).send().await.expect(200).json();
        let thief = crate::support::person(&login);
        app.advance(Duration::from_mins(2));
        change(&app, &thief, "den@example.com").await;
        let counter = app.letter("thief@example.com", CHANGED).await.token();

        undo(&app, &token).await.expect(204);
        assert!(!app.is_in(&thief.token).await);
        for email in ["ann@example.com", "thief@example.com", "den@example.com"] {
            app.log_in(email, NEW_PASSWORD).send().await.expect_problem(401, "invalid_credentials");
        }
        undo(&app, &counter).await.expect_problem(401, "invalid_token");
        undo(&app, &token).await.expect_problem(401, "invalid_token");
        let token = app.letter("ann@example.com", RESET).await.token();
        app.reset(&token, PASSWORD).send().await.expect(204);
        app.log_in("ann@example.com", PASSWORD).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_can_be_undone_for_a_week() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.prove("ann@example.com").await;
        change(&app, &ann, "new@example.com").await;
        let token = app.letter("ann@example.com", CHANGED).await.token();
        app.advance(Duration::from_hours(7 * 24));
        undo(&app, &token).await.expect_problem(401, "invalid_token");
    })
    .await;
}

/// Of an address that nobody proved nobody knows whose it is: a typing mistake gives a stranger no account.
#[tokio::test(flavor = "multi_thread")]
async fn an_unproven_address_gets_no_way_back() {
    on_both(async |app| {
        let ann = app.register("a.typo@example.com").await;
        change(&app, &ann, "ann@example.com").await;
        let letters = app.letters_to("a.typo@example.com").await;
        assert!(letters.iter().all(|letter| !letter.subject.contains(CHANGED)), "{letters:?}");
        app.register("a.typo@example.com").await;
    })
    .await;
}

/// Whoever took an account cannot close its way back by giving the freed address to another one.
#[tokio::test(flavor = "multi_thread")]
async fn a_former_address_is_kept_while_it_can_be_taken_back() {
    on_both(async |app| {
        let thief = app.register("ann@example.com").await;
        app.prove("ann@example.com").await;
        let second = app.register("second@example.com").await;
        change(&app, &thief, "thief@example.com").await;
        let body = json!({"email": "Ann@Example.com", "password": PASSWORD});
        app.post("/auth/v1/register", &body).send().await.expect_problem(409, "email_taken");
        app.post("/auth/v1/email/change", &json!({"email": "ann@example.com"}))
            .bearer(&second.token)
            .send()
            .await
            .expect(202);
        app.letter("ann@example.com", "already have an account").await;
        let token = app.letter("ann@example.com", CHANGED).await.token();
        undo(&app, &token).await.expect(204);
        assert!(!app.is_in(&thief.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_former_address_is_free_after_a_week_or_with_its_account() {
    on_both(async |app| {
        for (email, goes) in [("ann@example.com", false), ("bob@example.com", true)] {
            let person = app.register(email).await;
            app.prove(email).await;
            change(&app, &person, &format!("new.{email}")).await;
            let body = json!({"email": email, "password": PASSWORD});
            app.post("/auth/v1/register", &body).send().await.expect_problem(409, "email_taken");
            if goes {
                app.delete("/auth/v1/me").bearer(&person.token).send().await.expect(204);
            } else {
                app.letters().await;
                app.advance(Duration::from_hours(7 * 24));
                app.server.identity.purge(&app.db.ctx()).await.unwrap();
            }
            app.register(email).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_flood_no_address() {
    on_both(async |app| {
        for number in 0..3 {
            let person = app.register(&format!("a{number}@example.com")).await;
            let ask = app.post("/auth/v1/email/change", &json!({"email": "victim@example.com"}));
            ask.bearer(&person.token).send().await.expect(202);
        }
        assert_eq!(app.letters_to("victim@example.com").await.len(), 1);
    })
    .await;
}

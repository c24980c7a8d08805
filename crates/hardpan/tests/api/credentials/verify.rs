//! `POST /auth/v1/email/verify` and `/email/resend`: an address is proven by the link mailed there.
use std::time::Duration;

use serde_json::json;

use super::VERIFY;
use crate::support::{Audit, Letter, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn the_link_of_the_registration_proves_the_address() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        assert_eq!(app.me(&ann).await["email_verified"], false);
        let token = app.letter("ann@example.com", VERIFY).await.token();
        let mut audit = Audit::of(&app.db).await;
        app.verify_email(&token).send().await.expect(204);
        assert_eq!(app.me(&ann).await["email_verified"], true);
        assert_eq!(audit.actions().await, ["email.verified"]);
        app.verify_email(&token).send().await.expect_problem(401, "invalid_token");
        app.verify_email("nothing").send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn registering_again_and_again_floods_nobody() {
    on_both(async |app| {
        for _ in 0..3 {
            let ann = app.register("ann@example.com").await;
            app.delete("/auth/v1/me").bearer(&ann.token).send().await.expect(204);
        }
        assert_eq!(app.letters_to("ann@example.com").await.len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_a_day_old_is_over_and_another_can_be_had() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let old = app.letter("ann@example.com", VERIFY).await.token();
        app.advance(Duration::from_hours(24));
        app.verify_email(&old).send().await.expect_problem(401, "invalid_token");
        let resend = |email: &str| app.post("/auth/v1/email/resend", &json!({"email": email}));
        // The same answer whoever it is.
        for email in ["ann@example.com", "nobody@example.com"] {
            let answer = resend(email).send().await.expect(202);
            assert!(answer.body.is_empty());
        }
        assert!(app.letters_to("nobody@example.com").await.is_empty());
        let letters = app.letters_to("ann@example.com").await;
        let token = letters.iter().map(Letter::token).find(|token| *token != old).unwrap();
        app.verify_email(&token).send().await.expect(204);
        let ann = app.login(&ann.email).await;
        assert_eq!(app.me(&ann).await["email_verified"], true);
        // Nothing is left to prove.
        let before = app.letters_to("ann@example.com").await.len();
        app.advance(Duration::from_hours(2));
        resend("ann@example.com").send().await.expect(202);
        assert_eq!(app.letters_to("ann@example.com").await.len(), before);
    })
    .await;
}

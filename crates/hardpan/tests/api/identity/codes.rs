//! Codes by SMS and by mail as second factors: good once, in time, for the request that asked for them.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::{
    credentials::{NEW_PASSWORD, RESET, VERIFY},
    support::{
        Answer, Audit, PAUSE, PHONE, Person, TestApp, Twilio, all, on_both_with, on_both_with_twilio, person,
        wrong_code,
    },
};

pub const FACTORS: &str = "/auth/v1/me/factors";
const KINDS: [&str; 2] = ["sms", "email"];

pub async fn holder(app: &TestApp, twilio: &Twilio, kind: &str) -> (Json, Person) {
    let ann = app.register("ann@example.com").await;
    app.with_sent(twilio, &ann, kind).await
}

/// A challenge, and the code that was sent for it.
pub async fn challenged(app: &TestApp, twilio: &Twilio, who: &Person, kind: &str) -> (Json, String) {
    let challenge = app.challenge(&who.email).await;
    app.send_code(&challenge, kind).send().await.expect(202);
    (challenge, app.sent_code(twilio, kind).await)
}

pub fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_added_confirmed_and_logs_in() {
    on_both_with_twilio(async |app, twilio| {
        let before = app.register("ann@example.com").await;
        let session = app.current_session(&before).await;
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"phone": "+41 79 123-45-67", "label": "work"});
        let factor = app.post(&format!("{FACTORS}/sms"), &body).bearer(&before.token).send().await.expect(201).json();
        assert_eq!(factor, json!({"id": factor["id"], "phone": "+41*****67", "expires_in": 600}));
        assert_eq!(audit.actions().await, ["factor.code_sent"]);
        let sms = twilio.last(&app).await;
        let code = sms.code();
        let text =
            format!("{code} is your code for tested, valid for 10 minutes. Never pass it on.\n\n@127.0.0.1 #{code}");
        assert_eq!((sms.to.as_str(), &sms.text), (PHONE, &text));
        // Not asked for before it is confirmed.
        app.login("ann@example.com").await;
        app.confirm_factor(&before, &factor, &wrong_code(&code)).send().await.expect_problem(401, "invalid_code");
        let answer = app.confirm_factor(&before, &factor, &code).send().await.expect(200).json();
        let after = person(&answer);
        assert_eq!(
            (&answer["user"]["has_second_factor"], &answer["user"]["email_verified"]),
            (&json!(true), &json!(false))
        );
        // What was handed out before does not win by it.
        assert_ne!(app.current_session(&after).await, session);
        assert!(!app.is_in(&before.token).await);
        assert!(app.letter("ann@example.com", "A way to log in was added").await.text.contains("codes by SMS"));
        let listed = app.get(FACTORS).bearer(&after.token).send().await.expect(200).json();
        let item = &listed["items"][0];
        assert_eq!(
            (&item["kind"], &item["phone"], &item["label"], &item["is_confirmed"]),
            (&json!("sms"), &json!("+41*****67"), &json!("work"), &json!(true))
        );
        assert!(!listed.to_string().contains("123"), "{listed}");

        app.advance(PAUSE);
        let challenge = app.challenge("ann@example.com").await;
        assert_eq!(challenge["methods"], json!(["sms"]));
        let answer = app.send_code(&challenge, "sms").send().await.expect(202);
        assert!(answer.body.is_empty());
        let code = twilio.last(&app).await.code();
        let mut audit = Audit::of(&app.db).await;
        let again = person(&app.verify(&challenge, "sms", &code).send().await.expect(200).json());
        assert!(app.is_in(&again.token).await);
        let news = audit.news().await;
        let entry = news.iter().find(|entry| entry.action == "session.created").unwrap();
        assert_eq!(entry.after["methods"], json!(["pwd", "sms"]));
        assert_eq!(twilio.heard().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_own_address_is_added_proven_and_logs_in() {
    on_both_with_twilio(async |app, twilio| {
        let ann = app.register("ann@example.com").await;
        let factor = app.post(&format!("{FACTORS}/email"), &json!({"label": "mail"})).bearer(&ann.token);
        let factor = factor.send().await.expect(201).json();
        assert_eq!(factor, json!({"id": factor["id"], "expires_in": 600}));
        let (to, code) = app.mailed_code().await;
        assert_eq!(to, "ann@example.com");
        let mut audit = Audit::of(&app.db).await;
        let answer = app.confirm_factor(&ann, &factor, &code).send().await.expect(200).json();
        // The code came by that address.
        assert_eq!(
            (&answer["user"]["email_verified"], &answer["user"]["has_second_factor"]),
            (&json!(true), &json!(true))
        );
        assert_eq!(audit.actions().await, ["email.verified", "factor.added", "session.elevated"]);
        let ann = person(&answer);
        let listed = app.get(FACTORS).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((&listed["items"][0]["kind"], &listed["items"][0]["phone"]), (&json!("email"), &Json::Null));
        app.advance(PAUSE);
        let (challenge, code) = challenged(&app, twilio, &ann, "email").await;
        assert_eq!(challenge["methods"], json!(["email"]));
        app.verify(&challenge, "email", &code).send().await.expect(200);
        assert!(twilio.heard().is_empty());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn five_wrong_codes_end_the_challenge_and_five_end_a_code() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            let challenge = app.challenge(&ann.email).await;
            app.send_code(&challenge, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            for _ in 0..5 {
                let wrong = app.verify(&challenge, kind, &wrong_code(&code)).send().await;
                wrong.expect_problem(401, "invalid_code");
            }
            app.verify(&challenge, kind, &code).send().await.expect_problem(401, "invalid_token");
            app.send_code(&challenge, kind).send().await.expect_problem(401, "invalid_token");
            // A session has no challenge that could end: the code does.
            app.advance(PAUSE);
            app.send_step_up(&ann, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            for guess in [[&wrong_code(&code); 5].as_slice(), &[&code]].concat() {
                app.step_up(&ann, kind, guess).send().await.expect_problem(401, "invalid_code");
            }
            assert!(app.is_in(&ann.token).await);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_the_request_that_asked_and_for_no_other() {
    on_both_with_twilio(async |app, twilio| {
        for (kind, other) in [("sms", "email"), ("email", "sms")] {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, "sms").await;
            let (_, ann) = app.with_sent(twilio, &ann, "email").await;
            let (challenge, code) = challenged(&app, twilio, &ann, kind).await;
            let elsewhere = app.challenge(&ann.email).await;
            assert_eq!(elsewhere["methods"], json!(["sms", "email"]));
            app.verify(&elsewhere, kind, &code).send().await.expect_problem(401, "invalid_code");
            app.verify(&challenge, other, &code).send().await.expect_problem(401, "invalid_code");
            app.step_up(&ann, kind, &code).send().await.expect_problem(401, "invalid_code");
            // A challenge that has a code of its own takes no other either.
            app.advance(PAUSE);
            app.send_code(&elsewhere, kind).send().await.expect(202);
            let own = app.sent_code(twilio, kind).await;
            app.verify(&elsewhere, kind, &code).send().await.expect_problem(401, "invalid_code");
            app.verify(&challenge, kind, &own).send().await.expect_problem(401, "invalid_code");
            app.verify(&elsewhere, kind, &own).send().await.expect(200);
            // Nor is the code of a step-up good for a log-in, or in another session.
            app.advance(PAUSE);
            app.send_step_up(&ann, kind).send().await.expect(202);
            let step_up = app.sent_code(twilio, kind).await;
            app.verify(&challenge, kind, &step_up).send().await.expect_problem(401, "invalid_code");
            let body = app.verify(&challenge, kind, &code).send().await.expect(200).json();
            app.step_up(&person(&body), kind, &step_up).send().await.expect_problem(401, "invalid_code");
            app.step_up(&ann, kind, &step_up).send().await.expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_of_an_enrolment_is_good_for_nothing_else() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            let bob = app.register(&format!("bob.{kind}@example.com")).await;
            let enrolment = app.enrol_sent(&bob, kind).send().await.expect(201).json();
            let bobs = app.sent_code(twilio, kind).await;
            let (challenge, anns) = challenged(&app, twilio, &ann, kind).await;
            app.step_up(&bob, kind, &bobs).send().await.expect_problem(401, "invalid_code");
            app.verify(&challenge, kind, &bobs).send().await.expect_problem(401, "invalid_code");
            app.confirm_factor(&bob, &enrolment, &anns).send().await.expect_problem(401, "invalid_code");
            // Not even in the hands of another.
            app.confirm_factor(&ann, &enrolment, &bobs).send().await.expect_problem(404, "not_found");
            app.confirm_factor(&bob, &enrolment, &bobs).send().await.expect(200);
        }
    })
    .await;
}

/// Parse Server GHSA-4hf6-3x24-c9m8: of fifty that carry one SMS code at once, one gets a session.
#[tokio::test(flavor = "multi_thread")]
async fn parse_server_ghsa_4hf6_3x24_c9m8_fifty_at_once_with_one_code_are_one_session() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let factor = app.enrol_sent(&ann, kind).send().await.expect(201).json();
            let code = app.sent_code(twilio, kind).await;
            let answers = all(vec![app.confirm_factor(&ann, &factor, &code); 50]).await;
            assert_eq!(count(&answers, 200), 1, "{kind}: confirmed");
            let confirmed = answers.iter().find(|answer| answer.status == 200).unwrap();
            let ann = person(&confirmed.json());

            app.advance(PAUSE);
            let challenge = app.challenge(&ann.email).await;
            app.send_code(&challenge, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            let mut audit = Audit::of(&app.db).await;
            let answers = all(vec![app.verify(&challenge, kind, &code); 50]).await;
            assert_eq!((count(&answers, 200), count(&answers, 401)), (1, 49), "{kind}: log-in");
            let sessions = audit.actions().await.iter().filter(|action| *action == "session.created").count();
            assert_eq!(sessions, 1, "{kind}");
            // And again, when all of that is over.
            app.verify(&challenge, kind, &code).send().await.expect_problem(401, "invalid_token");

            app.advance(PAUSE);
            app.send_step_up(&ann, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            let answers = all(vec![app.step_up(&ann, kind, &code); 50]).await;
            assert_eq!((count(&answers, 200), count(&answers, 401)), (1, 49), "{kind}: step-up");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_used_is_over() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            app.send_step_up(&ann, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            let fresh = person(&app.step_up(&ann, kind, &code).send().await.expect(200).json());
            app.step_up(&fresh, kind, &code).send().await.expect_problem(401, "invalid_code");
            assert!(!app.is_in(&ann.token).await, "the session goes on under another id");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_up_by_a_code_makes_a_session_fresh() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (factor, ann) = app.with_sent(twilio, &ann, kind).await;
            app.advance(Duration::from_mins(6));
            let delete =
                |who: &Person| app.delete(&format!("{FACTORS}/{}", factor["id"].as_str().unwrap())).bearer(&who.token);
            // Neither the password nor a link by mail does.
            let body = json!({"method": "password", "password": crate::support::PASSWORD});
            let by_password = app.post("/auth/v1/step-up", &body).bearer(&ann.token).send().await.expect(200);
            let ann = person(&by_password.json());
            if kind == "sms" {
                let link = app.letter(&ann.email, VERIFY).await.token();
                app.verify_email(&link).send().await.expect(204);
            }
            delete(&ann).send().await.expect_problem(401, "fresh_login_required");
            app.send_step_up(&ann, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            let ann = person(&app.step_up(&ann, kind, &code).send().await.expect(200).json());
            delete(&ann).send().await.expect(204);
            // That was the last one.
            let ann = app.login(&ann.email).await;
            assert_eq!(app.me(&ann).await["has_second_factor"], false);
            app.advance(PAUSE);
            app.send_step_up(&ann, kind).send().await.expect_problem(404, "not_found");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_good_for_ten_minutes() {
    on_both_with_twilio(async |app, twilio| {
        for (kind, seconds, status) in [("sms", 600, 401), ("sms", 599, 200), ("email", 600, 401)] {
            let ann = app.register(&format!("{kind}{status}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            app.send_step_up(&ann, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            app.advance(Duration::from_secs(seconds));
            app.step_up(&ann, kind, &code).send().await.expect(status);
            // Another telephone number for the next.
            app.advance(Duration::from_hours(1));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_code_ends_the_one_before() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            // Enrolled anew before it was confirmed: so is the factor.
            let first = app.enrol_sent(&ann, kind).send().await.expect(201).json();
            let old = app.sent_code(twilio, kind).await;
            app.advance(PAUSE);
            let second = app.enrol_sent(&ann, kind).send().await.expect(201).json();
            let code = app.sent_code(twilio, kind).await;
            app.confirm_factor(&ann, &first, &old).send().await.expect_problem(404, "not_found");
            app.confirm_factor(&ann, &second, &old).send().await.expect_problem(401, "invalid_code");
            app.confirm_factor(&ann, &second, &code).send().await.expect(200);

            app.advance(PAUSE);
            let challenge = app.challenge(&ann.email).await;
            app.send_code(&challenge, kind).send().await.expect(202);
            let old = app.sent_code(twilio, kind).await;
            app.advance(PAUSE);
            app.send_code(&challenge, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            app.verify(&challenge, kind, &old).send().await.expect_problem(401, "invalid_code");
            app.verify(&challenge, kind, &code).send().await.expect(200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_number_is_refused_and_there_is_one_of_each() {
    on_both_with_twilio(async |app, twilio| {
        let ann = app.register("ann@example.com").await;
        for phone in
            ["0791234567", "079 123 45 67", "+0791234567", "+4179123456x", "ann@example.com", "+41791234567890123"]
        {
            let answer = app.post(&format!("{FACTORS}/sms"), &json!({"phone": phone})).bearer(&ann.token).send().await;
            let answer = answer.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [("phone".to_owned(), "invalid".to_owned())], "{phone}");
        }
        let mut ann = ann;
        for kind in KINDS {
            ann = app.with_sent(twilio, &ann, kind).await.1;
            app.enrol_sent(&ann, kind).send().await.expect_problem(409, "too_many");
        }
        app.advance(Duration::from_mins(5));
        for kind in KINDS {
            app.enrol_sent(&ann, kind).send().await.expect_problem(401, "fresh_login_required");
        }
        assert_eq!(twilio.heard().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_that_was_removed_gets_nothing_in() {
    on_both_with_twilio(async |app, twilio| {
        let (old, ann) = holder(&app, twilio, "sms").await;
        let (challenge, code) = challenged(&app, twilio, &ann, "sms").await;
        let path = format!("{FACTORS}/{}", old["id"].as_str().unwrap());
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        app.verify(&challenge, "sms", &code).send().await.expect_problem(401, "invalid_code");
        app.advance(PAUSE);
        app.send_code(&challenge, "sms").send().await.expect_problem(404, "not_found");
        // Nor in the place of its successor.
        let other = json!({"phone": "+15557654321"});
        let factor = app.post(&format!("{FACTORS}/sms"), &other).bearer(&ann.token).send().await.expect(201).json();
        let confirm = twilio.last(&app).await;
        assert_eq!(confirm.to, "+15557654321");
        app.confirm_factor(&ann, &factor, &confirm.code()).send().await.expect(200);
        app.verify(&challenge, "sms", &code).send().await.expect_problem(401, "invalid_code");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_by_mail_follow_the_address_once_its_change_is_confirmed() {
    on_both_with_twilio(async |app, twilio| {
        let (_, ann) = holder(&app, twilio, "email").await;
        let body = json!({"email": "new@example.com"});
        app.post("/auth/v1/email/change", &body).bearer(&ann.token).send().await.expect(202);
        let link = app.letter("new@example.com", "new email address").await.token();
        let challenge = app.challenge("ann@example.com").await;
        app.send_code(&challenge, "email").send().await.expect(202);
        let (to, code) = app.mailed_code().await;
        assert_eq!(to, "ann@example.com");
        app.verify_email(&link).send().await.expect(204);
        // What went to the old address is over.
        app.verify(&challenge, "email", &code).send().await.expect_problem(401, "invalid_token");
        app.advance(PAUSE);
        let challenge = app.challenge("new@example.com").await;
        app.send_code(&challenge, "email").send().await.expect(202);
        let (to, code) = app.mailed_code().await;
        assert_eq!(to, "new@example.com");
        app.verify(&challenge, "email", &code).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_of_the_password_leaves_the_factor_and_ends_what_was_sent() {
    on_both_with_twilio(async |app, twilio| {
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            let before = app.challenge(&ann.email).await;
            app.send_code(&before, kind).send().await.expect(202);
            let code = app.sent_code(twilio, kind).await;
            let token = app.reset_token(&ann.email).await;
            app.reset(&token, NEW_PASSWORD).send().await.expect(204);
            app.verify(&before, kind, &code).send().await.expect_problem(401, "invalid_token");
            let challenge = app.log_in(&ann.email, NEW_PASSWORD).send().await.expect(200).json();
            assert_eq!(challenge["methods"], json!([kind]), "{RESET}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_and_deleted_accounts_are_sent_nothing() {
    on_both_with_twilio(async |app, twilio| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        for kind in KINDS {
            let ann = app.register(&format!("{kind}@example.com")).await;
            let (_, ann) = app.with_sent(twilio, &ann, kind).await;
            let challenge = app.challenge(&ann.email).await;
            let sent = (twilio.messages(&app).await.len(), app.letters().await.len());
            app.set_state(&admin, &ann, "suspended").send().await.expect(200);
            app.send_code(&challenge, kind).send().await.expect_problem(401, "invalid_token");
            app.send_step_up(&ann, kind).send().await.expect(401);
            app.enrol_sent(&ann, kind).send().await.expect(401);
            assert_eq!((twilio.messages(&app).await.len(), app.letters().await.len()), sent);
        }
        let (_, ann) = holder(&app, twilio, "sms").await;
        let challenge = app.challenge("ann@example.com").await;
        let sent = twilio.messages(&app).await.len();
        app.delete("/auth/v1/me").bearer(&ann.token).send().await.expect(204);
        app.send_code(&challenge, "sms").send().await.expect_problem(401, "invalid_token");
        assert_eq!(twilio.messages(&app).await.len(), sent);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_no_sms_can_be_sent_that_is_said() {
    // To Twilio, and without an account there.
    on_both_with(&[("HARDPAN_SMS__URL", "https://api.twilio.com")], async |app| {
        let ann = app.register("ann@example.com").await;
        let answer = app.enrol_sent(&ann, "sms").send().await.expect_problem(422, "invalid");
        assert_eq!(answer.json()["detail"], "This server sends no SMS.");
        assert_eq!(answer.errors(), [("phone".to_owned(), "unavailable".to_owned())]);
        let factor = app.enrol_sent(&ann, "email").send().await.expect(201).json();
        let (_, code) = app.mailed_code().await;
        let ann = person(&app.confirm_factor(&ann, &factor, &code).send().await.expect(200).json());
        app.advance(PAUSE);
        let challenge = app.challenge("ann@example.com").await;
        for answer in [app.send_code(&challenge, "sms"), app.send_step_up(&ann, "sms")] {
            let answer = answer.send().await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [("method".to_owned(), "unavailable".to_owned())]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_telephone_is_asked_for_no_more_when_no_sms_can_be_sent() {
    on_both_with_twilio(async |app, twilio| {
        let (_, ann) = holder(&app, twilio, "sms").await;
        app.with_sent(twilio, &ann, "email").await;
        let mut config = app.server.config.clone();
        config.sms = hardpan::config::Sms::None;
        let declaration = std::sync::Arc::clone(app.server.records.declaration());
        let foundation = hardpan::assemble::Foundation::new(config, declaration, app.db.source.clone()).unwrap();
        let without = foundation.build().await.unwrap();
        let body = json!({"email": "ann@example.com", "password": crate::support::PASSWORD});
        let challenge = app.post("/auth/v1/login", &body).through(&without.app).send().await.expect(200).json();
        assert_eq!(challenge["methods"], json!(["email"]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_number_nor_code_is_stored_in_the_clear() {
    on_both_with_twilio(async |app, twilio| {
        let mut audit = Audit::of(&app.db).await;
        holder(&app, twilio, "sms").await;
        let challenge = app.challenge("ann@example.com").await;
        app.send_code(&challenge, "sms").send().await.expect(202);
        let stored = async |sql: &'static str| -> Vec<u8> {
            let read = app.db.ctx();
            let read = read.read(move |_, tx| {
                Box::pin(async move {
                    let rows = tx.query(sql, &[]).await?;
                    rows.iter().map(|row| row.get::<Vec<u8>>(0)).collect::<kernel::Result<Vec<_>>>()
                })
            });
            read.await.unwrap().concat()
        };
        // While it still waits to be sent.
        let waiting = stored("SELECT payload FROM outbox").await;
        let digests = stored("SELECT digest FROM single_use").await;
        let rest =
            [stored("SELECT payload FROM single_use").await, stored("SELECT secret FROM factors").await].concat();
        assert!(!waiting.is_empty() && !digests.is_empty() && !rest.is_empty());
        let code = twilio.last(&app).await.code();
        let all = [waiting, digests, rest].concat();
        for clear in [PHONE, "41791234567", code.as_str()] {
            assert!(!all.windows(clear.len()).any(|part| part == clear.as_bytes()), "{clear}");
        }
        for entry in audit.news().await {
            let told = format!("{} {}", entry.before, entry.after);
            assert!(!told.contains("791234567") && !told.contains(&code), "{entry:?}");
        }
    })
    .await;
}

//! `POST /auth/v1/login`
use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, PASSWORD, TestApp, on_both};

async fn log_in(app: &TestApp, body: Json) -> Answer {
    app.post("/auth/v1/login", &body).header("x-request-id", "same").send().await
}

/// Everything of an answer but what counts requests.
fn seen(answer: &Answer) -> (u16, String, BTreeMap<String, Vec<u8>>) {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "ratelimit");
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    (answer.status.as_u16(), answer.text(), headers)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_or_a_user_name_and_the_password_log_in() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "username": "Ann.B"});
        app.post("/auth/v1/register", &body).send().await.expect(201);
        for name in [
            json!({"email": "ann@example.com"}),
            json!({"email": "ANN@example.com"}),
            json!({"username": "Ann.B"}),
            json!({"username": "ann.b"}),
        ] {
            let mut body = name.clone();
            body["password"] = json!(PASSWORD);
            let granted = log_in(&app, body).await.expect(200).json();
            assert_eq!(granted["user"]["username"], "Ann.B", "{name}");
            assert!(app.is_in(granted["access_token"].as_str().unwrap()).await);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_name_and_a_wrong_password_are_answered_byte_for_byte_alike() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD, "username": "ann"});
        app.post("/auth/v1/register", &body).send().await.expect(201);
        let deleted = app.register("gone@example.com").await;
        app.delete("/auth/v1/me").bearer(&deleted.token).send().await.expect(204);
        let wrong = log_in(&app, json!({"email": "ann@example.com", "password": "wrong password"})).await;
        let wrong = seen(&wrong.expect_problem(401, "invalid_credentials"));
        assert_eq!(wrong.2["www-authenticate"], b"Bearer");
        for body in [
            json!({"email": "nobody@example.com", "password": PASSWORD}),
            json!({"email": "nobody@example.com", "password": ""}),
            json!({"email": "ann@example.com", "password": ""}),
            json!({"email": "gone@example.com", "password": PASSWORD}),
            json!({"username": "ann", "password": "wrong password"}),
            json!({"username": "nobody", "password": PASSWORD}),
            json!({"email": "ann@example.com", "password": "wrong password", "transport": "cookie"}),
            json!({"email": "nobody@example.com", "password": "wrong password", "transport": "cookie"}),
        ] {
            assert_eq!(seen(&log_in(&app, body.clone()).await), wrong, "{body}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_audited_where_there_is_an_account_and_costs_no_row_where_there_is_none() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        log_in(&app, json!({"email": "ann@example.com", "password": "wrong password"})).await.expect(401);
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.target("usr")), ("login.failed", ann.id));
        assert_eq!((entry.actor_type.as_str(), entry.request_id.as_deref()), ("anonymous", Some("same")));
        for nth in 0..5 {
            log_in(&app, json!({"email": format!("n{nth}@example.com"), "password": "wrong password"}))
                .await
                .expect(401);
        }
        audit.none("failures of names that nobody has").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_name_is_given_and_not_two() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        for (body, code) in [
            (json!({"password": PASSWORD}), "missing"),
            (json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD}), "ambiguous"),
        ] {
            let answer = log_in(&app, body).await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [("email".to_owned(), code.to_owned())]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_log_in_is_a_session_of_its_own() {
    on_both(async |app| {
        let first = app.register("ann@example.com").await;
        let second = app.login("ann@example.com").await;
        assert_ne!((&first.token, &first.refresh), (&second.token, &second.refresh));
        app.post("/auth/v1/logout", &json!({"refresh_token": first.refresh})).send().await.expect(204);
        assert!(!app.is_in(&first.token).await);
        assert!(app.is_in(&second.token).await);
    })
    .await;
}

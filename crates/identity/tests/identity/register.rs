//! POST /auth/v1/register
use identity::Registration;
use serde_json::{Value as Json, json};
use testkit::Engine;
use web::StatusCode;

use crate::support::{App, PASSWORD, account, on_both, post, settings};

const PATH: &str = "/auth/v1/register";

#[tokio::test(flavor = "multi_thread")]
async fn a_registration_answers_with_the_account_and_working_tokens() {
    on_both(async |app| {
        let body = json!({"email": "Ann@Example.com", "password": PASSWORD, "username": "Ann", "name": "Ann B."});
        let answer = app.ask(post(PATH, body)).await;
        assert_eq!(answer.status, StatusCode::CREATED);
        assert_eq!(answer.headers["location"], "/auth/v1/me");
        assert_eq!((&answer.json["token_type"], &answer.json["expires_in"]), (&json!("Bearer"), &json!(3600)));
        let user = &answer.json["user"];
        assert_eq!((&user["email"], &user["username"]), (&json!("Ann@Example.com"), &json!("Ann")));
        assert_eq!((&user["roles"], &user["preferences"], &user["version"]), (&json!([]), &json!({}), &json!(1)));
        assert!(user["id"].as_str().unwrap().starts_with("usr_"));
        assert_eq!(app.me(&answer.text("access_token")).await.json["id"], user["id"]);
        let everything = answer.json.to_string();
        assert!(!everything.contains("argon2") && !everything.contains("password"), "{everything}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_and_a_user_name_are_one_persons_each() {
    on_both(async |app| {
        let body = |email: &str, username: &str| json!({"email": email, "password": PASSWORD, "username": username});
        assert_eq!(app.ask(post(PATH, body("ann@example.com", "ann"))).await.status, 201);
        let taken = app.ask(post(PATH, body("ANN@example.COM", "bob"))).await;
        assert_eq!(taken.error(), (409, "email_taken"));
        let taken = app.ask(post(PATH, body("bob@example.com", "Ann"))).await;
        assert_eq!(taken.error(), (409, "username_taken"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_named() {
    on_both(async |app| {
        let long = "x".repeat(1025);
        let cases: [(Json, &str); 8] = [
            (json!({"password": PASSWORD}), "email"),
            (json!({"email": "ann", "password": PASSWORD}), "email"),
            (json!({"email": "ann@example.com", "password": "seven77"}), "password"),
            (json!({"email": "ann@example.com", "password": long}), "password"),
            (json!({"email": "ann@example.com", "password": "ä".repeat(513)}), "password"),
            (json!({"email": "ann@example.com", "password": PASSWORD, "username": "ann@b.c"}), "username"),
            (json!({"email": "ann@example.com", "password": PASSWORD, "transport": "pigeon"}), "transport"),
            (json!({"email": "ann@example.com", "password": PASSWORD, "role": "admin"}), "role"),
        ];
        for (body, field) in cases {
            let answer = app.ask(post(PATH, body)).await;
            assert_eq!(answer.error(), (422, "invalid"), "{field}");
            assert_eq!(answer.json["errors"][0]["field"], field, "{answer:?}");
        }
        let long = json!({"email": "ann@example.com", "password": "äöüßéèêç".repeat(64)});
        assert_eq!(app.ask(post(PATH, long)).await.status, 201);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn closed_means_that_only_administrators_create_accounts() {
    for engine in Engine::BOTH {
        let closed = identity::Settings { registration: Registration::Closed, ..settings() };
        let app = App::start_with(engine, closed, Vec::new()).await;
        let answer = app.ask(post(PATH, json!({"email": "ann@example.com", "password": PASSWORD}))).await;
        assert_eq!(answer.error(), (403, "registration_closed"));
        app.identity.create_user(&app.db.ctx(), account("ann@example.com"), &[]).await.unwrap();
        app.log_in("ann@example.com").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_at_once_leave_one_account() {
    on_both(async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let asks: Vec<_> = (0..50)
            .map(|_| {
                let (web, ask) = (app.web.clone(), post(PATH, body.clone()));
                tokio::spawn(async move { ask.send(&web).await })
            })
            .collect();
        let mut statuses = Vec::new();
        for ask in asks {
            let answer = ask.await.unwrap();
            if answer.status != 201 {
                assert_eq!(answer.error(), (409, "email_taken"));
            }
            statuses.push(answer.status);
        }
        assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1);
        let count: i64 = app.query("SELECT COUNT(*) FROM users").await[0].get(0).unwrap();
        let sessions: i64 = app.query("SELECT COUNT(*) FROM sessions").await[0].get(0).unwrap();
        assert_eq!((count, sessions), (1, 1));
    })
    .await;
}

//! POST /auth/v1/login
use kernel::Actor;
use serde_json::json;

use crate::support::{Ask, PASSWORD, on_both, post};

fn ask(name: &str, value: &str, password: &str) -> Ask {
    post("/auth/v1/login", json!({name: value, "password": password}))
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_user_names_log_in_in_any_case() {
    on_both(async |app| {
        let body = json!({"email": "Ann@example.com", "password": PASSWORD, "username": "Ann"});
        app.ask(post("/auth/v1/register", body)).await;
        for (name, value) in [("email", "ann@EXAMPLE.com"), ("username", "aNN")] {
            let answer = app.ask(ask(name, value, PASSWORD)).await;
            assert_eq!(answer.status, 200, "{answer:?}");
            assert_eq!(app.me(&answer.text("access_token")).await.status, 200);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_and_wrong_passwords_get_the_same_answer() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        let wrong = app.ask(ask("email", "ann@example.com", "wrong password")).await;
        let unknown = app.ask(ask("email", "bob@example.com", "wrong password")).await;
        assert_eq!(wrong.error(), (401, "invalid_credentials"));
        let same = |field: &str| assert_eq!(wrong.json[field], unknown.json[field], "{field}");
        ["status", "code", "title", "detail", "type", "errors"].into_iter().for_each(same);
        let names = |answer: &crate::support::Answer| answer.headers.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&wrong), names(&unknown));
        // Empty, and near misses.
        for password in ["", &PASSWORD[1..], &format!("{PASSWORD} ")] {
            assert_eq!(app.ask(ask("email", "ann@example.com", password)).await.error(), (401, "invalid_credentials"));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_audited_for_accounts_and_counted_for_strangers() {
    on_both(async |app| {
        app.register("ann@example.com").await;
        app.ask(ask("email", "ann@example.com", "wrong password")).await;
        assert_eq!(app.audited().await, ["login.failed"]);
        for _ in 0..3 {
            app.ask(ask("email", "stranger@example.com", "wrong password")).await;
        }
        assert_eq!(app.audited().await, ["login.failed"]);
        let counted = app.query("SELECT failures FROM failed_logins").await;
        assert_eq!(counted.iter().map(|row| row.get::<i64>(0).unwrap()).collect::<Vec<_>>(), [3]);
        let trail = app.query("SELECT actor_type, address FROM audit_log WHERE action = 'session.created'").await;
        let who: (String, Option<String>) = (trail[0].get(0).unwrap(), trail[0].get(1).unwrap());
        assert_eq!(who, ("user".to_owned(), Some("203.0.113.9".to_owned())));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn exactly_one_name_is_given() {
    on_both(async |app| {
        for body in [
            json!({"password": PASSWORD}),
            json!({"email": "ann@example.com", "username": "ann", "password": PASSWORD}),
            json!({"email": "ann@example.com"}),
        ] {
            assert_eq!(app.ask(post("/auth/v1/login", body.clone())).await.error(), (422, "invalid"), "{body}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn creating_accounts_wants_permission() {
    on_both(async |app| {
        let stranger = app.db.ctx().with_actor(Actor::Anonymous);
        let refused = app.identity.create_user(&stranger, crate::support::account("ann@example.com"), &[]).await;
        assert_eq!(refused.unwrap_err().code(), kernel::Code::Unauthenticated);
    })
    .await;
}

//! Tokens that are not valid: every route that asks for one refuses them, every other takes them for none.
use std::time::Duration;

use serde_json::json;
use web::{Access, Class, Route};

use super::access::expected;
use crate::support::{PASSWORD, Person, Targets, TestApp, on_both};

/// The table's first column, for routes that cost no password hash.
fn as_anonymous(route: &Route) -> Option<u16> {
    (route.class != Class::Credentials).then(|| expected(&route.operation.id).unwrap()[0])
}

/// Asks every route with `authorization`, and expects the answer of a caller whose token is not valid.
async fn refused_everywhere(app: &TestApp, targets: &Targets, authorization: &[u8], why: &str) {
    for route in app.routes() {
        let request = targets.request(app, route).header_bytes("authorization", authorization);
        let answer = if route.operation.id == "refresh" {
            request.json(&json!({"refresh_token": "none"})).send().await
        } else {
            request.send().await
        };
        let name = &route.operation.id;
        if route.access != Access::Public {
            assert_eq!(answer.outcome(), (401, "invalid_token".to_owned()), "{name} with {why}");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer error=\"invalid_token\""), "{name} with {why}");
        } else if name == "refresh" {
            answer.expect(401);
        } else if let Some(status) = as_anonymous(route) {
            assert_eq!(answer.status, status, "{name} with {why}: {}", answer.text());
        }
    }
}

async fn cast(app: &TestApp) -> (Person, Targets) {
    let administrator = app.person("administrator@example.com", &["admin"]).await;
    let targets = Targets::new(app, &administrator, &administrator).await;
    (administrator, targets)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_tampered_with_is_refused_everywhere() {
    on_both(async |app| {
        let (person, targets) = cast(&app).await;
        let [header, claims, signature] = person.token.split('.').collect::<Vec<_>>()[..] else { panic!("no JWT") };
        let other = app.login("administrator@example.com").await.token;
        let [_, _, foreign] = other.split('.').collect::<Vec<_>>()[..] else { panic!("no JWT") };
        let flipped: String = signature.chars().rev().collect();
        // {"typ":"at+jwt","alg":"none"} and {"typ":"at+jwt","alg":"HS256"}
        let none = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJub25lIn0";
        let symmetric = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJIUzI1NiJ9";
        for token in [
            format!("{header}.{claims}.{flipped}"),
            format!("{header}.{claims}.{foreign}"),
            format!("{header}.{claims}."),
            format!("{header}.{claims}"),
            format!("{none}.{claims}."),
            format!("{none}.{claims}.{signature}"),
            format!("{symmetric}.{claims}.{signature}"),
            format!("{}.", person.token),
            person.refresh.clone(),
            "x".repeat(20_000),
        ] {
            refused_everywhere(&app, &targets, format!("Bearer {token}").as_bytes(), &token).await;
        }
        assert!(app.is_in(&person.token).await);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authorization_that_is_no_bearer_token_is_refused_everywhere() {
    on_both(async |app| {
        let (person, targets) = cast(&app).await;
        for authorization in
            [&b"Basic YTpi"[..], b"Bearer", b"Bearer ", b"bearer\t", b"Bearer \xff", b"", b"hp_key", b"Bearer a b"]
        {
            refused_everywhere(&app, &targets, authorization, &authorization.escape_ascii().to_string()).await;
        }
        // The scheme has no case; two of them are none.
        let me = || app.get("/auth/v1/me").header("authorization", &format!("bEARER {}", person.token));
        me().send().await.expect(200);
        me().bearer(&person.token).send().await.expect_problem(401, "invalid_token");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refused_everywhere_once_it_expired() {
    on_both(async |app| {
        let (person, targets) = cast(&app).await;
        app.advance(Duration::from_secs(3599));
        assert!(app.is_in(&person.token).await);
        app.advance(Duration::from_secs(1));
        refused_everywhere(&app, &targets, format!("Bearer {}", person.token).as_bytes(), "an expired token").await;
        let body = json!({"refresh_token": person.refresh});
        app.post("/auth/v1/refresh", &body).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_is_refused_everywhere_once_its_session_is_revoked() {
    on_both(async |app| {
        let (person, targets) = cast(&app).await;
        // Known to be good a moment ago, and cached as such.
        assert!(app.is_in(&person.token).await);
        let body = json!({"email": person.email, "password": PASSWORD});
        let other = app.post("/auth/v1/login", &body).send().await.expect(200).json();
        let token = other["access_token"].as_str().unwrap();
        app.delete("/auth/v1/sessions").bearer(token).send().await.expect(204);
        refused_everywhere(&app, &targets, format!("Bearer {}", person.token).as_bytes(), "a revoked session").await;
        assert!(app.is_in(token).await);
    })
    .await;
}

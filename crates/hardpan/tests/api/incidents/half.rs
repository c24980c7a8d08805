//! Half a log-in: what a right password earns where a second factor is asked for is good for giving it, and for nothing else.
use serde_json::{Value as Json, json};
use web::{Access, Body, Method, Route};

use crate::{
    routes::access::expected,
    support::{Authenticator, PASSWORD, Request, Targets, TestApp, on_both, person, valid_body},
};

const ORIGIN: &str = "http://127.0.0.1:8080";
/// Members of bodies that carry something single-use or a token.
const SECRETS: [&str; 4] = ["token", "code", "refresh_token", "ceremony_id"];

fn has_field(route: &Route, name: &str) -> bool {
    matches!(&route.body, Body::Json { schema, .. } if schema.fields.iter().any(|field| field.name == name))
}

/// A request that would succeed, with `half` wherever a credential may stand.
fn everywhere(app: &TestApp, targets: &Targets, route: &Route, half: &str) -> Vec<(&'static str, Request)> {
    let request = || {
        let request = targets.request(app, route);
        // Targets have the right token in the body.
        if route.operation.id == "refresh" { request.json(&json!({"refresh_token": half})) } else { request }
    };
    let cookies = format!("hardpan_access={half}; hardpan_refresh={half}; hardpan_csrf={half}; hardpan_device={half}");
    let in_cookies = request().header("cookie", &cookies).header("x-csrf-token", half).header("origin", ORIGIN);
    vec![
        ("a bearer", request().bearer(half)),
        ("an API key", request().header("x-api-key", half)),
        ("cookies", in_cookies),
        ("a device", request().header("x-device-token", half)),
    ]
}

async fn opens_nothing(app: &TestApp, targets: &Targets, half: &str) {
    for route in app.routes() {
        let operation = &*route.operation.id;
        for (place, request) in everywhere(app, targets, route, half) {
            let answer = request.send().await;
            // Where anyone may ask, or the rules of a resource decide, a device is as good as nothing.
            let is_none = route.access == Access::Public || place == "a device";
            let status = if is_none && operation != "refresh" { expected(operation).unwrap()[0] } else { 401 };
            assert_eq!(answer.status, status, "{operation} with half a log-in as {place}: {}", answer.text());
        }
        for name in SECRETS.into_iter().filter(|name| has_field(route, name) && route.access == Access::Public) {
            let Body::Json { schema, .. } = &route.body else { continue };
            let mut body = valid_body(schema, 1);
            body[name] = json!(half);
            let answer = app.post(&route.path, &body).send().await;
            let is_refused = [401, 422].contains(&answer.status.as_u16()) || operation == "log_out";
            assert!(is_refused, "{operation} with half a log-in as its {name}: {}", answer.text());
        }
    }
}

/// GHSA-xg6x-h9c9-2m83 better-auth: whoever had given the password alone was taken for logged in wherever a cache was asked.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_xg6x_h9c9_2m83_half_a_log_in_opens_no_route_but_those_that_complete_it() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let targets = Targets::new(&app, &admin, &admin).await;
        let (authenticator, admin) = Authenticator::confirmed(&app, &admin).await;
        for transport in ["bearer", "cookie"] {
            app.advance(std::time::Duration::from_secs(30));
            let body = json!({"email": admin.email, "password": PASSWORD, "transport": transport});
            let answer = app.post("/auth/v1/login", &body).header("origin", ORIGIN).send().await.expect(200);
            assert_eq!(answer.header("set-cookie"), None, "cookies for half a log-in");
            let challenge = answer.json();
            let members: Vec<_> = challenge.as_object().unwrap().keys().cloned().collect();
            assert_eq!(members, ["mfa_required", "challenge_id", "methods", "expires_in"]);
            let half = challenge["challenge_id"].as_str().unwrap();
            // Twice: what a first request leaves in a cache opens nothing to a second.
            for _ in 0..2 {
                opens_nothing(&app, &targets, half).await;
            }
            let mut completing = 0;
            for route in app.routes().iter().filter(|route| has_field(route, "challenge_id")) {
                assert_eq!((&route.method, route.access), (&Method::POST, Access::Public));
                let Body::Json { schema, .. } = &route.body else { panic!("a body is needed") };
                let mut body = valid_body(schema, 1);
                body["challenge_id"] = json!(half);
                let answer = app.post(&route.path, &body).send().await;
                assert_ne!(answer.code(), "invalid_token", "{} does not know the challenge", route.path);
                completing += 1;
            }
            assert!(completing > 0);
            let body = json!({"challenge_id": half, "method": "totp", "code": authenticator.code(&app)});
            let whole = app.post("/auth/v1/mfa/verify", &body).header("origin", ORIGIN).send().await.expect(200);
            if transport == "bearer" {
                assert!(app.is_in(&person(&whole.json()).token).await);
            }
            // Nor is it good for more once the log-in is whole.
            let me = app.get("/auth/v1/me").bearer(half).send().await;
            me.expect_problem(401, "invalid_token");
            let again = app.verify(&challenge, "totp", &authenticator.code(&app)).send().await;
            assert_eq!(again.expect(401).json().get("access_token"), None::<&Json>);
        }
    })
    .await;
}

//! `Host`: at home a foreign one is refused, wherever it stands; elsewhere any is served and none is believed.
use serde_json::json;

use crate::support::{PASSWORD, PRODUCTION, on_both_with};

const FOREIGN: [&str; 8] = [
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "10.0.0.1",
    "[::2]",
    "a@localhost",
    "é",
];

#[tokio::test(flavor = "multi_thread")]
async fn development_and_testing_refuse_a_foreign_host_and_say_the_way_out() {
    for profile in ["development", "testing"] {
        on_both_with(&[("HARDPAN_PROFILE", profile)], async |app| {
            for host in FOREIGN {
                for path in ["/livez", "/auth/v1/me", "/nowhere"] {
                    let answer = app.get(path).host(Some(host)).send().await.expect_problem(400, "foreign_host");
                    assert!(answer.text().contains("HARDPAN_PROFILE=production"), "{}", answer.text());
                }
            }
            for host in [Some("localhost:8080"), Some("127.0.0.1"), Some("[::1]:8080"), Some("app.localhost"), None] {
                app.get("/livez").host(host).send().await.expect(200);
            }
            // Two of them, one foreign.
            app.get("/livez").header("host", "evil.example").send().await.expect_problem(400, "foreign_host");
            // Which host a proxy saw does not count.
            app.get("/livez").header("x-forwarded-host", "evil.example").send().await.expect(200);
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_serves_any_host_and_builds_nothing_from_it() {
    on_both_with(&PRODUCTION, async |app| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        let request =
            app.post("/auth/v1/register", &body).host(Some("evil.example")).header("x-forwarded-host", "evil.example");
        let answer = request.send().await.expect(201);
        assert_eq!(answer.header("location"), Some("/auth/v1/me"));
        let claims = answer.json()["access_token"].as_str().unwrap().split('.').nth(1).unwrap().to_owned();
        // {"iss":"https://tested.example", in base64url.
        assert!(claims.starts_with("eyJpc3MiOiJodHRwczovL3Rlc3RlZC5leGFtcGxlIi"), "{claims}");
        let admin = app.person("admin@example.com", &["admin"]).await;
        for path in ["/openapi.json", "/docs"] {
            let answer = app.get(path).host(Some("evil.example")).bearer(&admin.token).send().await.expect(200);
            assert!(!answer.text().contains("evil.example"));
        }
    })
    .await;
}

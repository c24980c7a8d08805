//! CORS: pages of listed origins may call, those of no other.
use serde_json::json;
use web::Method;

use crate::support::{Answer, PRODUCTION, TestApp, on_both, on_both_with};

const LISTED: [(&str, &str); 1] = [("HARDPAN_CORS__ORIGINS", "https://app.example,https://other.example:8443")];
const DEVELOPMENT: [&str; 2] = ["http://localhost:3000", "http://localhost:3001"];

fn allowed(answer: &Answer) -> Option<&str> {
    let count = answer.headers.get_all("access-control-allow-origin").iter().count();
    assert!(count <= 1, "{count} origins are allowed");
    answer.header("access-control-allow-origin")
}

async fn asked(app: &TestApp, path: &str, origin: &str) -> Answer {
    app.get(path).header("origin", origin).send().await
}

async fn preflight(app: &TestApp, path: &str, origin: &str) -> Answer {
    let request = app.request(Method::OPTIONS, path).header("origin", origin);
    request
        .header("access-control-request-method", "PATCH")
        .header("access-control-request-headers", "authorization")
        .send()
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listed_origin_may_read_every_answer() {
    on_both_with(&LISTED, async |app| {
        for origin in ["https://app.example", "https://other.example:8443"] {
            for (path, status) in
                [("/livez", 200), ("/auth/v1/me", 401), ("/nowhere", 404), ("/api/v1/notices?limit=0", 400)]
            {
                let answer = asked(&app, path, origin).await.expect(status);
                assert_eq!(allowed(&answer), Some(origin), "{path}");
                assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
                assert_eq!(answer.header("vary"), Some("Origin"));
                let exposed = answer.header("access-control-expose-headers").unwrap();
                for header in ["ETag", "Location", "X-Request-Id", "Retry-After", "RateLimit"] {
                    assert!(exposed.contains(header), "{exposed}");
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_is_listed_exactly_or_not_at_all() {
    on_both_with(&LISTED, async |app| {
        for origin in [
            "http://app.example",
            "https://app.example:443",
            "https://app.example:8443",
            "https://app.example/",
            "https://APP.example",
            "https://app.example.evil.example",
            "https://evilapp.example",
            "https://sub.app.example",
            "https://other.example",
            "null",
            "",
            "*",
            "https://app.example,https://other.example:8443",
            "https://app.example https://evil.example",
            "http://localhost:3000",
            "http://127.0.0.1:8080",
            "\u{ff}",
        ] {
            for answer in
                [asked(&app, "/livez", origin).await.expect(200), preflight(&app, "/api/v1/folders", origin).await]
            {
                for name in answer.headers.keys() {
                    assert!(!name.as_str().starts_with("access-control-"), "{name} for {origin}");
                }
                // A cache must know that another origin would be answered otherwise.
                assert_eq!(answer.header("vary"), Some("Origin"), "{origin}");
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_preflight_is_answered_to_anyone_who_is_listed() {
    on_both_with(&LISTED, async |app| {
        for path in
            ["/api/v1/folders", "/api/v1/folders/fld_01h455vb4pex5vsknk084sn02q", "/auth/v1/login", "/admin/v1/users"]
        {
            let answer = preflight(&app, path, "https://app.example").await.expect(204);
            assert_eq!(allowed(&answer), Some("https://app.example"));
            assert_eq!(answer.header("access-control-allow-credentials"), Some("true"));
            let methods: Vec<&str> = answer.header("access-control-allow-methods").unwrap().split(", ").collect();
            for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
                assert!(methods.contains(&method), "{methods:?}");
            }
            let headers = answer.header("access-control-allow-headers").unwrap().to_ascii_lowercase();
            for header in
                ["authorization", "content-type", "if-match", "idempotency-key", "x-csrf-token", "x-request-id"]
            {
                assert!(headers.split(", ").any(|listed| listed == header), "{header}");
            }
            assert!(!methods.contains(&"*") && !headers.contains('*'));
            assert!(answer.header("access-control-max-age").is_some());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_origins_of_development_are_listed_there_alone() {
    on_both_with(&[("HARDPAN_PROFILE", "development")], async |app| {
        for origin in DEVELOPMENT {
            assert_eq!(allowed(&asked(&app, "/livez", origin).await), Some(origin));
            assert_eq!(allowed(&preflight(&app, "/auth/v1/me", origin).await), Some(origin));
        }
        assert_eq!(allowed(&asked(&app, "/livez", "http://localhost:3002").await), None);
        assert_eq!(allowed(&asked(&app, "/livez", "http://127.0.0.1:3000").await), None);
    })
    .await;
    on_both(async |app| {
        for origin in DEVELOPMENT {
            let answer = asked(&app, "/livez", origin).await.expect(200);
            assert_eq!((allowed(&answer), answer.header("vary")), (None, None));
        }
    })
    .await;
    on_both_with(&[&PRODUCTION[..], &LISTED[..]].concat(), async |app| {
        for origin in DEVELOPMENT {
            assert_eq!(allowed(&asked(&app, "/livez", origin).await), None);
        }
        assert_eq!(allowed(&asked(&app, "/livez", "https://app.example").await), Some("https://app.example"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_is_not_listed_may_still_be_served() {
    on_both_with(&LISTED, async |app| {
        // Programs that are no browsers send what they like; with a bearer token nothing can be stolen.
        let ann = app.register("ann@example.com").await;
        let request = app
            .post("/api/v1/folders", &json!({"name": "a"}))
            .bearer(&ann.token)
            .header("origin", "https://evil.example");
        let answer = request.send().await.expect(201);
        assert_eq!(allowed(&answer), None);
    })
    .await;
}

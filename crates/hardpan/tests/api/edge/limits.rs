//! Rate limits: their fields on every answer, 429 past them, and who shares one.
use std::time::Duration;

use serde_json::{Value as Json, json};
use web::Method;

use crate::support::{Answer, Request, TestApp, on_both_with};

const FEW: [(&str, &str); 4] = [
    ("HARDPAN_LIMITS__ADDRESS__BURST", "3"),
    ("HARDPAN_LIMITS__ADDRESS__PER_MINUTE", "60"),
    ("HARDPAN_LIMITS__PRINCIPAL__BURST", "2"),
    ("HARDPAN_LIMITS__PRINCIPAL__PER_MINUTE", "30"),
];

const DEFAULTS: [(&str, &str); 3] = [
    ("HARDPAN_LIMITS__ADDRESS__BURST", "default"),
    ("HARDPAN_LIMITS__PRINCIPAL__BURST", "default"),
    ("HARDPAN_LIMITS__CREDENTIALS__BURST", "default"),
];

/// A log-in that is counted and costs nothing.
fn log_in(app: &TestApp, address: &str) -> Request {
    app.post("/auth/v1/login", &json!({"email": "nobody@example.com"})).peer(address)
}

/// Panics unless it is a refusal by `policy` that tells when to come back.
fn assert_limited(answer: &Answer, policy: &str, seconds: u64) {
    assert_eq!(answer.outcome(), (429, "rate_limited".to_owned()), "{}", answer.text());
    let problem = answer.json();
    assert_eq!(problem["type"], "https://iana.org/assignments/http-problem-types#quota-exceeded");
    assert_eq!(problem["violated-policies"], json!([policy]));
    assert_eq!(answer.header("retry-after"), Some(seconds.to_string().as_str()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_has_its_burst_and_then_its_rate() {
    on_both_with(&FEW, async |app| {
        let get = |address: &str| app.get("/nowhere").peer(address).send();
        for left in [2, 1, 0] {
            let answer = get("203.0.113.1").await.expect(404);
            assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=3;w=3"));
            assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"address\";r={left};t=")));
        }
        let refused = get("203.0.113.1").await;
        assert_limited(&refused, "address", 1);
        assert_eq!(refused.header("ratelimit"), Some("\"address\";r=0;t=1"));
        get("203.0.113.2").await.expect(404);
        // One a second comes back, and no more.
        app.advance(Duration::from_secs(1));
        get("203.0.113.1").await.expect(404);
        assert_limited(&get("203.0.113.1").await, "address", 1);
        app.advance(Duration::from_mins(1));
        for _ in 0..3 {
            get("203.0.113.1").await.expect(404);
        }
        assert_limited(&get("203.0.113.1").await, "address", 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_asked_counts_but_probes() {
    on_both_with(&FEW, async |app| {
        let kinds: [&dyn Fn() -> Request; 6] = [
            &|| app.get("/nowhere"),
            &|| app.get("/api/v1/notices"),
            &|| app.get("/auth/v1/me").bearer("no token"),
            &|| app.request(Method::TRACE, "/livez"),
            &|| app.request(Method::OPTIONS, "/auth/v1/me"),
            &|| app.request(Method::HEAD, "/api/v1/notices"),
        ];
        for (nth, kind) in kinds.into_iter().enumerate() {
            let address = format!("203.0.113.{nth}");
            for _ in 0..3 {
                assert_ne!(kind().peer(&address).send().await.status, 429, "kind {nth}");
            }
            kind().peer(&address).send().await.expect(429);
            for path in ["/livez", "/readyz"] {
                let probe = app.get(path).peer(&address).send().await.expect(200);
                assert_eq!((probe.header("ratelimit"), probe.header("ratelimit-policy")), (None, None));
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_has_one_limit_from_wherever_it_calls() {
    on_both_with(&FEW, async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        let me = |token: &str, nth: u8| app.get("/auth/v1/me").bearer(token).peer(&format!("203.0.113.{nth}"));
        let answer = me(&ann.token, 1).send().await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=3;w=3, \"principal\";q=2;w=4"));
        me(&ann.token, 2).send().await.expect(200);
        let refused = me(&ann.token, 3).send().await;
        assert_limited(&refused, "principal", 2);
        // Another session of the same account is the same account.
        let again =
            app.post("/auth/v1/refresh", &json!({"refresh_token": ann.refresh})).peer("203.0.113.9").send().await;
        let token: Json = again.expect(200).json()["access_token"].clone();
        assert_limited(&me(token.as_str().unwrap(), 4).send().await, "principal", 2);
        me(&admin.token, 5).send().await.expect(200);
        app.advance(Duration::from_secs(2));
        me(&ann.token, 6).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_tried_twenty_times_and_then_thirty_times_a_minute() {
    on_both_with(&DEFAULTS, async |app| {
        for nth in 0..20 {
            let answer = log_in(&app, "203.0.113.1").send().await.expect(422);
            assert!(answer.header("ratelimit-policy").unwrap().ends_with("\"credentials\";q=20;w=40"), "try {nth}");
        }
        assert_limited(&log_in(&app, "203.0.113.1").send().await, "credentials", 2);
        // Registering tries an address as well, and shares the allowance; reading does not.
        let register = app.post("/auth/v1/register", &json!({})).peer("203.0.113.1").send().await;
        assert_limited(&register, "credentials", 2);
        app.get("/nowhere").peer("203.0.113.1").send().await.expect(404);
        log_in(&app, "203.0.113.2").send().await.expect(422);
        // Thirty in the minute that follows, one every two seconds.
        let mut admitted = 0;
        for _ in 0..60 {
            app.advance(Duration::from_secs(1));
            admitted += u32::from(log_in(&app, "203.0.113.1").send().await.status == 422);
        }
        assert_eq!(admitted, 30);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_defaults_are_those_of_the_reference() {
    on_both_with(&DEFAULTS, async |app| {
        let answer = app.get("/nowhere").send().await.expect(404);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=600;w=6"));
        let ann = app.register("ann@example.com").await;
        let answer = app.get("/auth/v1/me").bearer(&ann.token).send().await.expect(200);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=600;w=6, \"principal\";q=300;w=6"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_refuses_before_the_body_and_the_password_are_looked_at() {
    on_both_with(&[("HARDPAN_LIMITS__CREDENTIALS__BURST", "1")], async |app| {
        log_in(&app, "203.0.113.1").send().await.expect(422);
        let right = json!({"email": "nobody@example.com", "password": "12345678"});
        let refused = [
            app.post("/auth/v1/login", &right),
            app.request(Method::POST, "/auth/v1/login").raw("application/json", "{"),
            app.request(Method::POST, "/auth/v1/login").raw("text/plain", vec![b'x'; 2_000_000]),
        ];
        for request in refused {
            assert_limited(&request.peer("203.0.113.1").send().await, "credentials", 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_can_be_turned_off_at_home() {
    on_both_with(&[&FEW[..], &[("HARDPAN_LIMITS__ENABLED", "false")]].concat(), async |app| {
        for _ in 0..50 {
            let answer = log_in(&app, "203.0.113.1").send().await.expect(422);
            assert_eq!(answer.header("ratelimit"), None);
        }
    })
    .await;
}

//! `Idempotency-Key`: what was done is not done again.
use std::time::Duration;

use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use crate::support::{Answer, Audit, Request, TestApp, all, on_both};

const MANY: usize = 50;
const REPLAYED: &str = "idempotency-replayed";

/// Panics unless all of them say the same, and all but one say that it was said before.
fn assert_one_answer(answers: &[Answer], status: u16) {
    for answer in answers {
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.text(), answers[0].text());
        for header in ["etag", "location", "content-type"] {
            assert_eq!(answer.header(header), answers[0].header(header), "{header}");
        }
    }
    let first = answers.iter().filter(|answer| answer.header(REPLAYED).is_none()).count();
    assert_eq!(
        (first, answers.iter().filter(|answer| answer.header(REPLAYED) == Some("true")).count()),
        (1, answers.len() - 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_requests_with_one_key_leave_one_row_and_fifty_equal_answers() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let body =
            json!({"title": "a", "price": "1.50", "data": {"b": [1, 2.5]}, "ratio": 0.1, "at": "2026-01-02T03:04:05Z"});
        let create = |_| app.post("/api/v1/documents", &body).bearer(&ann.token).header("idempotency-key", "k-1");
        let answers = all((0..MANY).map(create).collect()).await;
        assert_one_answer(&answers, 201);
        assert_eq!(audit.one().await.action, "record.created");
        let page = app.get("/api/v1/documents").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page["items"], json!([answers[0].json()]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn so_do_fifty_over_two_nodes() {
    let app = TestApp::with(TestDb::open(Engine::Postgres).await, include_str!("../support/app.toml"), &[]).await;
    let other = app.another_node().await;
    let ann = app.register("ann@example.com").await;
    let mut audit = Audit::of(&app.db).await;
    let create = |nth| {
        let request = app.post("/api/v1/documents", &json!({"title": "a"})).bearer(&ann.token);
        let request = request.header("idempotency-key", "k");
        if nth % 2 == 0 { request.through(&other.app) } else { request }
    };
    let answers = all((0..MANY).map(create).collect()).await;
    assert_one_answer(&answers, 201);
    assert_eq!(audit.one().await.action, "record.created");
    other.source.db.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_post_outside_of_accounts_is_done_once() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin", "reader"]).await;
        let targets = crate::support::Targets::new(&app, &admin, &admin).await;
        let mut tried = 0;
        for route in app.routes().iter().filter(|route| route.takes_idempotency_key()) {
            let path = targets.path(route);
            if let Some(record) = path.strip_suffix("/restore") {
                app.delete(record).bearer(&admin.token).send().await.expect(204);
            }
            let request = targets.request_to(&app, route, &path).bearer(&admin.token).header("idempotency-key", "k");
            let mut audit = Audit::of(&app.db).await;
            let first = request.clone().send().await;
            assert!(first.status.is_success(), "{path}: {}", first.text());
            assert_eq!(audit.news().await.len(), 1, "{path}");
            assert_one_answer(&[first, request.send().await], app_status(&route.operation.id));
            audit.none(&path).await;
            tried += 1;
        }
        assert!(tried >= 9, "{tried}");
        let upsert = || {
            let body = json!({"title": "a", "slug": "s"});
            app.post("/api/v1/documents?upsert=slug", &body).bearer(&admin.token).header("idempotency-key", "k").send()
        };
        assert_one_answer(&[upsert().await, upsert().await], 201);
    })
    .await;
}

fn app_status(operation: &str) -> u16 {
    if operation.starts_with("create_") { 201 } else { 200 }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_body_under_the_same_key_is_422() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let post = |text: &str| {
            let request = app.post("/api/v1/documents", &json!(null)).raw("application/json", text);
            request.bearer(&ann.token).header("idempotency-key", "k").send()
        };
        let first = post(r#"{"title": "a", "data": {"x": 1, "y": 2}}"#).await.expect(201).json();
        // The same JSON, written otherwise.
        let again = post(r#"{ "data":{"y":2,"x":1}, "title":"\u0061"}"#).await.expect(201);
        assert_eq!((again.json(), again.header(REPLAYED)), (first, Some("true")));
        for other in [r#"{"title": "b"}"#, r#"{"title": "a"}"#, r#"{"title": "a", "data": {"x": 1, "y": 3}}"#] {
            post(other).await.expect_problem(422, "idempotency_key_reused");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_is_not_kept() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let taken = app.create("documents", &ann, &json!({"title": "a", "slug": "s"})).await;
        let post = |title: &str| {
            let body = json!({"title": title, "slug": "s"});
            app.post("/api/v1/documents", &body).bearer(&ann.token).header("idempotency-key", "k").send()
        };
        post("").await.expect_problem(422, "invalid");
        post("b").await.expect_problem(409, "unique_violation");
        app.delete(&TestApp::path("documents", &taken)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(post("b").await.expect(201).header(REPLAYED), None);
        assert_eq!(post("b").await.expect(201).header(REPLAYED), Some("true"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_its_callers_and_its_routes_own() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let key = |request: Request| request.header("idempotency-key", "same");
        let one = |path: &str, body: &Json, token: &str| key(app.post(path, body)).bearer(token).send();
        let (document, folder) = (json!({"title": "a", "slug": "s"}), json!({"name": "a"}));
        for (path, body, token) in [
            ("/api/v1/folders", &folder, &ann.token),
            ("/api/v1/folders", &folder, &bob.token),
            ("/api/v1/documents", &document, &ann.token),
            ("/api/v1/documents?upsert=slug", &document, &ann.token),
        ] {
            assert_eq!(one(path, body, token).await.header(REPLAYED), None, "{path}");
            assert_eq!(one(path, body, token).await.header(REPLAYED), Some("true"), "{path}");
        }
        // Another session of the same person is the same person.
        let again = app.login(&ann.email).await;
        assert_eq!(one("/api/v1/folders", &folder, &again.token).await.expect(201).header(REPLAYED), Some("true"));
    })
    .await;
}

const OPEN: &str = r#"
[app]
name = "tested"
[resources.guests]
owner = "none"
[resources.guests.fields]
name = { type = "text", required = true }
[resources.guests.access]
read = "true"
create = "true"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_apart_by_their_addresses() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, OPEN, &[]).await;
        let post = |address: &str| {
            let request = app.post("/api/v1/guests", &json!({"name": "a"})).peer(address);
            request.header("idempotency-key", "k").send()
        };
        let (one, other) = (post("198.51.100.1").await.expect(201), post("198.51.100.2").await.expect(201));
        assert_ne!(one.json()["id"], other.json()["id"]);
        assert_eq!(post("198.51.100.1").await.expect(201).json(), one.json());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_good_for_a_day() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut token = ann.token.clone();
        let mut ids = Vec::new();
        for (hours, replayed) in [(0, None), (23, Some("true")), (1, None), (0, Some("true"))] {
            app.advance(Duration::from_hours(hours));
            if hours > 0 {
                token = app.login(&ann.email).await.token;
            }
            let request = app.post("/api/v1/folders", &json!({"name": "a"})).bearer(&token);
            let answer = request.header("idempotency-key", "k").send().await.expect(201);
            assert_eq!(answer.header(REPLAYED), replayed, "{hours}");
            ids.push(answer.json()["id"].clone());
        }
        assert!(ids[0] == ids[1] && ids[1] != ids[2] && ids[2] == ids[3]);
        let system = app.db.ctx();
        assert_eq!(store::idempotency::purge(&system).await.unwrap(), 0);
        app.advance(Duration::from_hours(24));
        assert_eq!(store::idempotency::purge(&system).await.unwrap(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_none_is_400() {
    on_both(async |app| {
        let ann = app.person("ann@example.com", &["admin"]).await;
        let long = "x".repeat(256);
        let bad: [&[u8]; 6] = [b"", b"a b", b"\xff", "é".as_bytes(), b"\t", long.as_bytes()];
        for route in app.routes().iter().filter(|route| route.takes_idempotency_key()) {
            let path = route.path.replace("{id}", "doc_01h455vb4pex5vsknk084sn02q");
            let body = route.path.ends_with("/restore");
            let request = || {
                let request = app.request(route.method.clone(), &path).bearer(&ann.token);
                // The body is looked at first where its shape is not the app's.
                let given = if path.starts_with("/admin") { json!({"email": "cid@example.com"}) } else { json!({}) };
                if body { request } else { request.json(&given) }
            };
            for key in bad {
                request().header_bytes("idempotency-key", key).send().await.expect_problem(400, "bad_header");
            }
            let twice = request().header("idempotency-key", "a").header("idempotency-key", "a");
            twice.send().await.expect_problem(400, "bad_header");
        }
        // Elsewhere it means nothing.
        app.get("/api/v1/folders").bearer(&ann.token).header("idempotency-key", "").send().await.expect(200);
    })
    .await;
}

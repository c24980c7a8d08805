//! `POST /api/v1/{resource}?upsert=key`: created, or changed where it is.
use serde_json::{Value as Json, json};
use testkit::TestDb;

use crate::support::{Audit, TestApp, all, on_both};

const PATH: &str = "/api/v1/documents?upsert=slug";

#[tokio::test(flavor = "multi_thread")]
async fn the_first_creates_and_the_next_changes() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let upsert = |body: &Json| app.post(PATH, body).bearer(&ann.token).send();
        let first = upsert(&json!({"title": "a", "body": "b", "slug": "s", "data": {"a": 1}})).await.expect(201);
        let created = first.json();
        assert_eq!(first.header("location"), Some(TestApp::path("documents", &created).as_str()));
        assert_eq!(audit.one().await.action, "record.created");

        let second = upsert(&json!({"title": "c", "slug": "s", "data": {"b": 2}})).await.expect(200);
        assert_eq!((second.header("location"), second.header("etag")), (None, Some("\"2\"")));
        let changed = second.json();
        assert_eq!((&changed["id"], &changed["title"], &changed["body"]), (&created["id"], &json!("c"), &json!("b")));
        assert_eq!(changed["data"], json!({"b": 2}));
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.before, entry.after), ("record.updated", created, changed.clone()));
        // Nothing new, nothing written.
        assert_eq!(upsert(&json!({"title": "c", "slug": "s"})).await.expect(200).json(), changed);
        audit.none("an upsert that changes nothing").await;

        // What is deleted is not found.
        app.delete(&TestApp::path("documents", &changed)).bearer(&ann.token).send().await.expect(204);
        let anew = upsert(&json!({"title": "d", "slug": "s"})).await.expect(201).json();
        assert_ne!(anew["id"], changed["id"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_someone_else_is_as_taken_as_for_a_create() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        // One that Bob cannot read, and one that he can read and not change.
        app.create("documents", &ann, &json!({"title": "a", "slug": "unread"})).await;
        app.create("documents", &ann, &json!({"title": "a", "slug": "read", "state": "done"})).await;
        let mut audit = Audit::of(&app.db).await;
        for slug in ["unread", "read"] {
            let body = json!({"title": "b", "slug": slug});
            let sent = |path: &str| app.post(path, &body).bearer(&bob.token).header("x-request-id", "same").send();
            let upsert = sent(PATH).await.expect_problem(409, "unique_violation");
            assert_eq!(upsert.text(), sent("/api/v1/documents").await.text());
        }
        audit.none("upserts that were refused").await;
        // What an account that is deleted left is taken until it is purged, and nobody's to change.
        let carl = app.register("carl@example.com").await;
        app.create("documents", &carl, &json!({"title": "a", "slug": "left"})).await;
        app.delete("/auth/v1/me").bearer(&carl.token).send().await.expect(204);
        let answer = app.post(PATH, &json!({"title": "b", "slug": "left"})).bearer(&ann.token).send().await;
        answer.expect_problem(409, "unique_violation");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_must_be_one_and_must_be_given() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for key in ["title", "slug,title", "", "SLUG", "slug,slug", "id", "no_such"] {
            let answer =
                app.post(&format!("/api/v1/documents?upsert={key}"), &json!({"title": "a"})).bearer(&ann.token);
            let answer = answer.send().await.expect_problem(400, "bad_query");
            assert_eq!(answer.errors()[0].0, "upsert", "{key}");
        }
        // Without a key, or where changes must name a version, there is no such parameter.
        for resource in ["folders", "settings"] {
            let answer =
                app.post(&format!("/api/v1/{resource}?upsert=key"), &json!({})).bearer(&ann.token).send().await;
            answer.expect_problem(400, "bad_query");
        }
        for body in [json!({"title": "a"}), json!({"title": "a", "slug": null})] {
            let answer = app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [("slug".to_owned(), "missing".to_owned())]);
        }
        app.post(PATH, &json!({"title": "a", "slug": "s"})).send().await.expect_problem(401, "unauthenticated");
        let answer = app.post(PATH, &json!({"slug": 5})).bearer(&ann.token).send().await.expect_problem(422, "invalid");
        assert_eq!(answer.errors().len(), 2);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_at_once_one_creates_and_the_others_change() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let upsert = |nth| app.post(PATH, &json!({"title": format!("t{nth}"), "slug": "s"})).bearer(&ann.token);
        let answers = all((0..50).map(upsert).collect()).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(201), count(200)), (1, 49));
        let page = app.get("/api/v1/documents").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((page["items"].as_array().unwrap().len(), &page["items"][0]["version"]), (1, &json!(50)));
    })
    .await;
}

const APP: &str = r#"
[app]
name = "tested"
[resources.pages]
unique = [["owner_id", "slug"]]
[resources.pages.fields]
slug = { type = "text", required = true, max_length = 50 }
text = { type = "text" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_hold_the_owner() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let upsert = async |token: &str, text: &str| {
            let body = json!({"slug": "home", "text": text});
            app.post("/api/v1/pages?upsert=owner_id,slug", &body).bearer(token).send().await
        };
        let (ann_page, bob_page) =
            (upsert(&ann.token, "1").await.expect(201), upsert(&bob.token, "2").await.expect(201));
        assert_ne!(ann_page.json()["id"], bob_page.json()["id"]);
        let again = upsert(&ann.token, "3").await.expect(200).json();
        assert_eq!((&again["id"], &again["text"]), (&ann_page.json()["id"], &json!("3")));
    })
    .await;
}

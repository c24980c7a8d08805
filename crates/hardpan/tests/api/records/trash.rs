//! `deleted=only`: what was deleted softly, for those who may read and delete it.
use serde_json::json;

use crate::support::{Person, TestApp, on_both};

async fn deleted(app: &TestApp, person: &Person, query: &str) -> Vec<String> {
    let path = format!("/api/v1/documents?deleted=only&sort=title{query}");
    let page = app.get(&path).bearer(&person.token).send().await.expect(200).json();
    let items = page["items"].as_array().unwrap();
    assert!(items.iter().all(|item| item["deleted_at"].is_string()));
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_trash_holds_what_the_caller_could_bring_back() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let reader = app.person("reader@example.com", &["reader"]).await;
        for (owner, title, state, goes) in [
            (&ann, "a", "open", true),
            (&ann, "b", "done", true),
            (&ann, "c", "open", false),
            (&bob, "d", "done", true),
        ] {
            let record = app.create("documents", owner, &json!({"title": title, "state": state})).await;
            if goes {
                app.delete(&TestApp::path("documents", &record)).bearer(&owner.token).send().await.expect(204);
            }
        }
        assert_eq!(deleted(&app, &ann, "").await, ["a", "b"]);
        assert_eq!(deleted(&app, &bob, "").await, ["d"]);
        // Whoever may read everything and delete nothing of it.
        assert_eq!(deleted(&app, &reader, "").await, Vec::<String>::new());
        assert_eq!(deleted(&app, &ann, "&filter=record.state%3D%3D'done'").await, ["b"]);
        assert_eq!(deleted(&app, &ann, "&count=exact&limit=1").await, ["a"]);
        // `done` is read by anyone, and deleted by nobody anonymous.
        app.get("/api/v1/documents?deleted=only").send().await.expect_problem(401, "unauthenticated");
        app.get("/api/v1/folders?deleted=only").bearer(&ann.token).send().await.expect_problem(400, "bad_query");
    })
    .await;
}

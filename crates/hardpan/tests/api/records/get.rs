//! `GET /api/v1/{resource}/{id}`
use serde_json::json;

use crate::support::{TestApp, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn a_strangers_record_cannot_be_told_from_one_that_is_not_there() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let record = app.create("documents", &ann, &json!({"title": "mine"})).await;
        let path = TestApp::path("documents", &record);
        let nothing = "/api/v1/documents/doc_01h455vb4pex5vsknk084sn02q";
        let asked = |path: &str| app.get(path).bearer(&bob.token).header("x-request-id", "same").send();
        let (hidden, missing) = (asked(&path).await.expect_problem(404, "not_found"), asked(nothing).await);
        assert_eq!(hidden.text(), missing.text());
        assert_eq!((hidden.status, hidden.headers.keys_len()), (missing.status, missing.headers.keys_len()));

        // Nor by anyone anonymous, who is asked to log in for both.
        let asked = |path: &str| app.get(path).header("x-request-id", "same").send();
        let (hidden, missing) = (asked(&path).await.expect_problem(401, "unauthenticated"), asked(nothing).await);
        assert_eq!(hidden.text(), missing.text());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_is_what_its_create_answered_and_carries_its_version() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let record = app.create("documents", &ann, &json!({"title": "mine"})).await;
        let path = TestApp::path("documents", &record);
        let answer = app.get(&path).bearer(&ann.token).send().await.expect(200);
        assert_eq!((answer.json(), answer.header("etag")), (record.clone(), Some("\"1\"")));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        app.patch(&path, &json!({"title": "changed"})).bearer(&ann.token).send().await.expect(200);
        let answer = app.get(&path).bearer(&ann.token).send().await.expect(200);
        assert_eq!((answer.header("etag"), &answer.json()["version"]), (Some("\"2\""), &json!(2)));
        let own = ["id", "owner_id", "created_at", "updated_at", "version", "deleted_at"];
        let first: Vec<&str> = record.as_object().unwrap().keys().take(6).map(String::as_str).collect();
        assert_eq!(first, own);
        assert_eq!(record["created_at"], "2026-11-21T09:00:00.000000Z");
        assert_eq!(record["deleted_at"], json!(null));
    })
    .await;
}

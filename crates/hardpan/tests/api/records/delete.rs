//! `DELETE /api/v1/{resource}/{id}`: for good, or hidden from everyone.
use serde_json::{Value as Json, json};

use crate::support::{TestApp, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_is_deleted_is_gone() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let path = TestApp::path("folders", &folder);
        let answer = app.delete(&path).bearer(&ann.token).send().await.expect(204);
        assert_eq!((answer.header("etag"), answer.header("content-type")), (None, None));
        app.get(&path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        app.delete(&path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        app.patch(&path, &json!({"name": "b"})).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        assert_eq!(rows(&app, "SELECT COUNT(*) FROM folders").await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn soft_deletion_hides_a_record_everywhere() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let reader = app.person("reader@example.com", &["reader"]).await;
        let admin = app.person("admin@example.com", &["admin", "reader"]).await;
        let record = app.create("documents", &ann, &json!({"title": "a", "state": "done", "slug": "s"})).await;
        let path = TestApp::path("documents", &record);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        // The row is there, and nobody can tell.
        assert_eq!(rows(&app, "SELECT COUNT(*) FROM documents WHERE deleted_at IS NOT NULL AND version = 2").await, 1);
        for person in [&ann, &reader, &admin] {
            app.get(&path).bearer(&person.token).send().await.expect_problem(404, "not_found");
            app.patch(&path, &json!({"title": "b"}))
                .bearer(&person.token)
                .send()
                .await
                .expect_problem(404, "not_found");
            app.delete(&path)
                .bearer(&person.token)
                .header("if-match", "*")
                .send()
                .await
                .expect_problem(404, "not_found");
            let page = app.get("/api/v1/documents").bearer(&person.token).send().await.expect(200).json();
            assert_eq!(page["items"], json!([]));
        }
        app.get(&path).send().await.expect_problem(401, "unauthenticated");
        assert_eq!(app.get("/api/v1/documents").send().await.expect(200).json()["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_writes_when_something_was_deleted() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for body in
            [json!({"title": "a", "deleted_at": null}), json!({"title": "a", "deleted_at": "2026-01-01T00:00:00Z"})]
        {
            let answer = app.post("/api/v1/documents", &body).bearer(&ann.token).send().await.expect(422);
            assert_eq!(answer.errors(), [("deleted_at".to_owned(), "unknown_field".to_owned())]);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_refers_to_a_deleted_record_follows_its_declaration() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let inside = app.create("documents", &ann, &json!({"title": "a", "folder": folder["id"]})).await;
        app.delete(&TestApp::path("folders", &folder)).bearer(&ann.token).send().await.expect(204);
        let record: Json =
            app.get(&TestApp::path("documents", &inside)).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(record["folder"], json!(null));
    })
    .await;
}

async fn rows(app: &TestApp, sql: &'static str) -> i64 {
    let row = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await.unwrap();
    row.get(0).unwrap()
}

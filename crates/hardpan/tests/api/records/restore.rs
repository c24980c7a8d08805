//! `POST /api/v1/{resource}/{id}/restore`: a soft deletion taken back.
use serde_json::json;
use testkit::TestDb;

use crate::support::{Audit, TestApp, all, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_record_comes_back_with_its_next_version() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let record = app.create("documents", &ann, &json!({"title": "a", "slug": "s"})).await;
        let path = TestApp::path("documents", &record);
        let restore = || app.request(web::Method::POST, &format!("{path}/restore")).bearer(&ann.token);
        restore().send().await.expect_problem(404, "not_found");
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let mut audit = Audit::of(&app.db).await;
        let restored = restore().send().await.expect(200);
        assert_eq!(restored.header("etag"), Some("\"3\""));
        let restored = restored.json();
        assert_eq!((&restored["deleted_at"], &restored["title"]), (&json!(null), &json!("a")));
        let entry = audit.one().await;
        assert_eq!(
            (entry.action.as_str(), entry.target("doc")),
            ("record.restored", record["id"].as_str().unwrap().into())
        );
        assert_eq!(entry.after, restored);
        assert_eq!(app.get(&path).bearer(&ann.token).send().await.expect(200).json(), restored);
        restore().send().await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_could_not_delete_it_cannot_tell_that_it_was_there() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let reader = app.person("reader@example.com", &["reader", "admin"]).await;
        let record = app.create("documents", &ann, &json!({"title": "a", "state": "done"})).await;
        let path = TestApp::path("documents", &record);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let restore = || app.request(web::Method::POST, &format!("{path}/restore"));
        restore().send().await.expect_problem(401, "unauthenticated");
        for person in [&bob, &reader] {
            restore().bearer(&person.token).send().await.expect_problem(404, "not_found");
        }
        // Of ten at once one does it.
        let answers = all((0..10).map(|_| restore().bearer(&ann.token)).collect()).await;
        assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
        // Only what is softly deleted can be restored.
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let path = format!("{}/restore", TestApp::path("folders", &folder));
        app.request(web::Method::POST, &path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_was_taken_meanwhile_is_409() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let record = app.create("documents", &ann, &json!({"title": "a", "slug": "s"})).await;
        let path = TestApp::path("documents", &record);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let other = app.create("documents", &ann, &json!({"title": "b", "slug": "s"})).await;
        let restore = || app.request(web::Method::POST, &format!("{path}/restore")).bearer(&ann.token);
        let answer = restore().send().await.expect_problem(409, "unique_violation");
        assert_eq!(answer.errors(), [("slug".to_owned(), "taken".to_owned())]);
        app.delete(&TestApp::path("documents", &other)).bearer(&ann.token).send().await.expect(204);
        restore().send().await.expect(200);
    })
    .await;
}

const APP: &str = r#"
[app]
name = "tested"
[resources.shelves]
soft_delete = true
[resources.shelves.fields]
name = { type = "text", required = true }
[resources.books.fields]
shelf = { type = "ref", to = "shelves", on_delete = "cascade" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn references_outlast_a_soft_deletion() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        let shelf = app.create("shelves", &ann, &json!({"name": "a"})).await;
        let book = app.create("books", &ann, &json!({"shelf": shelf["id"]})).await;
        let path = TestApp::path("shelves", &shelf);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        let kept = app.get(&TestApp::path("books", &book)).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(kept, book);
        app.request(web::Method::POST, &format!("{path}/restore")).bearer(&ann.token).send().await.expect(200);
        app.get(&path).bearer(&ann.token).send().await.expect(200);
    })
    .await;
}

//! `PUT /api/v1/{resource}/{id}`: a record as a whole.
use serde_json::{Value as Json, json};

use crate::support::{Audit, TestApp, on_both};

#[tokio::test(flavor = "multi_thread")]
async fn what_a_put_does_not_name_goes_back_to_its_default() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body =
            json!({"title": "a", "body": "b", "favourite": true, "state": "done", "data": {"a": 1}, "slug": "s"});
        let before = app.create("documents", &ann, &body).await;
        let path = TestApp::path("documents", &before);
        let mut audit = Audit::of(&app.db).await;
        let put = app.put(&path, &json!({"title": "c", "data": {"b": 2}})).bearer(&ann.token).send().await.expect(200);
        assert_eq!(put.header("etag"), Some("\"2\""));
        let after = put.json();
        let unset = json!({"body": null, "favourite": false, "state": "open", "slug": null});
        for (field, value) in unset.as_object().unwrap() {
            assert_eq!(after[field], *value, "{field}");
        }
        // JSON as well is replaced, not merged.
        assert_eq!((&after["title"], &after["data"]), (&json!("c"), &json!({"b": 2})));
        for kept in ["id", "owner_id", "created_at"] {
            assert_eq!(after[kept], before[kept], "{kept}");
        }
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.before, entry.after), ("record.updated", before, after.clone()));
        // The same once more writes nothing.
        let again =
            app.put(&path, &json!({"title": "c", "data": {"b": 2}})).bearer(&ann.token).send().await.expect(200);
        assert_eq!(again.json(), after);
        audit.none("a PUT that changes nothing").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_creates_nothing_and_needs_what_is_required() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let nothing = "/api/v1/documents/doc_01h455vb4pex5vsknk084sn02q";
        app.put(nothing, &json!({"title": "a"})).bearer(&ann.token).send().await.expect_problem(404, "not_found");
        let path = TestApp::path("documents", &app.create("documents", &ann, &json!({"title": "a"})).await);
        let answer = app.put(&path, &json!({"body": "b"})).bearer(&ann.token).send().await;
        assert_eq!(answer.expect_problem(422, "invalid").errors(), [("title".to_owned(), "missing".to_owned())]);
        let put = |tag: &str| app.put(&path, &json!({"title": "b"})).bearer(&ann.token).header("if-match", tag).send();
        put("\"2\"").await.expect_problem(412, "version_mismatch");
        put("\"1\"").await.expect(200);
        // The rule must hold afterwards, too.
        let answer = app.put(&path, &json!({"title": "b", "rank_int": 10})).bearer(&ann.token).send().await;
        answer.expect_problem(403, "forbidden");
        let record: Json = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((&record["version"], &record["rank_int"]), (&json!(2), &json!(null)));
    })
    .await;
}

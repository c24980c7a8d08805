//! `POST /api/v1/{resource}/batch`: all of it or nothing.
use std::time::Instant;

use serde_json::{Value as Json, json};

use crate::support::{Audit, TestApp, all, on_both};

const PATH: &str = "/api/v1/documents/batch";

fn owned(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    errors.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn deletions_changes_and_creations_are_made_together() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let one = app.create("documents", &ann, &json!({"title": "1", "slug": "one", "data": {"a": 1}})).await;
        let two = app.create("documents", &ann, &json!({"title": "2", "slug": "two"})).await;
        let three = app.create("documents", &ann, &json!({"title": "3"})).await;
        let mut audit = Audit::of(&app.db).await;
        // What is deleted makes room for what is changed, and that for what is created.
        let body = json!({
            "create": [{"title": "4", "slug": "one"}, {"title": "5"}],
            "update": [{"id": one["id"], "changes": {"slug": "two", "data": {"b": 2}}, "version": 1}],
            "delete": [two["id"], {"id": three["id"], "version": 1}],
        });
        let done = app.post(PATH, &body).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(done["deleted"], 2);
        assert_eq!((&done["created"][0]["title"], &done["created"][1]["title"]), (&json!("4"), &json!("5")));
        assert_eq!(
            (&done["updated"][0]["version"], &done["updated"][0]["data"]),
            (&json!(2), &json!({"a": 1, "b": 2}))
        );
        let actions = ["record.created", "record.created", "record.deleted", "record.deleted", "record.updated"];
        assert_eq!(audit.actions().await, actions);
        let page = app.get("/api/v1/documents?sort=title").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page["items"], json!([done["updated"][0], done["created"][0], done["created"][1]]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_undoes_all_and_is_named() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let own = app.create("documents", &ann, &json!({"title": "own", "slug": "taken"})).await;
        let foreign = app.create("documents", &bob, &json!({"title": "foreign"})).await;
        let shown = app.create("documents", &bob, &json!({"title": "shown", "state": "done"})).await;
        let nothing = "doc_01h455vb4pex5vsknk084sn02q";
        let mut audit = Audit::of(&app.db).await;
        let good = json!({"title": "good"});
        let long = "x".repeat(201);
        for (body, status, code, errors) in [
            (json!({"create": [good, {"body": "b"}]}), 422, "invalid", owned(&[("create[1].title", "missing")])),
            (json!({"create": [good, {"title": long}]}), 422, "invalid", owned(&[("create[1].title", "too_long")])),
            (json!({"create": [good, 5]}), 422, "invalid", owned(&[("create[1]", "wrong_type")])),
            (json!({"create": [good, {"title": "b", "slug": "taken"}]}), 409, "unique_violation", owned(&[("create[1].slug", "taken")])),
            (json!({"create": [good, {"title": "b", "folder": "fld_01h455vb4pex5vsknk084sn02q"}]}), 422, "invalid", owned(&[("create[1].folder", "not_found")])),
            (json!({"create": [good], "update": [{"id": own["id"], "changes": {"rank_int": 99, "no": 1}}]}), 422, "invalid", owned(&[("update[0].changes.no", "unknown_field"), ("update[0].changes.rank_int", "out_of_range")])),
            (json!({"create": [good], "update": [{"id": own["id"], "changes": {"rank_int": 10}}]}), 403, "forbidden", owned(&[("update[0].changes", "forbidden")])),
            (json!({"create": [good], "update": [{"id": own["id"], "version": 2, "changes": {}}]}), 412, "version_mismatch", owned(&[("update[0]", "version_mismatch")])),
            (json!({"create": [good], "update": [{"id": foreign["id"], "changes": {}}]}), 404, "not_found", owned(&[("update[0]", "not_found")])),
            (json!({"create": [good], "update": [{"id": shown["id"], "changes": {}}]}), 403, "forbidden", owned(&[("update[0]", "forbidden")])),
            (json!({"create": [good], "delete": [own["id"], nothing]}), 404, "not_found", owned(&[("delete[1]", "not_found")])),
            (json!({"create": [good], "delete": [own["id"], {"id": own["id"]}]}), 422, "invalid", owned(&[("delete[1]", "repeated")])),
            (json!({"update": [{"id": own["id"], "changes": {}}], "delete": [own["id"]]}), 422, "invalid", owned(&[("delete[0]", "repeated")])),
            (json!({"update": [{"changes": {}}, {"id": "doc_x", "changes": 1}, {"id": own["id"], "version": "1", "title": "a"}]}), 422, "invalid", owned(&[("update[0].id", "missing"), ("update[1].changes", "wrong_type"), ("update[1].id", "format"), ("update[2].changes", "missing"), ("update[2].title", "unknown_field"), ("update[2].version", "wrong_type")])),
            (json!({"delete": [5, null, "fld_01h455vb4pex5vsknk084sn02q"]}), 422, "invalid", owned(&[("delete[0]", "wrong_type"), ("delete[1]", "wrong_type"), ("delete[2].id", "format")])),
            (json!({}), 422, "invalid", owned(&[("", "too_short")])),
            (json!({"create": []}), 422, "invalid", owned(&[("", "too_short")])),
        ] {
            let answer = app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(status, code);
            assert_eq!(answer.errors(), errors, "{body}");
            audit.none(&body.to_string()).await;
        }
        app.post(PATH, &json!({"create": [good]})).send().await.expect_problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_are_taken_and_one_more_is_not() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let creates: Vec<Json> =
            (0..1_001).map(|nth| json!({"title": format!("t{nth}"), "slug": format!("s{nth}")})).collect();
        for body in [
            json!({"create": creates}),
            json!({"create": creates[..1_000], "delete": ["doc_01h455vb4pex5vsknk084sn02q"]}),
        ] {
            let answer = app.post(PATH, &body).bearer(&ann.token).send().await.expect_problem(422, "invalid");
            assert_eq!(answer.errors()[0].1, "too_long");
        }
        let batch = async |body: &Json| {
            let started = Instant::now();
            let answer = app.post(PATH, body).bearer(&ann.token).send().await.expect(200).json();
            (answer, started.elapsed())
        };
        let (created, creating) = batch(&json!({"create": creates[..1_000]})).await;
        let ids: Vec<Json> = created["created"].as_array().unwrap().iter().map(|record| record["id"].clone()).collect();
        let updates: Vec<Json> = ids.iter().map(|id| json!({"id": id, "changes": {"body": "b"}})).collect();
        let (updated, updating) = batch(&json!({"update": updates})).await;
        let (deleted, deleting) = batch(&json!({"delete": ids})).await;
        assert_eq!((updated["updated"].as_array().unwrap().len(), &deleted["deleted"]), (1_000, &json!(1_000)));
        eprintln!(
            "{:?}: 1,000 created in {creating:?}, changed in {updating:?}, deleted in {deleting:?}",
            app.db.engine
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_are_required_where_the_resource_requires_them() {
    on_both(async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let setting = app.create("settings", &admin, &json!({"key": "k"})).await;
        let batch = |body: &Json| app.post("/api/v1/settings/batch", body).bearer(&admin.token).send();
        for body in [json!({"delete": [setting["id"]]}), json!({"update": [{"id": setting["id"], "changes": {}}]})] {
            batch(&body).await.expect_problem(428, "version_required");
        }
        batch(&json!({"delete": [{"id": setting["id"], "version": 1}]})).await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_over_the_same_rows_in_opposite_orders_do_not_fail() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut ids = Vec::new();
        for nth in 0..20 {
            ids.push(app.create("folders", &ann, &json!({"name": format!("{nth}")})).await["id"].clone());
        }
        let mut backwards = ids.clone();
        backwards.reverse();
        let batch = |nth: usize| {
            let order = if nth.is_multiple_of(2) { &ids } else { &backwards };
            let updates: Vec<Json> =
                order.iter().map(|id| json!({"id": id, "changes": {"name": format!("n{nth}")}})).collect();
            app.post("/api/v1/folders/batch", &json!({"update": updates})).bearer(&ann.token)
        };
        for answer in all((0..20).map(batch).collect()).await {
            answer.expect(200);
        }
        // New values that meet crosswise: the database gives one of two up, which is begun again.
        let creates = |nth: usize| {
            let mut slugs: Vec<String> = (0..10).map(|slug| format!("s{slug}")).collect();
            if nth.is_multiple_of(2) {
                slugs.reverse();
            }
            let creates: Vec<Json> = slugs.iter().map(|slug| json!({"title": "a", "slug": slug})).collect();
            app.post(PATH, &json!({"create": creates})).bearer(&ann.token)
        };
        let answers = all((0..8).map(creates).collect()).await;
        let count = |status| answers.iter().filter(|answer| answer.status == status).count();
        assert_eq!((count(200), count(409)), (1, 7));
    })
    .await;
}

const FAMILIES: &str = r#"
[app]
name = "tested"
[resources.cats.fields]
name = { type = "text" }
parent = { type = "ref", to = "cats", on_delete = "set_null" }
host = { type = "ref", to = "cats", on_delete = "cascade" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_deletions_do_to_others_is_no_change_by_somebody_else() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, FAMILIES, &[]).await;
        let ann = app.register("ann@example.com").await;
        let family = async |field: &str| {
            let parent = app.create("cats", &ann, &json!({})).await;
            (parent["id"].clone(), app.create("cats", &ann, &json!({field: parent["id"]})).await["id"].clone())
        };
        let batch = |body: Json| app.post("/api/v1/cats/batch", &body).bearer(&ann.token).send();
        for changes in [json!({"parent": null}), json!({"parent": null, "name": "a"}), json!({"name": "a"})] {
            for version in [None, Some(1)] {
                let (parent, child) = family("parent").await;
                let mut update = json!({"id": child, "changes": changes});
                if let Some(version) = version {
                    update["version"] = json!(version);
                }
                let done = batch(json!({"delete": [parent], "update": [update]})).await.expect(200).json();
                assert_eq!(
                    (&done["updated"][0]["parent"], &done["updated"][0]["name"]),
                    (&json!(null), &changes["name"])
                );
            }
        }
        // The version that counts is the one the caller can know.
        for version in [0, 2] {
            let (parent, child) = family("parent").await;
            let update = json!({"id": child, "version": version, "changes": {"name": "a"}});
            let answer = batch(json!({"delete": [parent], "update": [update]})).await;
            answer.expect_problem(412, "version_mismatch");
        }
        let (host, guest) = family("host").await;
        let update = json!({"id": guest, "changes": {"name": "a"}});
        let answer = batch(json!({"delete": [host], "update": [update]})).await.expect_problem(404, "not_found");
        assert_eq!(answer.errors(), owned(&[("update[0]", "not_found")]));
    })
    .await;
}

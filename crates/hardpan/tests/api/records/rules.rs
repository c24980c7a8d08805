//! Access rules, seen from outside: who may read, change and delete what.
use serde_json::json;

use crate::support::{Person, TestApp, on_both};

struct Scene {
    ann: Person,
    bob: Person,
    reader: Person,
    open: String,
    done: String,
}

/// A document of Ann's that is open, and one that is done.
async fn scene(app: &TestApp) -> Scene {
    let ann = app.register("ann@example.com").await;
    let open = app.create("documents", &ann, &json!({"title": "open"})).await;
    let done = app.create("documents", &ann, &json!({"title": "done", "state": "done"})).await;
    Scene {
        bob: app.register("bob@example.com").await,
        reader: app.person("reader@example.com", &["reader"]).await,
        open: TestApp::path("documents", &open),
        done: TestApp::path("documents", &done),
        ann,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_opens_records_to_roles_and_to_everyone() {
    on_both(async |app| {
        let Scene { ann, bob, reader, open, done } = scene(&app).await;
        for (person, sees_open) in [(&ann, true), (&bob, false), (&reader, true)] {
            let status = if sees_open { 200 } else { 404 };
            app.get(&open).bearer(&person.token).send().await.expect(status);
            app.get(&done).bearer(&person.token).send().await.expect(200);
        }
        app.get(&open).send().await.expect_problem(401, "unauthenticated");
        app.get(&done).send().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_be_read_and_not_written_is_403() {
    on_both(async |app| {
        let Scene { bob, reader, open, done, .. } = scene(&app).await;
        let patch = json!({"title": "theirs"});
        // Readable to Bob, because it is done; his to change it is not.
        app.patch(&done, &patch).bearer(&bob.token).send().await.expect_problem(403, "forbidden");
        app.delete(&done).bearer(&bob.token).send().await.expect_problem(403, "forbidden");
        // Not readable either.
        app.patch(&open, &patch).bearer(&bob.token).send().await.expect_problem(404, "not_found");
        app.delete(&open).bearer(&bob.token).send().await.expect_problem(404, "not_found");
        // Readers may change and not delete.
        app.patch(&open, &patch).bearer(&reader.token).send().await.expect(200);
        app.delete(&open).bearer(&reader.token).send().await.expect_problem(403, "forbidden");
        // Without a log-in both are 401.
        for path in [&open, &done] {
            app.patch(path, &patch).send().await.expect_problem(401, "unauthenticated");
            app.delete(path).send().await.expect_problem(401, "unauthenticated");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_must_be_allowed_before_and_after_the_change() {
    on_both(async |app| {
        let Scene { ann, open, .. } = scene(&app).await;
        let patch = |body| app.patch(&open, &body).bearer(&ann.token).send();
        patch(json!({"rank_int": 9})).await.expect(200);
        // Allowed before, not after.
        patch(json!({"rank_int": 10})).await.expect_problem(403, "forbidden");
        patch(json!({"rank_int": 10, "title": "x"})).await.expect_problem(403, "forbidden");
        let record = app.get(&open).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((&record["rank_int"], &record["title"], &record["version"]), (&json!(9), &json!("open"), &json!(2)));
        // A create is asked about its own rule alone; such a record is then beyond changing back.
        let locked = app.create("documents", &ann, &json!({"title": "locked", "rank_int": 10})).await;
        let path = TestApp::path("documents", &locked);
        let back = app.patch(&path, &json!({"rank_int": 1})).bearer(&ann.token).send().await;
        back.expect_problem(403, "forbidden");
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn public_notices_are_read_by_anyone_and_written_by_administrators() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        let notice = app.create("notices", &admin, &json!({"text": "hello"})).await;
        assert_eq!(notice["owner_id"], json!(null));
        let path = TestApp::path("notices", &notice);
        assert_eq!(app.get(&path).send().await.expect(200).json(), notice);
        assert_eq!(
            app.get("/api/v1/notices").send().await.expect(200).json(),
            json!({"items": [notice], "next": null, "prev": null})
        );
        let nothing = "/api/v1/notices/ntc_01h455vb4pex5vsknk084sn02q";
        app.get(nothing).send().await.expect_problem(404, "not_found");

        let patch = || app.patch(&path, &json!({"text": "changed"}));
        patch().send().await.expect_problem(401, "unauthenticated");
        patch().bearer(&ann.token).send().await.expect_problem(403, "forbidden");
        patch().bearer(&admin.token).send().await.expect(200);
        // Nobody may, administrators included.
        app.delete(&path).bearer(&admin.token).send().await.expect_problem(403, "forbidden");
        app.delete(&path).send().await.expect_problem(401, "unauthenticated");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_rule_records_are_the_owners_and_administrators() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let admin = app.person("admin@example.com", &["admin"]).await;
        let reader = app.person("reader@example.com", &["reader"]).await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let path = TestApp::path("folders", &folder);
        for other in [&bob, &reader] {
            app.get(&path).bearer(&other.token).send().await.expect_problem(404, "not_found");
            app.patch(&path, &json!({"name": "b"})).bearer(&other.token).send().await.expect_problem(404, "not_found");
        }
        let changed = app.patch(&path, &json!({"name": "b"})).bearer(&admin.token).send().await.expect(200).json();
        // Whoever changes it, it stays its owner's.
        assert_eq!((&changed["owner_id"], &changed["name"]), (&json!(ann.id), &json!("b")));
        app.delete(&path).bearer(&admin.token).send().await.expect(204);
        app.get(&path).bearer(&ann.token).send().await.expect_problem(404, "not_found");
    })
    .await;
}

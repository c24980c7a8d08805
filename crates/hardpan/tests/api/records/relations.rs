//! What refers to a record that goes: each has its version and its audit row.
use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use crate::support::{Audit, Entry, Person, TestApp};

const APP: &str = r#"
[app]
name = "tested"
[resources.folders.fields]
name = { type = "text" }
parent = { type = "ref", to = "folders", on_delete = "cascade" }
[resources.files.fields]
folder = { type = "ref", to = "folders", on_delete = "cascade" }
twin = { type = "ref", to = "files", on_delete = "set_null" }
[resources.notes.fields]
folder = { type = "ref", to = "folders", on_delete = "set_null" }
file = { type = "ref", to = "files", on_delete = "set_null" }
"#;

async fn on_both_apps(test: impl AsyncFn(&TestApp, &Person)) {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        test(&app, &ann).await;
    })
    .await;
}

async fn record(app: &TestApp, person: &Person, resource: &str, record: &Json) -> Json {
    app.get(&TestApp::path(resource, record)).bearer(&person.token).send().await.json()
}

/// What was done, to which resource, with how many rows.
fn told(entries: &[Entry]) -> Vec<(String, String, Json)> {
    let told = |entry: &Entry| (entry.action.clone(), entry.target_type.clone(), entry.after["rows"].clone());
    let mut told: Vec<_> = entries.iter().map(told).collect();
    told.sort_by_key(|(action, target, _)| (action.clone(), target.clone()));
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn what_goes_along_and_what_loses_its_reference_is_told() {
    on_both_apps(async |app, ann| {
        let folder = app.create("folders", ann, &json!({"name": "a"})).await;
        let under = app.create("folders", ann, &json!({"parent": folder["id"]})).await;
        let file = app.create("files", ann, &json!({"folder": under["id"]})).await;
        // It loses its twin, and keeps everything else.
        let other = app.create("files", ann, &json!({"twin": file["id"]})).await;
        let of_folder = app.create("notes", ann, &json!({"folder": folder["id"]})).await;
        let of_file = app.create("notes", ann, &json!({"file": file["id"]})).await;
        let apart = app.create("notes", ann, &json!({"file": other["id"]})).await;
        let mut audit = Audit::of(&app.db).await;
        app.advance(std::time::Duration::from_secs(5));
        app.delete(&TestApp::path("folders", &folder)).bearer(&ann.token).send().await.expect(204);
        let entries = audit.news().await;
        let row = |action: &str, target: &str, rows: Json| (action.to_owned(), target.to_owned(), rows);
        assert_eq!(
            told(&entries),
            [
                row("record.deleted", "folders", json!(null)),
                row("records.cascaded", "files", json!(1)),
                row("records.cascaded", "folders", json!(1)),
                row("records.unlinked", "files", json!(1)),
                row("records.unlinked", "notes", json!(1)),
                row("records.unlinked", "notes", json!(1)),
            ]
        );
        let cascaded = entries.iter().find(|entry| entry.action == "records.cascaded" && entry.target_type == "files");
        assert_eq!(cascaded.unwrap().after["ids"], json!([file["id"]]));
        assert!(entries.iter().all(|entry| entry.actor.as_deref() == Some(ann.id.as_str())));
        for (resource, gone) in [("folders", &under), ("files", &file)] {
            assert_eq!(record(app, ann, resource, gone).await["status"], 404);
        }
        for (resource, left, field) in
            [("notes", &of_folder, "folder"), ("notes", &of_file, "file"), ("files", &other, "twin")]
        {
            let now = record(app, ann, resource, left).await;
            assert_eq!((&now["version"], &now[field]), (&json!(2), &json!(null)), "{resource}");
            assert_ne!(now["updated_at"], left["updated_at"]);
        }
        assert_eq!(record(app, ann, "notes", &apart).await, apart);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn circles_go_together() {
    on_both_apps(async |app, ann| {
        let mut ids: Vec<Json> = Vec::new();
        for _ in 0..5 {
            let parent = ids.last().cloned().unwrap_or(Json::Null);
            ids.push(app.create("folders", ann, &json!({"parent": parent})).await["id"].clone());
        }
        let path = |id: &Json| format!("/api/v1/folders/{}", id.as_str().unwrap());
        app.patch(&path(&ids[0]), &json!({"parent": ids[4]})).bearer(&ann.token).send().await.expect(200);
        let own = app.create("folders", ann, &json!({})).await["id"].clone();
        app.patch(&path(&own), &json!({"parent": own})).bearer(&ann.token).send().await.expect(200);
        let mut audit = Audit::of(&app.db).await;
        app.delete(&path(&ids[2])).bearer(&ann.token).send().await.expect(204);
        let cascaded = audit.news().await.into_iter().find(|entry| entry.action == "records.cascaded");
        assert_eq!(cascaded.unwrap().after["rows"], 4);
        app.delete(&path(&own)).bearer(&ann.token).send().await.expect(204);
        let page = app.get("/api/v1/folders").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_that_would_reach_too_far_is_409() {
    on_both_apps(async |app, ann| {
        let folder = app.create("folders", ann, &json!({"name": "a"})).await;
        let note = app.create("notes", ann, &json!({"folder": folder["id"]})).await;
        let copies = match app.db.engine {
            Engine::Sqlite => "randomblob(16)",
            Engine::Postgres => "gen_random_uuid()",
        };
        let sql = format!(
            "INSERT INTO notes (id, owner_id, created_at, updated_at, version, folder) \
             WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 10000) \
             SELECT {copies}, owner_id, created_at, updated_at, version, folder FROM notes, n"
        );
        let copied = app.db.ctx().write(move |_, tx| Box::pin(async move { tx.execute(&sql, &[]).await })).await;
        assert_eq!(copied.unwrap(), 10_000);
        let mut audit = Audit::of(&app.db).await;
        let path = TestApp::path("folders", &folder);
        let answer = app.delete(&path).bearer(&ann.token).send().await.expect_problem(409, "reference_violation");
        assert!(answer.json()["detail"].as_str().unwrap().contains("10000"), "{}", answer.text());
        audit.none("a deletion that reaches too far").await;
        assert_eq!(record(app, ann, "notes", &note).await, note);
        // One less, and it goes.
        app.delete(&TestApp::path("notes", &note)).bearer(&ann.token).send().await.expect(204);
        let started = std::time::Instant::now();
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        eprintln!("{:?}: 10,000 unlinked in {:?}", app.db.engine, started.elapsed());
        let entries = audit.news().await;
        let unlinked = entries.iter().find(|entry| entry.action == "records.unlinked").unwrap();
        assert_eq!((&unlinked.after["rows"], unlinked.after["ids"].as_array().unwrap().len()), (&json!(10_000), 1_000));
    })
    .await;
}

/// Makes `count` rows of a table like the one that is there.
async fn copies(app: &TestApp, table: &str, columns: &str, id: &str, count: i64) {
    let random = match app.db.engine {
        Engine::Sqlite => "randomblob(16)",
        Engine::Postgres => "gen_random_uuid()",
    };
    let id = kernel::id::decode(id.split_once('_').unwrap().0, id).unwrap();
    let sql = format!(
        "INSERT INTO {table} (id, owner_id, created_at, updated_at, version, {columns}) \
         WITH RECURSIVE n (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {count}) \
         SELECT {random}, owner_id, created_at, updated_at, version, {columns} FROM {table}, n WHERE id = $1"
    );
    let copied = app.db.ctx().write(move |_, tx| Box::pin(async move { tx.execute(&sql, &[id.into()]).await })).await;
    assert_eq!(i64::try_from(copied.unwrap()).unwrap(), count);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_deletions_of_a_batch_reach_no_further_than_one_alone() {
    on_both_apps(async |app, ann| {
        let mut ids = Vec::new();
        for count in [6_000, 3_998] {
            let folder = app.create("folders", ann, &json!({})).await;
            let note = app.create("notes", ann, &json!({"folder": folder["id"]})).await;
            copies(app, "notes", "folder", note["id"].as_str().unwrap(), count).await;
            ids.push(folder["id"].clone());
        }
        let more = app.create("notes", ann, &json!({"folder": ids[1]})).await;
        let mut audit = Audit::of(&app.db).await;
        let batch = || app.post("/api/v1/folders/batch", &json!({"delete": ids})).bearer(&ann.token).send();
        let errors = batch().await.expect_problem(409, "reference_violation").errors();
        assert_eq!(errors, [("delete[1]".to_owned(), "reference_violation".to_owned())]);
        audit.none("a batch that reaches too far").await;
        app.delete(&TestApp::path("notes", &more)).bearer(&ann.token).send().await.expect(204);
        batch().await.expect(200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_met_by_two_ways_hides_nothing_that_is_met_by_one() {
    let pairs = "[resources.pairs.fields]\n\
                 one = { type = \"ref\", to = \"folders\", on_delete = \"cascade\" }\n\
                 two = { type = \"ref\", to = \"folders\", on_delete = \"cascade\" }\n";
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, &format!("{APP}{pairs}"), &[]).await;
        let ann = app.register("ann@example.com").await;
        let folder = app.create("folders", &ann, &json!({})).await;
        for (body, more) in
            [(json!({"one": folder["id"], "two": folder["id"]}), 8_999), (json!({"two": folder["id"]}), 1_000)]
        {
            let pair = app.create("pairs", &ann, &body).await;
            copies(&app, "pairs", "one, two", pair["id"].as_str().unwrap(), more).await;
        }
        let path = TestApp::path("folders", &folder);
        app.delete(&path).bearer(&ann.token).send().await.expect_problem(409, "reference_violation");
    })
    .await;
}

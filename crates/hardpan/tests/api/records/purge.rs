//! `hardpan purge`: what is over is removed for good.
use std::{sync::Mutex, time::Duration};

use hardpan::assemble::{Part, Purge};
use serde_json::{Value as Json, json};
use testkit::TestDb;

use crate::support::{Audit, TestApp};

const APP: &str = r#"
[app]
name = "tested"
[resources.shelves]
soft_delete = true
purge_after = "30d"
[resources.shelves.fields]
name = { type = "text" }
[resources.books]
soft_delete = true
purge_after = "30d"
[resources.books.fields]
shelf = { type = "ref", to = "shelves", on_delete = "restrict" }
[resources.notes]
soft_delete = true
[resources.notes.fields]
shelf = { type = "ref", to = "shelves", on_delete = "set_null" }
"#;

async fn rows(app: &TestApp, table: &str) -> i64 {
    let sql = format!("SELECT COUNT(*) FROM {table}");
    app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(&sql, &[]).await?.get(0) })).await.unwrap()
}

async fn purge(app: &TestApp) -> Vec<(String, u64)> {
    let told = Mutex::new(Vec::new());
    let report = |what: &str, rows: u64| told.lock().unwrap().push((what.to_owned(), rows));
    let purge = Purge::new(&app.server.source, &app.server.records, &app.server.identity);
    let total = purge.run(&Part::ALL, &report).await.unwrap();
    let mut told = told.into_inner().unwrap();
    assert_eq!(told.iter().map(|(_, rows)| rows).sum::<u64>(), total);
    told.sort();
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn softly_deleted_records_go_when_their_time_is_over() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let mut ann = app.register("ann@example.com").await;
        let mut shelves: Vec<Json> = Vec::new();
        for _ in 0..3 {
            shelves.push(app.create("shelves", &ann, &json!({})).await);
        }
        let held = app.create("books", &ann, &json!({"shelf": shelves[0]["id"]})).await;
        let book = app.create("books", &ann, &json!({"shelf": shelves[1]["id"]})).await;
        let note = app.create("notes", &ann, &json!({"shelf": shelves[1]["id"]})).await;
        let forever = app.create("notes", &ann, &json!({})).await;
        for (resource, record) in
            [("shelves", &shelves[0]), ("shelves", &shelves[1]), ("books", &book), ("notes", &forever)]
        {
            app.delete(&TestApp::path(resource, record)).bearer(&ann.token).send().await.expect(204);
        }
        app.advance(Duration::from_hours(29 * 24));
        let sessions =
            |told: Vec<(String, u64)>| -> Vec<_> { told.into_iter().filter(|(what, _)| what != "sessions").collect() };
        assert_eq!(sessions(purge(&app).await), []);
        app.advance(Duration::from_hours(25));
        let mut audit = Audit::of(&app.db).await;
        // The first shelf is held by a book that is there; what has no time is kept.
        assert_eq!(sessions(purge(&app).await), [("books".to_owned(), 1), ("shelves".to_owned(), 1)]);
        assert_eq!((rows(&app, "shelves").await, rows(&app, "books").await, rows(&app, "notes").await), (2, 1, 2));
        assert_eq!(audit.actions().await, ["records.purged", "records.purged", "records.unlinked"]);
        ann = app.login(&ann.email).await;
        let note = app.get(&TestApp::path("notes", &note)).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!((&note["shelf"], &note["version"]), (&json!(null), &json!(2)));
        app.get(&TestApp::path("books", &held)).bearer(&ann.token).send().await.expect(200);
        assert_eq!(sessions(purge(&app).await), []);
    })
    .await;
}

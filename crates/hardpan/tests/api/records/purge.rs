//! `hardpan purge`: what is over is removed for good.
use std::{sync::Mutex, time::Duration};

use hardpan::assemble::{Part, Purge};
use kernel::{Uuid, Value};
use serde_json::{Value as Json, json};
use testkit::TestDb;
use tokio::time::timeout;

use crate::support::{Audit, PATIENCE, Pause, Person, TestApp};

const DAY: Duration = Duration::from_hours(24);
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

const FAMILIES: &str = r#"
[app]
name = "tested"
[resources.shelves]
soft_delete = true
purge_after = "30d"
[resources.shelves.fields]
name = { type = "text" }
[resources.boxes.fields]
shelf = { type = "ref", to = "shelves", on_delete = "cascade" }
[resources.books]
soft_delete = true
[resources.books.fields]
shelf = { type = "ref", to = "shelves", on_delete = "cascade" }
box = { type = "ref", to = "boxes", on_delete = "cascade" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_could_be_deleted_softly_and_was_not_holds_what_it_refers_to() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, FAMILIES, &[]).await;
        let ann = app.register("ann@example.com").await;
        let mut shelves = Vec::new();
        for _ in 0..4 {
            shelves.push(app.create("shelves", &ann, &json!({})).await);
        }
        let put = async |resource: &str, field: &str, into: &Json| {
            app.create(resource, &ann, &json!({field: into["id"]})).await
        };
        let delete = async |resource: &str, record: &Json, person: &Person| {
            app.delete(&TestApp::path(resource, record)).bearer(&person.token).send().await.expect(204);
        };
        // A living book; a book that is deleted; a box, of which nothing is ever kept; a living book in such a box.
        let book = put("books", "shelf", &shelves[0]).await;
        let deleted = put("books", "shelf", &shelves[1]).await;
        delete("books", &deleted, &ann).await;
        put("boxes", "shelf", &shelves[2]).await;
        let boxed = put("boxes", "shelf", &shelves[3]).await;
        let inner = put("books", "box", &boxed).await;
        for shelf in &shelves {
            delete("shelves", shelf, &ann).await;
        }
        app.advance(Duration::from_hours(31 * 24));
        let shelves_gone = |told: Vec<(String, u64)>| told.into_iter().find(|(what, _)| what == "shelves");
        assert_eq!(shelves_gone(purge(&app).await), Some(("shelves".to_owned(), 2)));
        assert_eq!((rows(&app, "shelves").await, rows(&app, "boxes").await, rows(&app, "books").await), (2, 1, 2));
        let ann = app.login(&ann.email).await;
        for book in [&book, &inner] {
            app.get(&TestApp::path("books", book)).bearer(&ann.token).send().await.expect(200);
            delete("books", book, &ann).await;
        }
        assert_eq!(shelves_gone(purge(&app).await), Some(("shelves".to_owned(), 2)));
        assert_eq!((rows(&app, "shelves").await, rows(&app, "boxes").await, rows(&app, "books").await), (0, 0, 0));
    })
    .await;
}

const HELD: &str = r#"
[app]
name = "tested"
[resources.shelves.fields]
name = { type = "text" }
[resources.shelves.access]
read = "true"
[resources.books.fields]
shelf = { type = "ref", to = "shelves", on_delete = "restrict" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_of_a_deleted_account_is_tried_again_more_and_more_seldom() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, HELD, &[]).await;
        let ctx = app.db.ctx();
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let shelf = app.create("shelves", &ann, &json!({})).await;
        app.create("shelves", &ann, &json!({})).await;
        app.create("books", &ann, &json!({"shelf": shelf["id"]})).await;
        let mut books = Vec::new();
        for _ in 0..2 {
            books.push(app.create("books", &bob, &json!({"shelf": shelf["id"]})).await);
        }
        app.delete("/auth/v1/me").bearer(&ann.token).send().await.expect(204);
        let purge = || app.server.records.purge_due_accounts(&ctx, &|_, _| ());
        let unbind = async |book: &Json| {
            let path = TestApp::path("books", book);
            app.delete(&path).bearer(&app.login(&bob.email).await.token).send().await.expect(204);
        };
        // What nothing holds goes at once.
        assert_eq!(purge().await.unwrap(), 2);
        unbind(&books[0]).await;
        for minutes in [1, 2, 4, 8, 16, 32, 60, 60] {
            app.advance(Duration::from_secs(minutes * 60 - 1));
            let before = tries(&app).await;
            assert_eq!((purge().await.unwrap(), tries(&app).await), (0, before));
            app.advance(Duration::from_secs(1));
            assert_eq!(purge().await.unwrap(), 0);
            assert!(tries(&app).await > before);
        }
        unbind(&books[1]).await;
        assert_eq!(purge().await.unwrap(), 0);
        // Whoever asks for it does not wait.
        assert_eq!(app.server.records.purge_accounts(&ctx, &|_, _| ()).await.unwrap(), 1);
        assert_eq!(rows(&app, "hidden_owners").await, 0);
    })
    .await;
}

async fn tries(app: &TestApp) -> i64 {
    let sql = "SELECT tries FROM hidden_owners";
    app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await?.get(0) })).await.unwrap()
}

type Columns = Vec<(&'static str, Value)>;

/// A row for each of these tables: when it is over, and its other columns, the first of which tells it apart.
fn row(nth: u8) -> [(&'static str, &'static str, Columns); 5] {
    let id = || Value::from(Uuid::from_u128(nth.into()));
    let bytes = || Value::Bytes(vec![nth]);
    let text = || Value::from(format!("{nth}@example.com"));
    let number = || Value::from(1_i64);
    let invitation =
        vec![("id", id()), ("email", text()), ("email_key", text()), ("roles", text()), ("created_at", number())];
    let message =
        vec![("id", id()), ("kind", text()), ("payload", bytes()), ("created_at", number()), ("attempts", number())];
    [
        ("sendings", "last_at", vec![("recipient", id()), ("since", number()), ("sent", number())]),
        ("former_emails", "kept_until", vec![("email_key", text()), ("user_id", id())]),
        ("invitations", "expires_at", invitation),
        ("outbox", "dead_at", message),
        ("idempotency_keys", "created_at", vec![("id", bytes()), ("body", bytes()), ("outcome", bytes())]),
    ]
}

async fn insert(app: &TestApp, nth: u8) {
    for (table, over, columns) in row(nth) {
        let (names, values): (Vec<_>, Vec<_>) = columns.into_iter().unzip();
        let places: Vec<String> = (1..=values.len()).map(|nth| format!("${nth}")).collect();
        let sql = format!("INSERT INTO {table} ({}, {over}) VALUES ({}, 0)", names.join(", "), places.join(", "));
        let ctx = app.db.ctx();
        ctx.write(move |_, tx| Box::pin(async move { tx.execute(&sql, &values).await })).await.unwrap();
    }
}

/// Whoever writes two rows would be given up for a deadlock, were a purge to wait for one and hold the other. And what was over when the
/// purge looked is not, when the one it waits for renews it.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_renewed_meanwhile_stays_and_is_not_waited_for() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        for nth in [1, 2] {
            insert(&app, nth).await;
        }
        let (pause, mut paused) = Pause::of(&app.db);
        let ctx = app.db.ctx();
        let renewal = tokio::spawn(async move {
            ctx.write(move |ctx, tx| {
                Box::pin(async move {
                    for (table, over, mut columns) in row(1) {
                        let (key, value) = columns.swap_remove(0);
                        let sql = format!("UPDATE {table} SET {over} = $2 WHERE {key} = $1");
                        assert_eq!(tx.execute(&sql, &[value, ctx.now().plus(DAY).into()]).await?, 1, "{table}");
                    }
                    pause.here().await;
                    Ok(())
                })
            })
            .await
        });
        paused.is_reached().await;
        let purged = timeout(PATIENCE, purge(&app)).await;
        paused.release();
        renewal.await.unwrap().unwrap();
        assert!(purged.is_ok(), "a purge waits");
        purge(&app).await;
        for (table, ..) in row(1) {
            assert_eq!(rows(&app, table).await, 1, "{table}");
        }
    })
    .await;
}

//! References: only to what is there and readable, and what becomes of them.
use serde_json::json;
use testkit::TestDb;

use crate::support::{Audit, TestApp, on_both};

const UNREADABLE: [(&str, &str); 1] = [("folder", "not_found")];

fn owned(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    errors.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_is_to_something_the_caller_can_read() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let own = app.create("folders", &ann, &json!({"name": "own"})).await;
        let foreign = app.create("folders", &bob, &json!({"name": "foreign"})).await;
        let document = app.create("documents", &ann, &json!({"title": "a", "folder": own["id"]})).await;
        let path = TestApp::path("documents", &document);
        let mut audit = Audit::of(&app.db).await;
        let nothing = json!("fld_01h455vb4pex5vsknk084sn02q");
        let mut answers = Vec::new();
        for folder in [&foreign["id"], &nothing] {
            let body = json!({"title": "a", "folder": folder});
            let request = app.post("/api/v1/documents", &body).bearer(&ann.token).header("x-request-id", "same");
            let create = request.send().await.expect_problem(422, "invalid");
            assert_eq!(create.errors(), owned(&UNREADABLE));
            let patch = app.patch(&path, &json!({"folder": folder})).bearer(&ann.token).send().await;
            assert_eq!(patch.expect_problem(422, "invalid").errors(), owned(&UNREADABLE));
            answers.push(create.text());
        }
        assert_eq!(answers[0], answers[1], "a stranger's folder can be told from none");
        audit.none("references that were refused").await;

        // Of a kind that is not a folder's, it is no reference at all.
        let body = json!({"title": "a", "folder": document["id"]});
        let answer =
            app.post("/api/v1/documents", &body).bearer(&ann.token).send().await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), owned(&[("folder", "format")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_was_there_may_stay_and_go() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let reader = app.person("reader@example.com", &["reader"]).await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let document = app.create("documents", &ann, &json!({"title": "a", "folder": folder["id"]})).await;
        let path = TestApp::path("documents", &document);
        // The reader may change the document and cannot read the folder: the reference is none of the change.
        let patch = |body| app.patch(&path, &body).bearer(&reader.token).send();
        let record = patch(json!({"title": "b", "folder": folder["id"]})).await.expect(200).json();
        assert_eq!(record["folder"], folder["id"]);
        patch(json!({"folder": null})).await.expect(200);
        let answer = patch(json!({"folder": folder["id"]})).await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), owned(&UNREADABLE));
    })
    .await;
}

const APP: &str = r#"
[app]
name = "referring"
[resources.places.fields]
name = { type = "text", required = true }
parent = { type = "ref", to = "places", on_delete = "cascade" }
[resources.events]
soft_delete = true
[resources.events.fields]
place = { type = "ref", to = "places", required = true }
[resources.talks.fields]
event = { type = "ref", to = "events", on_delete = "cascade" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_is_still_referred_to_is_409_and_what_cascades_goes_along() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        let city = app.create("places", &ann, &json!({"name": "city"})).await;
        let hall = app.create("places", &ann, &json!({"name": "hall", "parent": city["id"]})).await;
        let event = app.create("events", &ann, &json!({"place": hall["id"]})).await;
        let mut audit = Audit::of(&app.db).await;
        // The event holds the hall, and the hall holds the city that would take it along.
        for place in [&hall, &city] {
            let delete = app.delete(&TestApp::path("places", place)).bearer(&ann.token).send().await;
            delete.expect_problem(409, "reference_violation");
        }
        audit.none("deletions that were refused").await;
        app.get(&TestApp::path("events", &event)).bearer(&ann.token).send().await.expect(200);

        let free = app.create("places", &ann, &json!({"name": "free"})).await;
        let under = app.create("places", &ann, &json!({"name": "under", "parent": free["id"]})).await;
        app.delete(&TestApp::path("places", &free)).bearer(&ann.token).send().await.expect(204);
        app.get(&TestApp::path("places", &under)).bearer(&ann.token).send().await.expect(404);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_hung_onto_what_was_softly_deleted() {
    testkit::on_both(async |db: TestDb| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        let place = app.create("places", &ann, &json!({"name": "a"})).await;
        let event = app.create("events", &ann, &json!({"place": place["id"]})).await;
        app.delete(&TestApp::path("events", &event)).bearer(&ann.token).send().await.expect(204);
        let talk = app.post("/api/v1/talks", &json!({"event": event["id"]})).bearer(&ann.token).send().await;
        assert_eq!(talk.expect_problem(422, "invalid").errors(), owned(&[("event", "not_found")]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_can_be_hung_onto_what_a_deleted_account_left() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        app.create("documents", &admin, &json!({"title": "before", "folder": folder["id"]})).await;
        app.delete("/auth/v1/me").bearer(&ann.token).send().await.expect(204);
        let body = json!({"title": "after", "folder": folder["id"]});
        let answer = app.post("/api/v1/documents", &body).bearer(&admin.token).send().await;
        assert_eq!(answer.expect_problem(422, "invalid").errors(), owned(&UNREADABLE));
    })
    .await;
}

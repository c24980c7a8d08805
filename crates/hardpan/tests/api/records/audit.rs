//! The audit trail of records: one row a change, in the same transaction, and none for what was refused.
use serde_json::{Value as Json, json};

use crate::support::{Audit, Entry, Person, TestApp, on_both};

/// What every row says of who did it, from where, in which request.
fn assert_by(entry: &Entry, person: &Person, session: &str, request_id: &str) {
    let shown = (entry.actor_type.as_str(), entry.actor.as_deref(), entry.session.as_deref());
    assert_eq!(shown, ("user", Some(person.id.as_str()), Some(session)), "{entry:#?}");
    assert_eq!(
        (entry.address.as_deref(), entry.request_id.as_deref()),
        (Some("198.51.100.7"), Some(request_id)),
        "{entry:#?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_leaves_one_row_with_what_was_and_what_is() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let session = app.current_session(&ann).await;
        for (resource, prefix, body, patch) in [
            ("documents", "doc", json!({"title": "a", "price": "1.50", "data": {"k": 1}}), json!({"title": "b"})),
            ("folders", "fld", json!({"name": "a"}), json!({"name": "b"})),
        ] {
            let mut audit = Audit::of(&app.db).await;
            let collection = format!("/api/v1/{resource}");
            let sent = |request: crate::support::Request, id: &str| {
                request.bearer(&ann.token).header("x-request-id", id).peer("198.51.100.7").send()
            };

            let created = sent(app.post(&collection, &body), "r-create").await.expect(201).json();
            let entry = audit.one().await;
            assert_by(&entry, &ann, &session, "r-create");
            assert_eq!((entry.action.as_str(), entry.target_type.as_str()), ("record.created", resource));
            assert_eq!(
                (Json::from(entry.target(prefix)), entry.before, entry.after),
                (created["id"].clone(), Json::Null, created.clone())
            );

            let path = TestApp::path(resource, &created);
            let updated = sent(app.patch(&path, &patch), "r-update").await.expect(200).json();
            let entry = audit.one().await;
            assert_by(&entry, &ann, &session, "r-update");
            assert_eq!(
                (entry.action.as_str(), entry.target(prefix)),
                ("record.updated", created["id"].as_str().unwrap().to_owned())
            );
            assert_eq!((entry.before, entry.after), (created, updated.clone()));

            sent(app.delete(&path), "r-delete").await.expect(204);
            let entry = audit.one().await;
            assert_by(&entry, &ann, &session, "r-delete");
            assert_eq!((entry.action.as_str(), entry.before), ("record.deleted", updated));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_and_what_is_refused_leave_none() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let admin = app.person("admin@example.com", &["admin"]).await;
        let record = app.create("documents", &ann, &json!({"title": "a", "slug": "s"})).await;
        let setting = app.create("settings", &admin, &json!({"key": "k"})).await;
        let (path, setting) = (TestApp::path("documents", &record), TestApp::path("settings", &setting));
        let mut audit = Audit::of(&app.db).await;
        let ok = &ann.token;
        for (request, status) in [
            (app.get(&path).bearer(ok), 200),
            (app.get("/api/v1/documents").bearer(ok), 200),
            (app.post("/api/v1/documents", &json!({"title": "a"})), 401),
            (app.post("/api/v1/documents", &json!({"title": ""})).bearer(ok), 422),
            (app.post("/api/v1/documents", &json!({"title": "a", "slug": "s"})).bearer(ok), 409),
            (app.post("/api/v1/settings", &json!({"key": "a"})).bearer(ok), 403),
            (app.post("/api/v1/settings", &json!({"key": "k"})).bearer(&admin.token), 409),
            (app.patch(&path, &json!({"title": "b"})), 401),
            (app.patch(&path, &json!({"title": "b"})).bearer(&bob.token), 404),
            (app.patch(&path, &json!({"rank_int": 10})).bearer(ok), 403),
            (app.patch(&path, &json!({"title": "b"})).bearer(ok).header("if-match", "\"2\""), 412),
            (app.patch(&path, &json!({"title": "b", "title2": "c"})).bearer(ok), 422),
            (app.delete(&path).bearer(&bob.token), 404),
            (app.delete(&path), 401),
            (app.delete(&path).bearer(ok).header("if-match", "\"2\""), 412),
            (app.delete(&setting).bearer(&admin.token), 428),
        ] {
            let answer = request.send().await.expect(status);
            audit.none(&answer.text()).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_acts_for_someone_else_is_named() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
        let mut audit = Audit::of(&app.db).await;
        app.delete(&TestApp::path("folders", &folder)).bearer(&admin.token).send().await.expect(204);
        let entry = audit.one().await;
        assert_eq!((entry.actor.as_deref(), &entry.before["owner_id"]), (Some(admin.id.as_str()), &json!(ann.id)));
    })
    .await;
}

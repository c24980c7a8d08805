//! `GET PATCH /auth/v1/me`
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, Person, TestApp, on_both};

const ME: &str = "/auth/v1/me";

async fn patch(app: &TestApp, person: &Person, body: Json) -> Answer {
    app.patch(ME, &body).bearer(&person.token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_profile_is_changed_by_merge_patch() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.advance(Duration::from_secs(1));
        let mut audit = Audit::of(&app.db).await;
        let body =
            json!({"name": "Ann", "username": "ann", "preferences": {"theme": "dark", "nested": {"a": 1, "b": 2}}});
        let answer = patch(&app, &ann, body.clone()).await.expect(200);
        assert_eq!(answer.header("etag"), Some("\"2\""));
        let me = answer.json();
        for (field, value) in body.as_object().unwrap() {
            assert_eq!(me[field], *value, "{field}");
        }
        assert_eq!(
            (&me["updated_at"], &me["created_at"]),
            (&json!("2026-11-21T09:00:01.000000Z"), &json!("2026-11-21T09:00:00.000000Z"))
        );
        let entry = audit.one().await;
        assert_eq!((entry.action.as_str(), entry.target("usr")), ("account.updated", ann.id.clone()));
        // What the person wrote is not in the trail.
        assert!(!entry.after.to_string().contains("Ann"), "{entry:?}");

        let me = patch(&app, &ann, json!({"name": null, "preferences": {"theme": null, "nested": {"b": 3}}}))
            .await
            .expect(200)
            .json();
        assert_eq!((&me["name"], &me["username"]), (&json!(null), &json!("ann")));
        assert_eq!(me["preferences"], json!({"nested": {"a": 1, "b": 3}}));
        let me = patch(&app, &ann, json!({"preferences": null})).await.expect(200).json();
        assert_eq!((&me["preferences"], &me["version"]), (&json!({}), &json!(4)));
        assert_eq!(app.get(ME).bearer(&ann.token).send().await.expect(200).json(), me);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_nothing_writes_nothing() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        patch(&app, &ann, json!({"name": "Ann"})).await.expect(200);
        let mut audit = Audit::of(&app.db).await;
        for body in [
            json!({}),
            json!({"name": "Ann"}),
            json!({"username": null}),
            json!({"preferences": {}}),
            json!({"preferences": {"x": null}}),
        ] {
            assert_eq!(patch(&app, &ann, body).await.expect(200).header("etag"), Some("\"2\""));
        }
        audit.none("patches that change nothing").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_refused_and_changes_nothing() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let bob = app.register("bob@example.com").await;
        patch(&app, &bob, json!({"username": "Bob"})).await.expect(200);
        let mut audit = Audit::of(&app.db).await;
        patch(&app, &ann, json!({"username": "bob"})).await.expect_problem(409, "username_taken");
        for (body, field, code) in [
            (json!({"email": "new@example.com"}), "email", "unknown_field"),
            (json!({"roles": ["admin"]}), "roles", "unknown_field"),
            (json!({"password": "12345678"}), "password", "unknown_field"),
            (json!({"version": 7}), "version", "unknown_field"),
            (json!({"username": "a b"}), "username", "format"),
            (json!({"username": ""}), "username", "too_short"),
            (json!({"name": "x".repeat(201)}), "name", "too_long"),
            (json!({"preferences": []}), "preferences", "wrong_type"),
            (json!({"preferences": "x"}), "preferences", "wrong_type"),
            (json!({"preferences": {"a": "\0"}}), "preferences", "nul"),
            (json!({"preferences": {"a": "x".repeat(17_000)}}), "preferences", "too_long"),
        ] {
            let answer = patch(&app, &ann, body.clone()).await.expect_problem(422, "invalid");
            assert_eq!(answer.errors(), [(field.to_owned(), code.to_owned())], "{body}");
        }
        audit.none("patches that were refused").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn preferences_do_not_grow_past_their_bound_by_many_patches() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let part = "x".repeat(6_000);
        for key in ["a", "b"] {
            patch(&app, &ann, json!({"preferences": {key: part}})).await.expect(200);
        }
        let answer = patch(&app, &ann, json!({"preferences": {"c": part}})).await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), [("preferences".to_owned(), "too_long".to_owned())]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_honoured() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let patch = |header: &str| app.patch(ME, &json!({"name": "Ann"})).bearer(&ann.token).header("if-match", header);
        let delete = |header: &str| app.delete(ME).bearer(&ann.token).header("if-match", header);
        patch("\"2\"").send().await.expect_problem(412, "version_mismatch");
        delete("\"2\"").send().await.expect_problem(412, "version_mismatch");
        patch("\"1\"").send().await.expect(200);
        patch("\"1\"").send().await.expect_problem(412, "version_mismatch");
        delete("\"1\"").send().await.expect_problem(412, "version_mismatch");
        delete("\"2\"").send().await.expect(204);
    })
    .await;
}

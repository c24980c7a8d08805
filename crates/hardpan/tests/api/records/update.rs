//! `PATCH /api/v1/{resource}/{id}`: JSON Merge Patch.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, Person, TestApp, on_both};

/// Ann, and the path of a document of hers.
async fn scene(app: &TestApp, body: &Json) -> (Person, String) {
    let ann = app.register("ann@example.com").await;
    let record = app.create("documents", &ann, body).await;
    (ann, TestApp::path("documents", &record))
}

async fn patch(app: &TestApp, path: &str, person: &Person, body: &Json) -> Answer {
    app.patch(path, body).bearer(&person.token).send().await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_changes_what_it_names_and_leaves_the_rest() {
    on_both(async |app| {
        let before = json!({"title": "a", "body": "b", "rank_int": 1, "price": "1.50", "data": {"k": 1}, "state": "done", "slug": "s"});
        let (ann, path) = scene(&app, &before).await;
        let whole = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        app.advance(Duration::from_secs(5));
        let answer = patch(&app, &path, &ann, &json!({"title": "A", "rank_int": 2})).await.expect(200);
        let mut expected = whole.clone();
        expected["title"] = json!("A");
        expected["rank_int"] = json!(2);
        expected["version"] = json!(2);
        expected["updated_at"] = json!("2026-11-21T09:00:05.000000Z");
        assert_eq!((answer.json(), answer.header("etag")), (expected.clone(), Some("\"2\"")));
        assert_eq!(app.get(&path).bearer(&ann.token).send().await.expect(200).json(), expected);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_content_types_mean_the_same() {
    on_both(async |app| {
        let (ann, path) = scene(&app, &json!({"title": "a", "rank_int": 1})).await;
        for (nth, content_type) in ["application/json", "application/merge-patch+json"].into_iter().enumerate() {
            let body = json!({"title": format!("t{nth}"), "rank_int": null}).to_string();
            let request = app.request(web::Method::PATCH, &path).raw(content_type, body).bearer(&ann.token);
            let record = request.send().await.expect(200).json();
            assert_eq!(
                (&record["title"], &record["rank_int"]),
                (&json!(format!("t{nth}")), &json!(null)),
                "{content_type}"
            );
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn null_takes_a_value_away_and_a_default_comes_back() {
    on_both(async |app| {
        let (ann, path) = scene(
            &app,
            &json!({"title": "a", "body": "b", "favourite": true, "state": "done", "data": [1], "slug": "s"}),
        )
        .await;
        let nulls = json!({"body": null, "favourite": null, "state": null, "data": null, "slug": null});
        let record = patch(&app, &path, &ann, &nulls).await.expect(200).json();
        for (field, value) in [
            ("body", json!(null)),
            ("favourite", json!(false)),
            ("state", json!("open")),
            ("data", json!(null)),
            ("slug", json!(null)),
        ] {
            assert_eq!(record[field], value, "{field}");
        }
        let answer = patch(&app, &path, &ann, &json!({"title": null})).await.expect_problem(422, "invalid");
        assert_eq!(answer.errors(), [("title".to_owned(), "null".to_owned())]);
    })
    .await;
}

/// RFC 7396, section 2: a patch is merged into objects however deep they lie.
#[tokio::test(flavor = "multi_thread")]
async fn objects_inside_a_record_are_merged_too() {
    on_both(async |app| {
        let (ann, path) =
            scene(&app, &json!({"title": "a", "data": {"keep": 1, "change": 2, "drop": 3, "in": {"x": 1, "y": 2}}}))
                .await;
        let merged = async |data: Json| -> Json {
            patch(&app, &path, &ann, &json!({"data": data})).await.expect(200).json()["data"].clone()
        };
        let first = merged(json!({"change": "two", "drop": null, "new": [1], "in": {"y": null}})).await;
        assert_eq!(first, json!({"keep": 1, "change": "two", "in": {"x": 1}, "new": [1]}));
        // A list, and anything else that is no object, replaces what was there.
        assert_eq!(merged(json!([1, {"a": null}])).await, json!([1, {"a": null}]));
        assert_eq!(merged(json!({"a": {"b": null, "c": 1}})).await, json!({"a": {"c": 1}}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_patch_that_changes_nothing_writes_nothing() {
    on_both(async |app| {
        let body = json!({"title": "a", "price": "1.50", "at": "2026-01-01T00:00:00Z", "data": {"k": [1, null]}, "ratio": 0.5});
        let (ann, path) = scene(&app, &body).await;
        let whole = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        let mut audit = Audit::of(&app.db).await;
        app.advance(Duration::from_secs(5));
        let same = [
            json!({}),
            json!({"title": "a"}),
            json!({"price": "1.5", "at": "2026-01-01T01:00:00+01:00"}),
            json!({"state": null, "favourite": false, "body": null}),
            json!({"data": {"k": [1, null]}}),
            body,
        ];
        for patch_body in same {
            let answer = patch(&app, &path, &ann, &patch_body).await.expect(200);
            assert_eq!((answer.json(), answer.header("etag")), (whole.clone(), Some("\"1\"")), "{patch_body}");
        }
        audit.none("a patch that changes nothing").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_and_times_grow_by_each_change() {
    on_both(async |app| {
        let (ann, path) = scene(&app, &json!({"title": "a"})).await;
        for version in 2..=6 {
            app.advance(Duration::from_secs(1));
            let answer = patch(&app, &path, &ann, &json!({"title": format!("v{version}")})).await.expect(200);
            let record = answer.json();
            assert_eq!(
                (&record["version"], answer.header("etag")),
                (&json!(version), Some(format!("\"{version}\"").as_str()))
            );
            assert_eq!(record["created_at"], "2026-11-21T09:00:00.000000Z");
            assert_eq!(record["updated_at"], format!("2026-11-21T09:00:0{}.000000Z", version - 1));
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_must_be_unique_is_409_and_names_its_field() {
    on_both(async |app| {
        let (ann, path) = scene(&app, &json!({"title": "a", "slug": "taken"})).await;
        let bob = app.register("bob@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let body = json!({"title": "b", "slug": "taken"});
        let create = app.post("/api/v1/documents", &body).bearer(&bob.token).send().await;
        let create = create.expect_problem(409, "unique_violation");
        assert_eq!(create.errors(), [("slug".to_owned(), "taken".to_owned())]);
        audit.none("a create that was refused").await;

        let other = app.create("documents", &bob, &json!({"title": "b", "slug": "free"})).await;
        audit.news().await;
        let answer = patch(&app, &TestApp::path("documents", &other), &bob, &json!({"slug": "taken"})).await;
        let answer = answer.expect_problem(409, "unique_violation");
        assert_eq!(answer.errors(), [("slug".to_owned(), "taken".to_owned())]);
        audit.none("a patch that was refused").await;
        // Its own value is not another's, case counts, and null is no value.
        patch(&app, &path, &ann, &json!({"slug": "taken", "title": "x"})).await.expect(200);
        patch(&app, &TestApp::path("documents", &other), &bob, &json!({"slug": "Taken"})).await.expect(200);
        for _ in 0..2 {
            app.create("documents", &bob, &json!({"title": "without"})).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_leaves_the_record_as_it_was() {
    on_both(async |app| {
        let (ann, path) = scene(&app, &json!({"title": "a", "rank_int": 1})).await;
        let bob = app.register("bob@example.com").await;
        let whole = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        let mut audit = Audit::of(&app.db).await;
        patch(&app, &path, &ann, &json!({"title": "b", "rank_int": 11})).await.expect(422);
        patch(&app, &path, &ann, &json!({"title": "b", "rank_int": 10})).await.expect(403);
        patch(&app, &path, &ann, &json!({"title": "b", "no": 1})).await.expect(422);
        patch(&app, &path, &bob, &json!({"title": "b"})).await.expect(404);
        app.patch(&path, &json!({"title": "b"})).send().await.expect(401);
        app.patch(&path, &json!({"title": "b"}))
            .bearer(&ann.token)
            .header("if-match", "\"7\"")
            .send()
            .await
            .expect(412);
        assert_eq!(app.get(&path).bearer(&ann.token).send().await.expect(200).json(), whole);
        audit.none("patches that were refused").await;
    })
    .await;
}

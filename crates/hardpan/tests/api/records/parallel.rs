//! Many at once: every change is made once, in some order, and none is lost.
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};

use crate::support::{Answer, Audit, TestApp, all, on_both};

const MANY: usize = 50;

fn count(answers: &[Answer], status: u16) -> usize {
    answers.iter().filter(|answer| answer.status == status).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_patches_of_one_version_one_is_made() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let path = TestApp::path("folders", &app.create("folders", &ann, &json!({"name": "a"})).await);
        let mut audit = Audit::of(&app.db).await;
        let patch =
            |nth| app.patch(&path, &json!({"name": format!("n{nth}")})).bearer(&ann.token).header("if-match", "\"1\"");
        let answers = all((0..MANY).map(patch).collect()).await;
        assert_eq!((count(&answers, 200), count(&answers, 412)), (1, MANY - 1));
        let winner = answers.iter().find(|answer| answer.status == 200).unwrap().json();
        assert_eq!(app.get(&path).bearer(&ann.token).send().await.expect(200).json(), winner);
        assert_eq!(audit.one().await.after["name"], winner["name"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_patches_of_any_version_are_made_one_after_another() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let path = TestApp::path("folders", &app.create("folders", &ann, &json!({"name": "a"})).await);
        let mut audit = Audit::of(&app.db).await;
        let patch = |nth| app.patch(&path, &json!({"name": format!("n{nth}")})).bearer(&ann.token);
        let answers = all((0..MANY).map(patch).collect()).await;
        assert_eq!(count(&answers, 200), MANY);
        let versions: BTreeSet<i64> = answers.iter().map(|answer| answer.json()["version"].as_i64().unwrap()).collect();
        assert_eq!(versions, (2..=51).collect());
        let last = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(last["version"], 51);
        assert_eq!(answers.iter().map(Answer::json).find(|answer| answer["version"] == 51), Some(last));
        // Each found what the one before it left.
        let mut entries = audit.news().await;
        entries.sort_by_key(|entry| entry.after["version"].as_i64());
        assert_eq!(entries.len(), MANY);
        for pair in entries.windows(2) {
            assert_eq!(pair[0].after, pair[1].before);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patches_of_different_fields_are_all_kept() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let path = TestApp::path("documents", &app.create("documents", &ann, &json!({"title": "a"})).await);
        let patches = [
            json!({"title": "b"}),
            json!({"body": "c"}),
            json!({"favourite": true}),
            json!({"rank_int": 3}),
            json!({"ratio": 0.5}),
            json!({"price": "1.00"}),
            json!({"day": "2026-01-01"}),
            json!({"data": {"a": 1}}),
            json!({"slug": "s"}),
            json!({"contact": "a@b.example"}),
        ];
        let answers = all(patches.iter().map(|patch| app.patch(&path, patch).bearer(&ann.token)).collect()).await;
        assert_eq!(count(&answers, 200), patches.len());
        let record = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
        for patch in patches {
            for (field, value) in patch.as_object().unwrap() {
                assert_eq!(record[field], *value);
            }
        }
        assert_eq!(record["version"], 11);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_creates_of_one_unique_value_one_is_made() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut audit = Audit::of(&app.db).await;
        let create = |_| app.post("/api/v1/documents", &json!({"title": "a", "slug": "the-only"})).bearer(&ann.token);
        let answers = all((0..MANY).map(create).collect()).await;
        assert_eq!((count(&answers, 201), count(&answers, 409)), (1, MANY - 1));
        assert_eq!(audit.one().await.action, "record.created");
        let page = app.get("/api/v1/documents?limit=200").bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(page["items"].as_array().unwrap().len(), 1);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_fifty_deletions_one_is_made() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for resource in ["folders", "documents"] {
            let body = if resource == "folders" { json!({"name": "a"}) } else { json!({"title": "a"}) };
            let path = TestApp::path(resource, &app.create(resource, &ann, &body).await);
            let mut audit = Audit::of(&app.db).await;
            let answers = all((0..MANY).map(|_| app.delete(&path).bearer(&ann.token)).collect()).await;
            assert_eq!((count(&answers, 204), count(&answers, 404)), (1, MANY - 1), "{resource}");
            assert_eq!(audit.one().await.action, "record.deleted");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_different_creates_are_all_there_once() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let create = |nth| app.post("/api/v1/folders", &json!({"name": format!("{nth}")})).bearer(&ann.token);
        let answers = all((0..MANY).map(create).collect()).await;
        assert_eq!(count(&answers, 201), MANY);
        let ids: BTreeSet<String> = answers.iter().map(|answer| answer.json()["id"].to_string()).collect();
        let page: Json = app.get("/api/v1/folders?limit=200").bearer(&ann.token).send().await.expect(200).json();
        let listed: BTreeSet<String> =
            page["items"].as_array().unwrap().iter().map(|item| item["id"].to_string()).collect();
        assert_eq!((ids.len(), ids), (MANY, listed));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_and_the_end_of_what_it_refers_to_do_not_miss_each_other() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for _ in 0..10 {
            let folder = app.create("folders", &ann, &json!({"name": "a"})).await;
            let mut requests: Vec<_> = (0..5)
                .map(|_| {
                    app.post("/api/v1/documents", &json!({"title": "a", "folder": folder["id"]})).bearer(&ann.token)
                })
                .collect();
            requests.insert(2, app.delete(&TestApp::path("folders", &folder)).bearer(&ann.token));
            for answer in all(requests).await {
                assert!([201, 204, 409, 422].contains(&answer.status.as_u16()), "{}", answer.text());
            }
        }
        let page: Json = app.get("/api/v1/documents?limit=200").bearer(&ann.token).send().await.expect(200).json();
        for document in page["items"].as_array().unwrap() {
            assert_eq!(document["folder"], json!(null), "it refers to a folder that is gone");
        }
    })
    .await;
}

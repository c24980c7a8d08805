//! `expand`: what references lead to comes along, as far as the caller may see it.
use serde_json::{Value as Json, json};

use crate::support::{Person, TestApp};

const APP: &str = r#"
[app]
name = "tested"
[resources.folders]
soft_delete = true
[resources.folders.fields]
name = { type = "text", required = true, max_length = 10000 }
color = { type = "text", read = "actor.has_role('painter')" }
secret = { type = "text", read = "record.owner_id == actor.id" }
[resources.folders.access]
read = "record.owner_id == actor.id || record.name == 'shared'"
[resources.files.fields]
title = { type = "text", required = true, max_length = 100 }
folder = { type = "ref", to = "folders" }
second = { type = "ref", to = "folders" }
hidden = { type = "ref", to = "folders", read = "record.owner_id == actor.id" }
[resources.files.access]
read = "true"
update = "true"
"#;

async fn page(app: &TestApp, person: &Person, query: &str) -> Vec<Json> {
    let page = app.get(&format!("/api/v1/files?{query}")).bearer(&person.token).send().await.expect(200).json();
    page["items"].as_array().unwrap().clone()
}

/// Runs `test` with two people; folders and files are Ann's.
async fn on_both_scenes(test: impl AsyncFn(&TestApp, &Person, &Person)) {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        test(&app, &ann, &bob).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_brings_what_the_caller_may_see_of_it() {
    on_both_scenes(async |app, ann, bob| {
        let body = |name: &str| json!({"name": name, "color": "red", "secret": "s"});
        let shared = app.create("folders", ann, &body("shared")).await;
        let own = app.create("folders", ann, &body("own")).await;
        let body = json!({"title": "a", "folder": shared["id"], "second": own["id"], "hidden": shared["id"]});
        let file = app.create("files", ann, &body).await;
        app.create("files", ann, &json!({"title": "b"})).await;

        let items = page(app, ann, "sort=title&expand=folder,second,hidden").await;
        let seen = |folder: &Json| {
            let mut folder = folder.clone();
            folder.as_object_mut().unwrap().remove("color");
            folder
        };
        assert_eq!(items[0]["folder"], shared["id"]);
        let expected = json!({"folder": seen(&shared), "second": seen(&own), "hidden": seen(&shared)});
        assert_eq!(items[0]["expand"], expected);
        assert_eq!(items[0]["expand"]["folder"]["secret"], "s");
        assert_eq!(items[1]["expand"], json!({"folder": null, "second": null, "hidden": null}));

        // Bob sees neither Ann's own folder, nor what its rule keeps of the shared one, nor that there is a reference.
        let items = page(app, bob, "sort=title&expand=folder,second,hidden").await;
        assert_eq!(items[0]["expand"]["folder"]["name"], "shared");
        assert!(items[0]["expand"]["folder"].get("secret").is_none());
        assert_eq!((&items[0]["expand"]["second"], &items[0]["expand"]["hidden"]), (&Json::Null, &Json::Null));
        assert!(items[0].get("hidden").is_none());
        // Nor in a part, nor in one record alone.
        let one = app.get(&format!("{}?fields=title&expand=second,hidden,folder", TestApp::path("files", &file)));
        let one = one.bearer(&bob.token).send().await.expect(200).json();
        assert_eq!(one["expand"]["folder"]["name"], "shared");
        assert_eq!((&one["expand"]["second"], &one["expand"]["hidden"]), (&Json::Null, &Json::Null));
        assert!(one.get("folder").is_none());
        let one = app.get(&format!("{}?expand=folder", TestApp::path("files", &file))).send().await.expect(200).json();
        assert_eq!(one["expand"]["folder"]["name"], "shared");
        assert!(app.get(&TestApp::path("files", &file)).send().await.json().get("expand").is_none());

        // What is deleted is gone from here too.
        app.delete(&TestApp::path("folders", &shared)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(page(app, ann, "sort=title&expand=folder").await[0]["expand"], json!({"folder": null}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_bounded_with_all_it_brings_along() {
    on_both_scenes(async |app, ann, _| {
        let long = app.create("folders", ann, &json!({"name": "x".repeat(10_000)})).await;
        let body = |nth: usize| json!({"title": format!("{nth:03}"), "folder": long["id"], "second": long["id"]});
        for nth in 0..150 {
            app.create("files", ann, &body(nth)).await;
        }
        let (mut titles, mut after, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let path = format!("/api/v1/files?sort=title&limit=200&expand=folder,second{after}");
            let answer = app.get(&path).bearer(&ann.token).send().await.expect(200);
            assert!(answer.body.len() < 3 * 1024 * 1024, "{}", answer.body.len());
            let page = answer.json();
            titles.extend(page["items"].as_array().unwrap().iter().map(|item| item["title"].clone()));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!((titles.len(), pages), (150, 2));
        assert!(titles.is_sorted_by_key(|title| title.as_str().unwrap().to_owned()));
    })
    .await;
}

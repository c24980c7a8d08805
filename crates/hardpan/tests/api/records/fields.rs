//! Fields that not everyone sees: absent from every answer, and as good as made up wherever they are named.
use serde_json::{Value as Json, json};

use super::filter::percent;
use crate::support::{Person, TestApp};

/// `secret` is for editors; `notes` are shown where the record is one's own.
const APP: &str = r#"
[app]
name = "tested"
[resources.offers.fields]
title = { type = "text", required = true, max_length = 100 }
secret = { type = "int", read = "actor.has_role('editor')" }
notes = { type = "text", max_length = 100, read = "record.owner_id == actor.id" }
parent = { type = "ref", to = "offers", read = "actor.has_role('editor')" }
[resources.offers.access]
read = "true"
update = "actor.is_authenticated"
"#;

struct Scene {
    app: TestApp,
    ann: Person,
    bob: Person,
    editor: Person,
    /// Ann's.
    offer: Json,
}

async fn on_both_scenes(test: impl AsyncFn(&Scene)) {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let editor = app.person("editor@example.com", &["editor"]).await;
        let offer = app.create("offers", &ann, &json!({"title": "a", "secret": 7, "notes": "n"})).await;
        app.create("offers", &bob, &json!({"title": "b", "secret": 8, "notes": "m"})).await;
        test(&Scene { app, ann, bob, editor, offer }).await;
    })
    .await;
}

/// Which of the two are in a record, and with which values.
fn seen(record: &Json) -> Json {
    let mut seen = record.clone();
    seen.as_object_mut().unwrap().retain(|name, _| ["title", "secret", "notes"].contains(&name.as_str()));
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn hidden_fields_are_absent_from_every_answer() {
    on_both_scenes(async |Scene { app, ann, bob, editor, offer }| {
        let path = TestApp::path("offers", offer);
        // Of what was created.
        assert_eq!(seen(offer), json!({"title": "a", "notes": "n"}));
        for (person, expected, listed) in [
            (ann, json!({"title": "a", "notes": "n"}), json!([{"title": "a", "notes": "n"}, {"title": "b"}])),
            (bob, json!({"title": "a"}), json!([{"title": "a"}, {"title": "b", "notes": "m"}])),
            (
                editor,
                json!({"title": "a", "secret": 7}),
                json!([{"title": "a", "secret": 7}, {"title": "b", "secret": 8}]),
            ),
        ] {
            assert_eq!(seen(&app.get(&path).bearer(&person.token).send().await.expect(200).json()), expected);
            let page = app.get("/api/v1/offers?sort=title").bearer(&person.token).send().await.expect(200).json();
            let items: Vec<Json> = page["items"].as_array().unwrap().iter().map(seen).collect();
            assert_eq!(json!(items), listed);
            // Of what was changed, and of what was not.
            for title in ["c", "c", "a"] {
                let patched = app.patch(&path, &json!({"title": title})).bearer(&person.token).send().await;
                let mut expected = expected.clone();
                expected["title"] = json!(title);
                assert_eq!(seen(&patched.expect(200).json()), expected);
            }
        }
        assert_eq!(seen(&app.get(&path).send().await.expect(200).json()), json!({"title": "a"}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hidden_field_is_as_good_as_made_up() {
    on_both_scenes(async |Scene { app, ann, editor, .. }| {
        for parameter in ["sort=", "sort=title,-", "fields=", "fields=title,", "expand=", "filter=record."] {
            let asked = async |name: &str, person: &Person| {
                let path = format!("/api/v1/offers?{parameter}{name}");
                let answer = app.get(&path).bearer(&person.token).header("x-request-id", "same").send().await;
                (answer.status.as_u16(), answer.text().replace(name, "NAME"))
            };
            let hidden = asked("secret", ann).await;
            assert_eq!((hidden.0, &hidden), (400, &asked("madeup", ann).await));
            if !["expand=", "filter=record."].contains(&parameter) {
                assert_eq!(asked("secret", editor).await.0, 200);
            }
        }
        let hidden =
            app.get("/api/v1/offers?expand=parent").bearer(&ann.token).send().await.expect_problem(400, "bad_query");
        let made_up = app.get("/api/v1/offers?expand=parens").bearer(&ann.token).send().await;
        assert_eq!(hidden.json()["errors"][0]["message"], "there is no field `parent`");
        assert_eq!(made_up.json()["errors"][0]["message"], "there is no field `parens`");
        app.get("/api/v1/offers?filter=record.secret%3E7").bearer(&editor.token).send().await.expect(200);
        // What is shown in some records only orders none.
        app.get("/api/v1/offers?sort=notes").bearer(&ann.token).send().await.expect_problem(400, "bad_query");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_some_records_hide_is_asked_for_by_name() {
    on_both_scenes(async |Scene { app, ann, editor, offer, .. }| {
        let path = "/api/v1/offers?sort=title&fields=notes";
        let page = app.get(path).bearer(&ann.token).send().await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        assert_eq!(items[0], json!({"id": offer["id"], "notes": "n"}));
        assert_eq!(items[1], json!({"id": items[1]["id"]}));
        let path = TestApp::path("offers", offer);
        let part = async |person: &Person| {
            app.get(&format!("{path}?fields=notes")).bearer(&person.token).send().await.expect(200).json()
        };
        assert_eq!(part(ann).await, json!({"id": offer["id"], "notes": "n"}));
        assert_eq!(part(editor).await, json!({"id": offer["id"]}));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_a_filter_what_is_not_shown_is_null() {
    on_both_scenes(async |Scene { app, ann, bob, .. }| {
        for (person, filter, expected) in [
            (ann, "record.notes == 'n'", "a"),
            (ann, "record.notes == 'm'", ""),
            (ann, "record.notes != 'm'", "ab"),
            (ann, "record.notes == null", "b"),
            (ann, "record.notes > 'a'", "a"),
            (bob, "record.notes.startsWith('m')", "b"),
            (bob, "!(record.notes.startsWith('n'))", "ab"),
            (bob, "record.notes == null && record.title == 'a'", "a"),
        ] {
            let path = format!("/api/v1/offers?sort=title&count=exact&filter={}", percent(filter));
            let page = app.get(&path).bearer(&person.token).send().await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            let titles: String = items.iter().map(|item| item["title"].as_str().unwrap()).collect();
            assert_eq!((titles.as_str(), &page["count"]["exact"]), (expected, &json!(expected.len())), "{filter}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_requires_no_field_that_may_be_hidden() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let document = app.server.document();
        let answer = &document["paths"]["/api/v1/offers/{id}"]["patch"]["responses"]["200"];
        let schema = &answer["content"]["application/json"]["schema"];
        let required: Vec<&str> =
            schema["required"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
        assert_eq!(required, ["id", "owner_id", "created_at", "updated_at", "version", "title"]);
        assert!(schema["properties"]["secret"].is_object());
    })
    .await;
}

const REVIEWED: &str = r#"
[app]
name = "tested"
[resources.people.fields]
name = { type = "text" }
[resources.people.access]
read = "true"
[resources.documents.fields]
title = { type = "text", required = true, max_length = 100 }
reviewer = { type = "ref", to = "people", read = "record.owner_id == actor.id" }
[resources.documents.access]
read = "true"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn what_a_hidden_reference_leads_to_is_hidden_from_filters_too() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, REVIEWED, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let eve = app.create("people", &ann, &json!({"name": "eve"})).await;
        app.create("documents", &ann, &json!({"title": "a", "reviewer": eve["id"]})).await;
        let id = eve["id"].as_str().unwrap();
        let found = async |person: &Person, filter: &str| {
            let filter = percent(filter);
            let path = format!("/api/v1/documents?filter={filter}");
            let page = app.get(&path).bearer(&person.token).send().await.expect(200).json();
            let path = format!("/api/v1/documents/aggregate?filter={filter}");
            let total = app.get(&path).bearer(&person.token).send().await.expect(200).json();
            let listed = page["items"].as_array().unwrap().len();
            assert_eq!(total["items"][0]["count"], listed);
            listed == 1
        };
        for filter in [
            format!("record.reviewer == '{id}'"),
            format!("record.reviewer.id == '{id}'"),
            "record.reviewer.name == 'eve'".to_owned(),
            "record.reviewer.name.startsWith('e')".to_owned(),
            "record.reviewer.name != null".to_owned(),
            "record.reviewer.name in ['eve']".to_owned(),
        ] {
            assert!(found(&ann, &filter).await, "{filter}");
            assert!(!found(&bob, &filter).await, "{filter}");
            let negated = format!("!({filter})");
            assert!(!found(&ann, &negated).await, "{negated}");
            assert!(found(&bob, &negated).await, "{negated}");
        }
    })
    .await;
}

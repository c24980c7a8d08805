//! Fields that not everyone writes: told as such to who sees them, and unknown to who does not.
use serde_json::{Value as Json, json};

use crate::support::{Audit, Person, TestApp};

/// `price` is seen by all and written by editors; `secret` is theirs alone; whoever closes an offer does so for good.
const APP: &str = r#"
[app]
name = "tested"
[resources.offers.fields]
title = { type = "text", required = true, max_length = 100 }
price = { type = "int", default = 5, write = "actor.has_role('editor')" }
secret = { type = "text", max_length = 20, unique = true, read = "actor.has_role('editor')", write = "actor.has_role('editor')" }
status = { type = "enum", values = ["open", "closed"], default = "open", write = "record.status != 'closed' || actor.has_role('editor')" }
[resources.offers.access]
read = "true"
update = "actor.is_authenticated"
"#;

struct Scene {
    app: TestApp,
    ann: Person,
    editor: Person,
}

async fn on_both_scenes(test: impl AsyncFn(&Scene)) {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        let editor = app.person("editor@example.com", &["editor"]).await;
        test(&Scene { app, ann, editor }).await;
    })
    .await;
}

fn owned(errors: &[(&str, &str)]) -> Vec<(String, String)> {
    errors.iter().map(|(field, code)| ((*field).to_owned(), (*code).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn naming_a_field_one_may_not_write_is_403_and_a_hidden_one_is_unknown() {
    on_both_scenes(async |Scene { app, ann, editor }| {
        let offer = app.create("offers", editor, &json!({"title": "a", "price": 7, "secret": "s"})).await;
        let path = TestApp::path("offers", &offer);
        let mut audit = Audit::of(&app.db).await;
        let send = async |body: &Json| {
            let mut answers = Vec::new();
            for (request, prefix) in [
                (app.post("/api/v1/offers", body), ""),
                (app.put(&path, body), ""),
                (app.patch(&path, body), ""),
                (app.post("/api/v1/offers/batch", &json!({"create": [body]})), "create[0]."),
                (
                    app.post("/api/v1/offers/batch", &json!({"update": [{"id": offer["id"], "changes": body}]})),
                    "update[0].changes.",
                ),
            ] {
                let answer = request.bearer(&ann.token).send().await;
                let errors = answer.errors().into_iter();
                let strip = |(field, code): (String, String)| (field.strip_prefix(prefix).unwrap().to_owned(), code);
                answers.push((answer.outcome(), errors.map(strip).collect::<Vec<_>>()));
            }
            answers
        };
        let (forbidden, invalid) = ((403, "forbidden".to_owned()), (422, "invalid".to_owned()));
        for value in [json!(7), json!(8), json!(null)] {
            for answer in send(&json!({"title": "a", "price": value})).await {
                assert_eq!(answer, (forbidden.clone(), owned(&[("price", "forbidden")])));
            }
        }
        // Whatever is given for it, and in whatever order: there is no such field.
        for body in [
            json!({"title": "a", "secret": "s", "zebra": 1}),
            json!({"title": "a", "zebra": 1, "secret": 1}),
            json!({"title": "a", "zebra": 1, "secret": null, "price": 1}),
        ] {
            for answer in send(&body).await {
                let expected = owned(&[("secret", "unknown_field"), ("zebra", "unknown_field")]);
                assert_eq!(answer, (invalid.clone(), expected));
            }
        }
        audit.none("writes that were refused").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_leaves_what_is_not_its_to_write() {
    on_both_scenes(async |Scene { app, ann, editor }| {
        let offer = app.create("offers", editor, &json!({"title": "a", "price": 7, "secret": "s"})).await;
        let path = TestApp::path("offers", &offer);
        app.put(&path, &json!({"title": "b"})).bearer(&ann.token).send().await.expect(200);
        let record = app.get(&path).bearer(&editor.token).send().await.expect(200).json();
        assert_eq!((&record["title"], &record["price"], &record["secret"]), (&json!("b"), &json!(7), &json!("s")));
        let record = app.put(&path, &json!({"title": "c"})).bearer(&editor.token).send().await.expect(200).json();
        assert_eq!((&record["price"], &record["secret"]), (&json!(5), &json!(null)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fields_rule_holds_before_and_after() {
    on_both_scenes(async |Scene { app, ann, editor }| {
        let offer = app.create("offers", editor, &json!({"title": "a", "status": "closed"})).await;
        let path = TestApp::path("offers", &offer);
        let refused = owned(&[("status", "forbidden")]);
        let patch = |person: &Person, status: &str| app.patch(&path, &json!({"status": status})).bearer(&person.token);
        // Closed before.
        let answer = patch(ann, "open").send().await.expect_problem(403, "forbidden");
        assert_eq!(answer.errors(), refused);
        patch(editor, "open").send().await.expect(200);
        // Closed after.
        let answer = patch(ann, "closed").send().await.expect_problem(403, "forbidden");
        assert_eq!(answer.errors(), refused);
        let answer =
            app.post("/api/v1/offers", &json!({"title": "a", "status": "closed"})).bearer(&ann.token).send().await;
        assert_eq!(answer.expect_problem(403, "forbidden").errors(), refused);
        app.create("offers", ann, &json!({"title": "a", "status": "open"})).await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_taken_is_named_to_who_sees_the_field() {
    let app_file = APP.replace(", write = \"actor.has_role('editor')\" }\nstatus", " }\nstatus");
    assert_ne!(app_file, APP);
    testkit::on_both(async |db| {
        let app = TestApp::with(db, &app_file, &[]).await;
        let ann = app.register("ann@example.com").await;
        let editor = app.person("editor@example.com", &["editor"]).await;
        app.create("offers", &editor, &json!({"title": "a", "secret": "s"})).await;
        let twin =
            |person: &Person| app.post("/api/v1/offers", &json!({"title": "a", "secret": "s"})).bearer(&person.token);
        assert_eq!(twin(&ann).send().await.expect_problem(409, "unique_violation").errors(), []);
        let errors = twin(&editor).send().await.expect_problem(409, "unique_violation").errors();
        assert_eq!(errors, owned(&[("secret", "taken")]));
    })
    .await;
}

const DRAFTS: &str = r#"
[app]
name = "tested"
[resources.offers.fields]
key = { type = "text", max_length = 20, unique = true }
status = { type = "text", default = "draft" }
state = { type = "text", default = "locked" }
price = { type = "int", write = "record.status == 'draft'" }
place = { type = "int", write = "record.state != 'locked'" }
at = { type = "timestamp", default = "now" }
late = { type = "int", write = "record.at != null" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_fields_rule_sees_the_defaults_of_what_is_created() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, DRAFTS, &[]).await;
        let ann = app.register("ann@example.com").await;
        let create = async |body: Json| {
            let mut statuses = Vec::new();
            let mut keyed = body.clone();
            keyed["key"] = json!(format!("{body}").chars().take(20).collect::<String>());
            for (path, body, created) in [
                ("/api/v1/offers", &body, 201),
                ("/api/v1/offers/batch", &json!({"create": [body]}), 200),
                ("/api/v1/offers?upsert=key", &keyed, 201),
            ] {
                let answer = app.post(path, body).bearer(&ann.token).send().await;
                assert!([created, 403].contains(&answer.status.as_u16()), "{}", answer.text());
                statuses.push(answer.status.as_u16() == created);
            }
            assert!(statuses.windows(2).all(|pair| pair[0] == pair[1]), "{body}: {statuses:?}");
            statuses[0]
        };
        assert!(create(json!({"price": 5})).await);
        assert!(!create(json!({"price": 5, "status": "done"})).await);
        assert!(!create(json!({"place": 5})).await);
        assert!(create(json!({"place": 5, "state": "open"})).await);
        assert!(create(json!({"late": 5})).await);
        // What was created so is changed under the same rules.
        let offer = app.create("offers", &ann, &json!({"price": 5})).await;
        let path = TestApp::path("offers", &offer);
        app.put(&path, &json!({"price": 6})).bearer(&ann.token).send().await.expect(200);
        app.put(&path, &json!({"place": 6})).bearer(&ann.token).send().await.expect_problem(403, "forbidden");
    })
    .await;
}

//! `q`: full-text search in lists.
use serde_json::{Value as Json, json};

use super::filter::percent;
use crate::support::{Person, TestApp};

/// `secret` is for editors; articles go with their section.
const APP: &str = r#"
[app]
name = "tested"
[resources.sections.fields]
name = { type = "text", required = true }
[resources.articles]
id_prefix = "art"
soft_delete = true
search = ["title", "body", "secret"]
[resources.articles.fields]
title = { type = "text", required = true, max_length = 200 }
body = { type = "text", max_length = 100000 }
secret = { type = "text", read = "actor.has_role('editor')" }
state = { type = "enum", values = ["open", "done"], default = "open" }
section = { type = "ref", to = "sections" }
[resources.articles.access]
read = "record.owner_id == actor.id || record.state == 'done'"
[resources.notes]
search = ["text"]
[resources.notes.fields]
text = { type = "text", required = true, max_length = 100 }
section = { type = "ref", to = "sections", on_delete = "cascade" }
[resources.safes]
search = ["text"]
[resources.safes.fields]
text = { type = "text", read = "actor.has_role('editor')" }
"#;

async fn on_both(test: impl AsyncFn(TestApp)) {
    testkit::on_both(async |db| test(TestApp::with(db, APP, &[]).await).await).await;
}

async fn page(app: &TestApp, person: &Person, resource: &str, query: &str, more: &str) -> Json {
    let path = format!("/api/v1/{resource}?q={}{more}", percent(query));
    app.get(&path).bearer(&person.token).send().await.expect(200).json()
}

/// The values of `field` in what a search finds, in its order.
async fn found(app: &TestApp, person: &Person, query: &str, more: &str) -> Vec<String> {
    values(&page(app, person, "articles", query, more).await, "title")
}

fn values(page: &Json, field: &str) -> Vec<String> {
    page["items"].as_array().unwrap().iter().map(|item| item[field].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_come_first_with_their_highlights() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for (title, body) in [
            ("Gardening", "Nothing of the sort, but a fox passed by once. ".to_owned() + &"Soil and rain. ".repeat(30)),
            ("The fox", "A fox is a small <b>mammal</b> & no dog.".to_owned()),
            ("Dogs", "No such animal.".to_owned()),
            ("Renard", "Le renard brun; brown FOX in English.".to_owned()),
        ] {
            app.create("articles", &ann, &json!({"title": title, "body": body})).await;
        }
        assert_eq!(found(&app, &ann, "fox", "").await, ["The fox", "Renard", "Gardening"]);
        assert_eq!(found(&app, &ann, "fox -brown", "").await, ["The fox", "Gardening"]);
        assert_eq!(found(&app, &ann, "\"brown fox\"", "").await, ["Renard"]);
        assert_eq!(found(&app, &ann, "ren*", "").await, ["Renard"]);
        assert_eq!(found(&app, &ann, "fox", "&sort=title").await, ["Gardening", "Renard", "The fox"]);
        assert_eq!(found(&app, &ann, "fox", "&filter=record.title%20!%3D%20'Renard'").await, ["The fox", "Gardening"]);

        let shown = page(&app, &ann, "articles", "mammal fox", "&fields=title&count=exact").await;
        assert_eq!(shown["count"], json!({"exact": 1}));
        let item = shown["items"][0].as_object().unwrap();
        assert_eq!(item.keys().collect::<Vec<_>>(), ["id", "title", "highlights"]);
        assert_eq!(
            item["highlights"],
            json!({
                "title": "The <mark>fox</mark>",
                "body": "A <mark>fox</mark> is a small &lt;b&gt;<mark>mammal</mark>&lt;/b&gt; &amp; no dog.",
            })
        );
        let estimated = page(&app, &ann, "articles", "fox", "&count=estimated&limit=1").await;
        assert_eq!(estimated["count"], json!({"estimated": 3}));
        let path = "/api/v1/articles/aggregate?group=state&q=fox%20-brown";
        let groups = app.get(path).bearer(&ann.token).send().await.expect(200).json();
        assert_eq!(groups["items"], json!([{"group": {"state": "open"}, "count": 2}]));
        assert!(page(&app, &ann, "articles", "wolf", "").await["items"].as_array().unwrap().is_empty());
        let plain = app.get("/api/v1/articles").bearer(&ann.token).send().await.expect(200).json();
        assert!(plain["items"][0].get("highlights").is_none());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_a_search_give_everything_once_both_ways() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for number in 0..23 {
            // Of several ranks, and several of each.
            let body = "word ".repeat(number % 4) + &"filling ".repeat(number % 3);
            app.create("articles", &ann, &json!({"title": format!("word {number}"), "body": body})).await;
        }
        for order in ["", "&sort=-title"] {
            let whole = found(&app, &ann, "word", &format!("{order}&limit=200")).await;
            assert_eq!(whole.len(), 23);
            let (mut pages, mut after) = (Vec::new(), String::new());
            loop {
                let page = page(&app, &ann, "articles", "word", &format!("{order}&limit=5{after}")).await;
                pages.push(values(&page, "title"));
                match page["next"].as_str() {
                    Some(next) => after = format!("&after={next}"),
                    None => break,
                }
            }
            assert_eq!(pages.concat(), whole);
            let second = page(&app, &ann, "articles", "word", &format!("{order}&limit=5")).await;
            let second = format!("{order}&limit=5&after={}", second["next"].as_str().unwrap());
            let second = page(&app, &ann, "articles", "word", &second).await;
            let back = format!("{order}&limit=5&before={}", second["prev"].as_str().unwrap());
            assert_eq!(found(&app, &ann, "word", &back).await, pages[0]);
        }
        let cursor = page(&app, &ann, "articles", "word", "&limit=5").await["next"].as_str().unwrap().to_owned();
        for other in ["q=words", "q=word&sort=title", "limit=5"] {
            let path = format!("/api/v1/articles?{other}&after={cursor}");
            app.get(&path).bearer(&ann.token).send().await.expect_problem(400, "bad_cursor");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_found_that_may_not_be_read() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let editor = app.person("editor@example.com", &["editor"]).await;
        for (owner, title, state) in [(&ann, "mine", "open"), (&bob, "public", "done"), (&bob, "hidden", "open")] {
            app.create("articles", owner, &json!({"title": title, "body": "word", "state": state})).await;
        }
        let body = json!({"title": "word secret", "secret": "password", "state": "done"});
        app.create("articles", &editor, &body).await;
        assert_eq!(found(&app, &ann, "word", "&sort=title").await, ["mine", "public", "word secret"]);
        assert_eq!(found(&app, &bob, "word", "&sort=title").await, ["hidden", "public", "word secret"]);

        // A hidden field is neither searched nor shown, nor does its absence leave anything out.
        for query in ["password", "pass*", "\"secret password\"", "word password"] {
            assert_eq!(found(&app, &ann, query, "").await, Vec::<String>::new(), "{query}");
        }
        assert_eq!(found(&app, &ann, "secret -password", "").await, ["word secret"]);
        assert_eq!(found(&app, &editor, "secret -password", "").await, Vec::<String>::new());
        let shown = page(&app, &editor, "articles", "password", "").await;
        assert_eq!(shown["items"][0]["highlights"], json!({"secret": "<mark>password</mark>"}));
        let shown = page(&app, &ann, "articles", "secret", "").await;
        assert_eq!(shown["items"][0]["highlights"], json!({"title": "word <mark>secret</mark>"}));

        let refused = |path: &'static str, person: &Person| app.get(path).bearer(&person.token).send();
        refused("/api/v1/safes?q=word", &ann).await.expect_problem(400, "bad_query");
        refused("/api/v1/safes?q=word", &editor).await.expect(200);
        // Nothing of it is searched.
        refused("/api/v1/sections?q=word", &ann).await.expect_problem(400, "bad_query");

        // What is deleted softly is found in the trash alone, and what belongs to a deleted account nowhere.
        let mine = page(&app, &ann, "articles", "mine", "").await["items"][0].clone();
        let path = TestApp::path("articles", &mine);
        app.delete(&path).bearer(&ann.token).send().await.expect(204);
        assert_eq!(found(&app, &ann, "mine", "").await, Vec::<String>::new());
        assert_eq!(found(&app, &ann, "mine", "&deleted=only").await, ["mine"]);
        app.request(web::Method::POST, &format!("{path}/restore")).bearer(&ann.token).send().await.expect(200);
        assert_eq!(found(&app, &ann, "mine", "").await, ["mine"]);
        app.delete("/auth/v1/me").bearer(&bob.token).send().await.expect(204);
        assert_eq!(found(&app, &ann, "public", "").await, Vec::<String>::new());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_and_deletions_are_found_at_once_however_they_happen() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let texts = async |query: &str| values(&page(&app, &ann, "notes", query, "&sort=text").await, "text");
        let section = app.create("sections", &ann, &json!({"name": "s"})).await;
        let note = app.create("notes", &ann, &json!({"text": "first"})).await;
        let path = TestApp::path("notes", &note);
        app.patch(&path, &json!({"text": "second"})).bearer(&ann.token).send().await.expect(200);
        assert_eq!((texts("first").await, texts("second").await), (vec![], vec!["second".to_owned()]));
        app.patch(&path, &json!({"section": section["id"]})).bearer(&ann.token).send().await.expect(200);
        assert_eq!(texts("second").await, ["second"]);
        let put = json!({"text": "third", "section": section["id"]});
        app.request(web::Method::PUT, &path).json(&put).bearer(&ann.token).send().await.expect(200);
        assert_eq!((texts("second").await, texts("third").await), (vec![], vec!["third".to_owned()]));
        let batch = json!({"create": [{"text": "fourth third"}, {"text": "fifth"}]});
        app.post("/api/v1/notes/batch", &batch).bearer(&ann.token).send().await.expect(200);
        assert_eq!(texts("third").await, ["fourth third", "third"]);

        // What takes the place of a row that went with another must not be found by the words of that.
        app.delete(&TestApp::path("sections", &section)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(texts("third").await, ["fourth third"]);
        for found in page(&app, &ann, "notes", "f*", "").await["items"].as_array().unwrap() {
            app.delete(&TestApp::path("notes", found)).bearer(&ann.token).send().await.expect(204);
        }
        app.create("notes", &ann, &json!({"text": "new"})).await;
        for query in ["third", "fourth", "fifth"] {
            assert_eq!(texts(query).await, Vec::<String>::new(), "{query}");
        }
        assert_eq!(texts("new").await, ["new"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_query_breaks_a_search() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        app.create("articles", &ann, &json!({"title": "it's \"quoted\" \\ (near) a:b", "body": "and or not"})).await;
        let long = "word ".repeat(51);
        let wide = "東".repeat(256);
        for query in [
            "\"",
            "\"\"\"",
            "'",
            "\\",
            "\\'",
            "*",
            "-",
            "--",
            "a*b*",
            "NEAR(a b)",
            "NEAR/2",
            "AND",
            "OR",
            "NOT",
            "a AND",
            "OR b",
            "NOT a",
            "(",
            ")",
            "((a)",
            "{f0} : a",
            "f0:a",
            "-f0:a",
            "^a",
            "a + b",
            "a & b",
            "a | !b",
            "<->",
            "a <2> b",
            "'a':*A",
            "a:ABCD",
            ";",
            "'; DROP TABLE articles; --",
            "%",
            "$1",
            "?",
            "\u{1}",
            "\u{fffd}",
            "🚀",
            "é\u{301}\u{301}",
            "\u{202e}abc",
            "·",
            "a·b",
            "\t\n",
            "it's",
            &long,
            &wide,
            "word",
        ] {
            let path = format!("/api/v1/articles?q={}", percent(query));
            let answer = app.get(&path).bearer(&ann.token).send().await;
            assert!([200, 400].contains(&answer.status.as_u16()), "{query}: {}", answer.status);
        }
        for query in ["", " ", "\"", "-word", "!?", &"a ".repeat(65), &"a".repeat(257), "a\0"] {
            let path = format!("/api/v1/articles?q={}", percent(query));
            app.get(&path).bearer(&ann.token).send().await.expect_problem(400, "bad_query");
        }
        assert_eq!(found(&app, &ann, "its NEAR a:b \"or not\"", "").await.len(), 1);
    })
    .await;
}

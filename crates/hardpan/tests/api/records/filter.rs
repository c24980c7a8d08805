//! `filter`: an expression narrows a list, and never widens it.
use serde_json::{Value as Json, json};

use crate::support::{Person, TestApp, on_both};

/// The titles of what a filter leaves, in order.
pub async fn titles(app: &TestApp, person: &Person, filter: &str) -> Vec<String> {
    let filter = percent(filter);
    let path = format!("/api/v1/documents?sort=title&filter={filter}");
    let page = app.get(&path).bearer(&person.token).send().await.expect(200).json();
    let items = page["items"].as_array().unwrap();
    items.iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

/// Everything but letters and digits, percent-encoded.
pub fn percent(text: &str) -> String {
    let encode = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(encode).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_is_met_by_what_is_listed_and_by_nothing_else() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for (title, rank, price, state) in
            [("a", json!(1), "1.00", "open"), ("b", json!(2), "2.50", "done"), ("c", Json::Null, "10.00", "open")]
        {
            let body = json!({
                "title": title, "rank_int": rank, "price": price, "state": state,
                "at": format!("2026-01-0{}T00:00:00Z", rank.as_i64().unwrap_or(9)),
            });
            app.create("documents", &ann, &body).await;
        }
        for (filter, expected) in [
            ("record.rank_int == 1", "a"),
            ("record.rank_int != 1", "bc"),
            ("record.rank_int == null", "c"),
            ("record.rank_int > 1 || record.title == 'c'", "bc"),
            ("!(record.rank_int > 1)", "ac"),
            ("record.price >= 2.5", "bc"),
            ("record.state in ['done']", "b"),
            ("record.data == null && record.title != 'a'", "bc"),
            ("record.owner_id == actor.id", "abc"),
            ("actor.has_role('admin')", ""),
            ("record.title == 'é'", ""),
            ("record.title == '\\'; DROP TABLE documents --'", ""),
            ("true", "abc"),
            ("false", ""),
        ] {
            assert_eq!(titles(&app, &ann, filter).await.concat(), expected, "{filter}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_filter_never_shows_what_may_not_be_read() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        app.create("documents", &ann, &json!({"title": "mine", "state": "open"})).await;
        app.create("documents", &bob, &json!({"title": "public", "state": "done"})).await;
        app.create("documents", &bob, &json!({"title": "hidden", "state": "open"})).await;
        for filter in ["true", "record.title != 'x' || true", "record.owner_id != actor.id || record.state == 'open'"] {
            assert_eq!(titles(&app, &ann, filter).await, ["mine", "public"], "{filter}");
        }
        assert_eq!(titles(&app, &ann, "record.title == 'hidden'").await, Vec::<String>::new());
        let deleted = app.create("documents", &ann, &json!({"title": "gone"})).await;
        app.delete(&TestApp::path("documents", &deleted)).bearer(&ann.token).send().await.expect(204);
        assert_eq!(titles(&app, &ann, "record.deleted_at != null || true").await, ["mine", "public"]);
    })
    .await;
}

//! `count`: absent unless asked for, and bounded as the list is.
use serde_json::{Value as Json, json};

use super::filter::percent;
use crate::support::{Person, TestApp, on_both};

async fn count(app: &TestApp, person: &Person, query: &str) -> Json {
    let path = format!("/api/v1/documents?limit=1&{query}");
    app.get(&path).bearer(&person.token).send().await.expect(200).json().get("count").cloned().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_count_is_of_what_the_list_would_hold() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        for nth in 0..7 {
            let state = if nth < 3 { "open" } else { "done" };
            app.create("documents", &ann, &json!({"title": nth.to_string(), "state": state})).await;
        }
        assert_eq!(count(&app, &ann, "").await, Json::Null);
        for (how, person, filter, expected) in [
            ("exact", &ann, "true", 7),
            ("exact", &bob, "true", 4),
            ("exact", &ann, "record.state == 'open'", 3),
            ("exact", &bob, "record.state == 'open'", 0),
            ("exact", &bob, "false", 0),
            // What is small is counted.
            ("estimated", &ann, "true", 7),
            ("estimated", &bob, "true", 4),
            ("estimated", &ann, "record.state == 'open'", 3),
            ("estimated", &bob, "record.title == 'x'", 0),
        ] {
            let found = count(&app, person, &format!("count={how}&filter={}", percent(filter))).await;
            assert_eq!(found, json!({how: expected}), "{filter}");
        }
    })
    .await;
}

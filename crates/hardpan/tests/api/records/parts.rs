//! `fields`: answers hold what was asked for.
use serde_json::{Value as Json, json};

use crate::support::{TestApp, on_both};

fn names(item: &Json) -> Vec<&str> {
    item.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_hold_exactly_the_fields_asked_for() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let body = json!({"title": "a", "price": "1.5", "data": {"b": [1]}, "at": "2026-01-01T00:00:00Z"});
        let whole = app.create("documents", &ann, &body).await;
        let path = TestApp::path("documents", &whole);
        for (fields, expected) in [
            ("title", vec!["id", "title"]),
            ("price,title", vec!["id", "title", "price"]),
            ("id", vec!["id"]),
            ("data,at,deleted_at", vec!["id", "deleted_at", "at", "data"]),
            ("version,owner_id", vec!["id", "owner_id", "version"]),
        ] {
            let part = app.get(&format!("{path}?fields={fields}")).bearer(&ann.token).send().await.expect(200);
            // A part must not be taken for the whole.
            assert_eq!(part.header("etag"), None);
            let listed = app.get(&format!("/api/v1/documents?fields={fields}&sort=-title,price"));
            let listed = listed.bearer(&ann.token).send().await.expect(200).json();
            for item in [&part.json(), &listed["items"][0]] {
                let mut sorted = names(item);
                sorted.sort_unstable();
                let mut expected = expected.clone();
                expected.sort_unstable();
                assert_eq!(sorted, expected, "{fields}");
                assert!(expected.iter().all(|name| item[name] == whole[name]), "{item}");
            }
        }
        let whole = app.get(&path).bearer(&ann.token).send().await.expect(200);
        assert_eq!(whole.header("etag"), Some("\"1\""));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_walked_in_an_order_of_what_they_do_not_hold() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for nth in [3, 1, 2] {
            app.create("documents", &ann, &json!({"title": format!("t{nth}"), "rank_int": nth})).await;
        }
        let (mut titles, mut after) = (Vec::new(), String::new());
        loop {
            let path = format!("/api/v1/documents?fields=title&sort=-rank_int&limit=1{after}");
            let page = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
            assert_eq!(names(&page["items"][0]), ["id", "title"]);
            titles.push(page["items"][0]["title"].as_str().unwrap().to_owned());
            let Some(next) = page["next"].as_str() else { break };
            after = format!("&after={next}");
        }
        assert_eq!(titles, ["t3", "t2", "t1"]);
    })
    .await;
}

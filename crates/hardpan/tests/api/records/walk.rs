//! Walking a list from page to page.
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::support::{Person, TestApp, on_both};

/// Every item of a list, page by page.
async fn walk(app: &TestApp, person: &Person, query: &str, limit: usize) -> Vec<Json> {
    let (mut items, mut after) = (Vec::new(), String::new());
    loop {
        let path = format!("/api/v1/documents?{query}&limit={limit}{after}");
        let page = app.get(&path).bearer(&person.token).send().await.expect(200).json();
        let found = page["items"].as_array().unwrap();
        items.extend(found.iter().cloned());
        let Some(next) = page["next"].as_str() else {
            assert!(found.len() <= limit, "{path}");
            return items;
        };
        assert_eq!(found.len(), limit, "a short page in the middle of {path}");
        after = format!("&after={next}");
    }
}

fn ids(items: &[Json]) -> Vec<&str> {
    items.iter().map(|item| item["id"].as_str().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_record_is_met_once_whatever_the_order_and_the_size_of_pages() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        for nth in 0..23_i64 {
            let mut body = json!({"title": format!("t{}", nth % 5), "favourite": nth % 2 == 0, "ratio": nth % 4});
            // Some of everything is null, some the same.
            if nth % 3 != 0 {
                body["rank_int"] = json!(nth % 4);
                body["price"] = json!(format!("{}.10", nth % 7));
                body["at"] = json!("2026-01-01T00:00:00Z");
            }
            app.create("documents", &ann, &body).await;
            app.create("documents", &bob, &json!({"title": "another's"})).await;
            app.advance(Duration::from_millis(nth.unsigned_abs() % 2));
        }
        let orders = [
            "id",
            "-id",
            "title",
            "-title",
            "rank_int",
            "-rank_int",
            "price,-title",
            "-price,title",
            "at",
            "-at,-rank_int",
            "favourite,-ratio",
            "created_at",
            "-created_at",
            "owner_id",
            "version,state,-at,rank_int",
            "day",
            "-day",
            "folder",
        ];
        for order in orders {
            let whole = walk(&app, &ann, &format!("sort={order}"), 200).await;
            assert_eq!(whole.len(), 23, "{order}");
            for limit in [1, 4, 22, 23] {
                let pages = walk(&app, &ann, &format!("sort={order}"), limit).await;
                assert_eq!(ids(&pages), ids(&whole), "{order} by {limit}");
            }
            let opposite: Vec<String> =
                order.split(',').map(|key| key.strip_prefix('-').map_or(format!("-{key}"), str::to_owned)).collect();
            let mut backwards = walk(&app, &ann, &format!("sort={}", opposite.join(",")), 4).await;
            backwards.reverse();
            assert_eq!(ids(&backwards), ids(&whole), "{order} backwards");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_walk_is_not_disturbed_by_what_comes_and_goes() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let mut all = Vec::new();
        for title in ["b", "d", "f", "h"] {
            all.push(app.create("documents", &ann, &json!({"title": title})).await);
        }
        let page = async |after: &str| -> Json {
            let path = format!("/api/v1/documents?sort=title&limit=2{after}");
            app.get(&path).bearer(&ann.token).send().await.expect(200).json()
        };
        let titles = |page: &Json| -> Vec<String> {
            page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
        };
        let first = page("").await;
        assert_eq!(titles(&first), ["b", "d"]);
        // Behind the cursor, and the very record it stands on.
        app.create("documents", &ann, &json!({"title": "a"})).await;
        app.delete(&TestApp::path("documents", &all[1])).bearer(&ann.token).send().await.expect(204);
        app.create("documents", &ann, &json!({"title": "e"})).await;
        let second = page(&format!("&after={}", first["next"].as_str().unwrap())).await;
        assert_eq!(titles(&second), ["e", "f"]);
        let third = page(&format!("&after={}", second["next"].as_str().unwrap())).await;
        assert_eq!((titles(&third), &third["next"]), (vec!["h".to_owned()], &json!(null)));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_opens_nothing_to_anyone_else() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        for owner in [&ann, &ann, &bob, &bob] {
            app.create("documents", owner, &json!({"title": owner.email})).await;
        }
        let page = app.get("/api/v1/documents?limit=1").bearer(&ann.token).send().await.expect(200).json();
        let path = format!("/api/v1/documents?after={}", page["next"].as_str().unwrap());
        let taken = app.get(&path).bearer(&bob.token).send().await.expect(200).json();
        let owners: Vec<&Json> = taken["items"].as_array().unwrap().iter().map(|item| &item["owner_id"]).collect();
        assert!(owners.iter().all(|owner| **owner == json!(bob.id)), "{owners:?}");
        assert_eq!(app.get(&path).send().await.expect(200).json()["items"], json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_can_be_sorted_by_long_text_can_be_walked() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        // The longest they can be, in what takes most room on the way: once plain, once outside the BMP, once escaped.
        let link = format!("https://example.com/{}", "x".repeat(2_028));
        for letter in ["x", "𝄞", "\u{1}"] {
            for nth in 0..2 {
                let body = json!({"title": format!("{nth}"), "body": letter.repeat(1_000), "link": link});
                app.create("documents", &ann, &body).await;
            }
        }
        for order in ["body", "-body", "link", "body,link", "-link,-body", "title,body", "title,link", "slug,link"] {
            // What cannot be walked may be refused, at once and whole.
            let first = app.get(&format!("/api/v1/documents?sort={order}")).bearer(&ann.token).send().await;
            if ["body", "-body", "link"].contains(&order) || first.status == 200 {
                assert_eq!(walk(&app, &ann, &format!("sort={order}"), 1).await.len(), 6, "{order}");
            } else {
                first.expect_problem(400, "bad_query");
            }
        }
    })
    .await;
}

//! `GET /api/v1/{resource}`: who sees what, in which order, in pages.
use serde_json::{Value as Json, json};

use crate::support::{Person, TestApp, on_both};

/// The titles of a page.
async fn titles(app: &TestApp, person: Option<&Person>, query: &str) -> Vec<String> {
    let request = app.get(&format!("/api/v1/documents?{query}"));
    let request = match person {
        Some(person) => request.bearer(&person.token),
        None => request,
    };
    let page = request.send().await.expect(200).json();
    page["items"].as_array().unwrap().iter().map(|item| item["title"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_holds_what_the_caller_may_read_and_nothing_else() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let reader = app.person("reader@example.com", &["reader"]).await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        for (owner, title, state) in
            [(&ann, "a1", "open"), (&ann, "a2", "done"), (&bob, "b1", "open"), (&bob, "b2", "done")]
        {
            app.create("documents", owner, &json!({"title": title, "state": state})).await;
        }
        let sorted = |person| titles(&app, person, "sort=title");
        assert_eq!(sorted(Some(&ann)).await, ["a1", "a2", "b2"]);
        assert_eq!(sorted(Some(&bob)).await, ["a2", "b1", "b2"]);
        assert_eq!(sorted(Some(&reader)).await, ["a1", "a2", "b1", "b2"]);
        // The rule replaced the default and does not name administrators.
        assert_eq!(sorted(Some(&admin)).await, ["a2", "b2"]);
        assert_eq!(sorted(None).await, ["a2", "b2"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_can_hold_nothing_asks_the_anonymous_to_log_in() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        let admin = app.person("admin@example.com", &["admin"]).await;
        app.create("folders", &admin, &json!({"name": "x"})).await;
        app.create("settings", &admin, &json!({"key": "x"})).await;
        for path in ["/api/v1/folders", "/api/v1/settings"] {
            let answer = app.get(path).send().await.expect_problem(401, "unauthenticated");
            assert_eq!(answer.header("www-authenticate"), Some("Bearer"));
            let page = app.get(path).bearer(&ann.token).send().await.expect(200).json();
            assert_eq!(page, json!({"items": [], "next": null, "prev": null}));
            let page = app.get(path).bearer(&admin.token).send().await.expect(200).json();
            assert_eq!(page["items"].as_array().unwrap().len(), 1);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_has_fifty_items_unless_it_is_told_otherwise() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for nth in 0..60 {
            app.create("folders", &ann, &json!({"name": format!("{nth:03}")})).await;
        }
        let page = async |query: &str| -> Json {
            app.get(&format!("/api/v1/folders{query}")).bearer(&ann.token).send().await.expect(200).json()
        };
        for (query, length, has_next) in [
            ("", 50, true),
            ("?limit=59", 59, true),
            ("?limit=60", 60, false),
            ("?limit=200", 60, false),
            ("?limit=1", 1, true),
        ] {
            let page = page(query).await;
            assert_eq!(
                (page["items"].as_array().unwrap().len(), page["next"].is_string()),
                (length, has_next),
                "{query}"
            );
        }
        // The second page is the rest.
        let first = page("").await;
        let second = page(&format!("?after={}", first["next"].as_str().unwrap())).await;
        assert_eq!((second["items"].as_array().unwrap().len(), &second["next"]), (10, &json!(null)));
        // By id where nothing else is said, and so by the order of their making wherever the clock moves.
        let ids: Vec<&str> =
            first["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        assert!(ids.is_sorted());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_sorts_by_code_point_and_nulls_come_first() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        // In UTF-16 the last two would change places; in most languages the first ones would.
        let expected = ["", " ", "B", "Z", "a", "aa", "b", "É", "é", "ﬀ", "\u{ffff}", "𝄞"];
        for slug in ["é", "a", "𝄞", "Z", "aa", "\u{ffff}", "B", "", "ﬀ", "b", " ", "É"] {
            app.create("documents", &ann, &json!({"title": "t", "slug": slug})).await;
        }
        app.create("documents", &ann, &json!({"title": "without"})).await;
        let slugs = async |sort: &str| -> Vec<Json> {
            let page =
                app.get(&format!("/api/v1/documents?sort={sort}")).bearer(&ann.token).send().await.expect(200).json();
            page["items"].as_array().unwrap().iter().map(|item| item["slug"].clone()).collect()
        };
        let mut all: Vec<Json> = vec![json!(null)];
        all.extend(expected.map(Json::from));
        assert_eq!(slugs("slug").await, all);
        all.reverse();
        assert_eq!(slugs("-slug").await, all);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_type_sorts_by_its_value() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        // Each would be in another order as text.
        let fields: [(&str, [Json; 3]); 7] = [
            ("rank_int", [json!(-10), json!(9), json!(10)]),
            ("ratio", [json!(-2.5), json!(0.1), json!(10.0)]),
            ("price", [json!("-20.00"), json!("3.00"), json!("10.00")]),
            (
                "at",
                ["0001-01-01T00:00:00Z", "2026-01-01T00:00:00.000001Z", "2026-01-01T01:00:00+00:30"].map(Json::from),
            ),
            ("day", ["0999-12-31", "2026-01-02", "2026-10-01"].map(Json::from)),
            ("favourite", [json!(false), json!(true), json!(true)]),
            ("contact", ["B@x.example", "a@x.example", "b@x.example"].map(Json::from)),
        ];
        for (nth, title) in [(1, "2"), (2, "3"), (0, "1")] {
            let mut body = json!({"title": title});
            for (field, values) in &fields {
                body[*field] = values[nth].clone();
            }
            app.create("documents", &ann, &body).await;
        }
        for (field, _) in &fields {
            assert_eq!(titles(&app, Some(&ann), &format!("sort={field},title")).await, ["1", "2", "3"], "{field}");
            assert_eq!(titles(&app, Some(&ann), &format!("sort=-{field},-title")).await, ["3", "2", "1"], "{field}");
        }
    })
    .await;
}

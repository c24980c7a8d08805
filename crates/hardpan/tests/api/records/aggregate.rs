//! `GET /api/v1/{resource}/aggregate`: groups of what the caller may read.
use serde_json::{Value as Json, json};

use super::filter::percent;
use crate::support::{Person, TestApp, on_both};

async fn groups(app: &TestApp, person: &Person, query: &str) -> Json {
    let path = format!("/api/v1/documents/aggregate?{query}");
    app.get(&path).bearer(&person.token).send().await.expect(200).json()["items"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_counted_and_computed_exactly() {
    on_both(async |app| {
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        for (title, state, rank, price, ratio, at) in [
            ("a", "open", json!(1), json!("0.10"), json!(0.5), "2026-01-01T00:00:00Z"),
            ("b", "open", json!(2), json!("0.20"), json!(1.5), "2026-01-03T00:00:00Z"),
            ("é", "open", json!(-4), Json::Null, Json::Null, "2026-01-02T00:00:00.000001Z"),
            ("c", "done", Json::Null, json!("999999.99"), json!(2.0), "2026-01-01T00:00:00Z"),
        ] {
            let body = json!({
                "title": title, "state": state, "rank_int": rank, "price": price, "ratio": ratio, "at": at,
                "day": &at[..10],
            });
            app.create("documents", &ann, &body).await;
        }
        app.create("documents", &bob, &json!({"title": "hidden", "rank_int": 9})).await;
        let query =
            "group=state&sum=rank_int,price,ratio&avg=rank_int,price&min=title,at,day,price&max=title,at,rank_int";
        let expected = json!([
            {
                "group": {"state": "done"}, "count": 1,
                "sum": {"rank_int": null, "price": "999999.99", "ratio": 2.0},
                "avg": {"rank_int": null, "price": "999999.99"},
                "min": {"title": "c", "at": "2026-01-01T00:00:00.000000Z", "day": "2026-01-01", "price": "999999.99"},
                "max": {"title": "c", "at": "2026-01-01T00:00:00.000000Z", "rank_int": null},
            },
            {
                "group": {"state": "open"}, "count": 3,
                "sum": {"rank_int": -1, "price": "0.30", "ratio": 2.0},
                "avg": {"rank_int": "-0.333333", "price": "0.15"},
                "min": {"title": "a", "at": "2026-01-01T00:00:00.000000Z", "day": "2026-01-01", "price": "0.10"},
                "max": {"title": "é", "at": "2026-01-03T00:00:00.000000Z", "rank_int": 2},
            },
        ]);
        assert_eq!(groups(&app, &ann, query).await, expected);
        // Without groups there is one, though it may be of nothing.
        assert_eq!(groups(&app, &ann, "").await, json!([{"group": {}, "count": 4}]));
        let none = groups(&app, &bob, "filter=false&sum=price&avg=price&min=at&max=title").await;
        let expected = json!([{
            "group": {}, "count": 0, "sum": {"price": null}, "avg": {"price": null}, "min": {"at": null},
            "max": {"title": null},
        }]);
        assert_eq!(none, expected);
        // What is done may be read by anyone.
        let filter = percent("record.title != 'x'");
        let expected = json!([{"group": {}, "count": 2, "sum": {"rank_int": 9}}]);
        assert_eq!(groups(&app, &bob, &format!("sum=rank_int&filter={filter}")).await, expected);
        assert_eq!(groups(&app, &bob, "filter=false&group=state").await, json!([]));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_walked_in_pages_nulls_first() {
    on_both(async |app| {
        let ann = app.register("ann@example.com").await;
        for nth in 0..9_i64 {
            let mut body = json!({"title": format!("t{}", nth % 2), "favourite": nth % 2 == 0});
            if nth % 4 != 0 {
                body["rank_int"] = json!(nth % 3);
                body["price"] = json!(format!("{}.50", nth % 2));
                body["at"] = json!(format!("2026-01-0{}T00:00:00Z", nth % 2 + 1));
            }
            app.create("documents", &ann, &body).await;
        }
        for group in ["rank_int", "title,rank_int", "rank_int,favourite,price", "at,state", "owner_id", "folder", "id"]
        {
            let whole = groups(&app, &ann, &format!("group={group}")).await;
            let total: i64 = whole.as_array().unwrap().iter().map(|item| item["count"].as_i64().unwrap()).sum();
            assert_eq!(total, 9, "{group}");
            let (mut walked, mut after) = (Vec::new(), String::new());
            loop {
                let path = format!("/api/v1/documents/aggregate?group={group}&limit=1{after}");
                let page = app.get(&path).bearer(&ann.token).send().await.expect(200).json();
                walked.extend(page["items"].as_array().unwrap().iter().cloned());
                let Some(next) = page["next"].as_str() else { break };
                after = format!("&after={next}");
            }
            assert_eq!(json!(walked), whole, "{group}");
        }
        let first = &groups(&app, &ann, "group=rank_int").await[0];
        assert_eq!(*first, json!({"group": {"rank_int": null}, "count": 3}));
    })
    .await;
}

const APP: &str = r#"
[app]
name = "tested"
[resources.sales.fields]
n = { type = "int" }
d = { type = "decimal", precision = 18, scale = 4 }
f = { type = "float" }
secret = { type = "int", read = "actor.has_role('editor')" }
own = { type = "int", read = "record.owner_id == actor.id" }
[resources.sales.access]
read = "true"
"#;

#[tokio::test(flavor = "multi_thread")]
async fn sums_are_exact_to_the_ends_of_their_types() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let ann = app.register("ann@example.com").await;
        let asked = async |query: &str| app.get(&format!("/api/v1/sales/aggregate?{query}")).send().await;
        for (n, d, f) in [
            (i64::MAX, "99999999999999.9999", 1e308),
            (i64::MIN, "99999999999999.9999", 1e308),
            (i64::MAX, "-0.0001", -1e308),
        ] {
            app.create("sales", &ann, &json!({"n": n, "d": d, "f": f})).await;
        }
        // On the way there the sum of `n` leaves 64 bits, and that of `d` leaves 18 digits for good.
        let item = asked("sum=n,d,f&avg=n,d,f").await.expect(200).json()["items"][0].clone();
        assert_eq!(item["sum"], json!({"n": i64::MAX - 1, "d": "199999999999999.9997", "f": 1e308}));
        assert_eq!(item["avg"]["n"], "3074457345618258602");
        assert_eq!(item["avg"]["d"], "66666666666666.6665666667");
        app.create("sales", &ann, &json!({"n": 2, "f": 1e308})).await;
        for (query, field) in [("sum=n", "sum"), ("sum=f", "sum"), ("avg=f", "avg")] {
            let problem = asked(query).await.expect_problem(400, "bad_query");
            assert_eq!(problem.errors(), [(field.to_owned(), "invalid".to_owned())], "{query}");
        }
        assert_eq!(asked("avg=n").await.expect(200).json()["items"][0]["avg"]["n"], "2305843009213693952");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_hidden_is_in_no_sum() {
    testkit::on_both(async |db| {
        let app = TestApp::with(db, APP, &[]).await;
        let (ann, bob) = (app.register("ann@example.com").await, app.register("bob@example.com").await);
        let editor = app.person("editor@example.com", &["editor"]).await;
        for (person, own) in [(&ann, 1), (&ann, 2), (&bob, 4)] {
            app.create("sales", person, &json!({"n": own, "own": own, "secret": own})).await;
        }
        let asked = async |query: &str, person: &Person| {
            let path = format!("/api/v1/sales/aggregate?{query}");
            app.get(&path).bearer(&person.token).header("x-request-id", "same").send().await
        };
        for (person, sum, avg, min) in [
            (&ann, json!(3), json!("1.5"), json!(1)),
            (&bob, json!(4), json!("4"), json!(4)),
            (&editor, Json::Null, Json::Null, Json::Null),
        ] {
            let page = asked("sum=own&avg=own&min=own", person).await.expect(200).json();
            let expected = json!({
                "group": {}, "count": 3, "sum": {"own": sum}, "avg": {"own": avg}, "min": {"own": min},
            });
            assert_eq!(page["items"][0], expected);
        }
        asked("group=own", &ann).await.expect_problem(400, "bad_query");
        for parameter in ["group", "sum", "avg", "min", "max"] {
            let refused = async |name: &str| {
                let answer = asked(&format!("{parameter}={name}"), &ann).await.expect_problem(400, "bad_query");
                answer.text().replace(name, "NAME")
            };
            assert_eq!(refused("secret").await, refused("madeup").await, "{parameter}");
            asked(&format!("{parameter}=secret"), &editor).await.expect(200);
        }
    })
    .await;
}

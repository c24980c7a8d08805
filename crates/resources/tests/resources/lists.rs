//! Pages by keyset give every row once and in order, whatever the order, nulls included.
use std::sync::Arc;

use kernel::{Code, Limit, schema::Kind};
use resources::{records::ListQuery, schema::Resource};
use serde_json::json;

use crate::support::{World, object};

const TABLE: &str = r#"
[things.fields]
n = { type = "int" }
t = { type = "text", required = true, max_length = 100 }
f = { type = "float" }
d = { type = "decimal", precision = 6, scale = 2 }
b = { type = "bool" }
at = { type = "timestamp" }
[other.fields]
n = { type = "int" }
"#;

#[tokio::test(flavor = "multi_thread")]
async fn every_order_pages_through_every_row_once() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let ctx = world.user(1, &[]);
        let things = world.resource("things");
        for number in 0..23_i64 {
            let n = (number % 4 != 0).then_some(number % 5);
            let t = ["b", "a", "é", "Z", "𝄞", "\u{ffff}"][usize::try_from(number % 6).unwrap()];
            let f = (number % 3 != 0).then(|| format!("{number}.1").parse::<f64>().unwrap());
            let d = (number % 5 != 0).then(|| format!("{}.5", number % 3));
            let b = (number % 2 != 0).then_some(number % 3 == 0);
            let at = (number % 7 != 0).then(|| format!("2024-01-0{}T00:00:00.000001Z", number % 7));
            let body = json!({"n": n, "t": t, "f": f, "d": d, "b": b, "at": at});
            world.records.create(&ctx, &things, object(body)).await.unwrap();
        }
        for sort in [
            "",
            "-id",
            "n",
            "-n",
            "t",
            "-t",
            "f",
            "-f",
            "d",
            "-d",
            "b",
            "-b",
            "at",
            "-at",
            "n,-t",
            "-n,t",
            "b,n,-f",
            "-created_at",
            "t,id",
            "-d,-b,n",
        ] {
            let keys = Some(sort).filter(|sort| !sort.is_empty()).map(str::to_owned);
            let whole = ListQuery { sort: keys.clone(), limit: Limit::new(200).unwrap(), ..ListQuery::default() };
            let whole = world.records.list(&ctx, &things, whole).await.unwrap();
            assert_eq!((whole.items.len(), whole.next), (23, None));
            let mut paged = Vec::new();
            let mut after = None;
            loop {
                let query =
                    ListQuery { sort: keys.clone(), limit: Limit::new(4).unwrap(), after, ..ListQuery::default() };
                let page = world.records.list(&ctx, &things, query).await.unwrap();
                paged.extend(page.items.iter().map(|item| item.id().unwrap()));
                after = page.next;
                if after.is_none() {
                    break;
                }
            }
            let whole: Vec<_> = whole.items.iter().map(|item| item.id().unwrap()).collect();
            assert_eq!(paged, whole, "sort {sort}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn text_sorts_by_code_point_and_nulls_come_first() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let ctx = world.user(1, &[]);
        let things = world.resource("things");
        for t in ["é", "b", "Z", "𝄞", "a", "\u{ffff}"] {
            let n = (t != "b").then_some(1);
            world.records.create(&ctx, &things, object(json!({"t": t, "n": n}))).await.unwrap();
        }
        let texts = async |sort: &str| {
            let query = ListQuery { sort: Some(sort.to_owned()), ..ListQuery::default() };
            let page = world.records.list(&ctx, &things, query).await.unwrap();
            let shown = |item| serde_json::to_value(item).unwrap()["t"].as_str().unwrap().to_owned();
            page.items.iter().map(shown).collect::<Vec<_>>()
        };
        assert_eq!(texts("t").await, ["Z", "a", "b", "é", "\u{ffff}", "𝄞"]);
        assert_eq!(texts("n,t").await, ["b", "Z", "a", "é", "\u{ffff}", "𝄞"]);
        assert_eq!(texts("-n,t").await.last().unwrap(), "b");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cursor_of_another_list_is_refused() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let ctx = world.user(1, &[]);
        let (things, other) = (world.resource("things"), world.resource("other"));
        for _ in 0..3 {
            world.records.create(&ctx, &things, object(json!({"t": "a"}))).await.unwrap();
        }
        let query = |sort: &str, after: Option<String>| ListQuery {
            sort: Some(sort.to_owned()),
            limit: Limit::new(1).unwrap(),
            after,
            ..ListQuery::default()
        };
        let mut changed = Resource::clone(&things);
        let n = changed.columns.iter_mut().find(|column| column.name == "n").unwrap();
        n.kind = Kind::Decimal { precision: 6, scale: 2 };
        let changed = Arc::new(changed);
        let cursor = world.records.list(&ctx, &things, query("n", None)).await.unwrap().next.unwrap();
        assert!(world.records.list(&ctx, &things, query("n", Some(cursor.clone()))).await.is_ok());
        for (resource, sort, after) in [
            (&things, "t", cursor.clone()),
            (&things, "-n", cursor.clone()),
            (&other, "n", cursor.clone()),
            (&changed, "n", cursor.clone()),
            (&things, "n", cursor[..cursor.len() - 1].to_owned()),
            (&things, "n", "made-up".to_owned()),
            (&things, "n", String::new()),
        ] {
            let error = world.records.list(&ctx, resource, query(sort, Some(after.clone()))).await.unwrap_err();
            assert_eq!(error.code(), Code::BadCursor, "{} {sort} {after}", resource.name);
        }
    })
    .await;
}

//! Walking forward and backward over random rows, in random orders and pages of random sizes, meets them as a sort in memory has them.
use std::cmp::Ordering;

use kernel::{Limit, Value};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use resources::records::{ListQuery, Listing, Shown};
use serde_json::{Value as Json, json};

use crate::support::{World, object};

const TABLE: &str = r#"
[things]
indexes = [["n", "t"], ["must", "at"]]
[things.fields]
n = { type = "int" }
must = { type = "int", required = true }
t = { type = "text", max_length = 100 }
f = { type = "float" }
d = { type = "decimal", precision = 6, scale = 2 }
b = { type = "bool" }
e = { type = "enum", values = ["x", "y"], default = "x" }
at = { type = "timestamp" }
day = { type = "date" }
"#;

const ROUNDS: usize = 40;

fn row() -> impl Strategy<Value = Json> {
    (
        (option::of(prop::sample::select(vec![i64::MIN, -1, 0, i64::MAX])), 0..3_i64),
        option::of(prop::sample::select(vec!["", "a", "B", "é", "𝄞", "\u{ffff}"])),
        option::of(prop::sample::select(vec![-1.5, 0.0, 0.1, 1e300])),
        option::of(prop::sample::select(vec!["-1", "0.10", "9999.99"])),
        option::of(any::<bool>()),
        prop::sample::select(vec!["x", "y"]),
        option::of(prop::sample::select(vec!["1999-01-01T00:00:00Z", "2199-01-01T00:00:00.000001Z"])),
        option::of(prop::sample::select(vec!["0999-12-31", "2026-10-01"])),
    )
        .prop_map(|((n, must), t, f, d, b, e, at, day)| {
            json!({"n": n, "must": must, "t": t, "f": f, "d": d, "b": b, "e": e, "at": at, "day": day})
        })
}

/// One to four fields, each with a direction.
fn order() -> impl Strategy<Value = Vec<(&'static str, bool)>> {
    let fields = vec!["n", "must", "t", "f", "d", "b", "e", "at", "day", "created_at", "version", "id"];
    (prop::sample::subsequence(fields, 1..=4).prop_shuffle(), vec(any::<bool>(), 4))
        .prop_map(|(fields, directions)| fields.into_iter().zip(directions).collect())
}

fn generate<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

/// Null before everything; text by code point, which the bytes of UTF-8 have in order too.
fn compare(left: &Value, right: &Value) -> Ordering {
    match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Null, _) => Ordering::Less,
        (_, Value::Null) => Ordering::Greater,
        (Value::Int(left), Value::Int(right)) => left.cmp(right),
        (Value::Bool(left), Value::Bool(right)) => left.cmp(right),
        (Value::Float(left), Value::Float(right)) => left.total_cmp(right),
        (Value::Decimal(left), Value::Decimal(right)) => left.cmp(right),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Uuid(left), Value::Uuid(right)) => left.cmp(right),
        (Value::Timestamp(left), Value::Timestamp(right)) => left.cmp(right),
        _ => panic!("{left:?} and {right:?} stand in one column"),
    }
}

/// The ids in this order, ties by id in the direction of the last key.
fn sorted(all: &[Shown], order: &[(&str, bool)]) -> Vec<kernel::Uuid> {
    let mut keys = order.to_vec();
    keys.push(("id", order.last().unwrap().1));
    let mut all: Vec<&Shown> = all.iter().collect();
    all.sort_by(|left, right| {
        let by = |(name, is_descending): &(&str, bool)| {
            let place = left.resource.column(name).unwrap().0;
            let order = compare(&left.values[place], &right.values[place]);
            if *is_descending { order.reverse() } else { order }
        };
        keys.iter().map(by).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    });
    all.iter().map(|item| item.id().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_walk_meets_what_a_sort_in_memory_has() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let mut runner = TestRunner::new_with_rng(Config::default(), TestRng::deterministic_rng(RngAlgorithm::ChaCha));
        let things = world.resource("things");
        let ctx = world.user(1, &[]);
        for _ in 0..40 {
            let body = object(generate(&row(), &mut runner));
            world.records.create(&ctx, &things, body).await.unwrap();
        }
        let query = ListQuery { limit: Limit::new(200).unwrap(), ..ListQuery::default() };
        let all = world.records.list(&ctx, &things, query).await.unwrap().items;
        assert_eq!(all.len(), 40);
        for _ in 0..ROUNDS {
            let order = generate(&order(), &mut runner);
            let limit = generate(&(1..12_i64), &mut runner);
            let sort: Vec<String> = order
                .iter()
                .map(|(name, is_descending)| format!("{}{name}", if *is_descending { "-" } else { "" }))
                .collect();
            let sort = sort.join(",");
            let expected = sorted(&all, &order);
            let page = async |after: Option<String>, before: Option<String>| -> Listing {
                let limit = Limit::new(limit).unwrap();
                let query = ListQuery { sort: Some(sort.clone()), limit, after, before, ..ListQuery::default() };
                world.records.list(&ctx, &things, query).await.unwrap()
            };
            let ids = |page: &Listing| page.items.iter().map(|item| item.id().unwrap()).collect::<Vec<_>>();
            let mut pages = vec![page(None, None).await];
            assert_eq!(pages[0].prev, None);
            while let Some(after) = pages.last().unwrap().next.clone() {
                pages.push(page(Some(after), None).await);
            }
            let forward: Vec<_> = pages.iter().flat_map(ids).collect();
            assert_eq!(forward, expected, "{sort} by {limit}");
            // Back again: the same pages, each of which leads forth again.
            let mut at = pages.pop().unwrap();
            while let Some(before) = at.prev.clone() {
                let forth = at;
                at = page(None, Some(before)).await;
                assert_eq!(ids(&at), ids(&pages.pop().unwrap()), "{sort} by {limit}, backward");
                assert_eq!(ids(&page(at.next.clone(), None).await), ids(&forth), "{sort} by {limit}, forth again");
            }
            assert!(pages.is_empty(), "{sort} by {limit}: the way back ended early");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_became_empty_leads_back_to_all_there_is() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let (things, ctx) = (world.resource("things"), world.user(1, &[]));
        for sort in ["must", "-must", "n", "-n", "must,-n", "id", "n,at"] {
            let mut ids = Vec::new();
            for nth in 0..6 {
                let n = [None, None, Some(1), Some(1), Some(2), None][usize::try_from(nth).unwrap()];
                let body = object(json!({"must": nth, "n": n}));
                ids.push(world.records.create(&ctx, &things, body).await.unwrap().id().unwrap());
            }
            let page = async |after: Option<String>, before: Option<String>| -> Listing {
                let (sort, limit) = (Some(sort.to_owned()), Limit::new(2).unwrap());
                let query = ListQuery { sort, limit, after, before, ..ListQuery::default() };
                world.records.list(&ctx, &things, query).await.unwrap()
            };
            let shown = |page: &Listing| page.items.iter().map(|item| item.id().unwrap()).collect::<Vec<_>>();
            let first = page(None, None).await;
            let second = page(first.next.clone(), None).await;
            let third = page(second.next.clone(), None).await;
            let delete = async |ids: &[kernel::Uuid]| {
                for id in ids {
                    world.records.delete(&ctx, &things, *id, None).await.unwrap();
                }
            };
            // Forward into nothing, and back.
            delete(&shown(&third)).await;
            let empty = page(second.next.clone(), None).await;
            assert_eq!((shown(&empty), &empty.next), (vec![], &None), "{sort}");
            let back = page(None, empty.prev).await;
            assert_eq!(shown(&back), shown(&second), "{sort}");
            // A page that is reached so has the same neighbours as any.
            assert_eq!(shown(&page(None, back.prev.clone()).await), shown(&first), "{sort}");
            assert!(shown(&page(back.next.clone(), None).await).is_empty(), "{sort}");
            // Backward into nothing, and forth.
            delete(&shown(&first)).await;
            let empty = page(None, back.prev).await;
            assert_eq!((shown(&empty), &empty.prev), (vec![], &None), "{sort}");
            assert_eq!(shown(&page(empty.next, None).await), shown(&second), "{sort}");
            delete(&shown(&second)).await;
        }
    })
    .await;
}

//! A rule means the same in memory, on SQLite and on PostgreSQL: generated rules against generated rows.
use std::sync::Arc;

use kernel::{Actor, Code, Limit};
use proptest::{
    collection::vec,
    option,
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config, TestRng, TestRunner},
};
use resources::records::{ListQuery, Records};
use serde_json::{Value as Json, json};

use crate::support::{World, declare, keyring, object, user};

const TABLE: &str = r#"
[things]
owner = "user"
[things.fields]
n = { type = "int" }
m = { type = "int" }
f = { type = "float" }
d = { type = "decimal", precision = 6, scale = 2 }
b = { type = "bool" }
t = { type = "text" }
e = { type = "enum", values = ["x", "y"] }
day = { type = "date" }
at = { type = "timestamp" }
must = { type = "int", required = true }
"#;

fn comparison() -> impl Strategy<Value = String> {
    let ordered = prop::sample::select(vec!["==", "!=", "<", "<=", ">", ">="]);
    let equal = prop::sample::select(vec!["==", "!="]);
    let int = prop::sample::select(vec!["-9223372036854775808", "-1", "0", "1", "9223372036854775807"]);
    let float = prop::sample::select(vec!["-1.5", "0", "0.1", "1"]);
    let decimal = prop::sample::select(vec!["-1", "0", "0.10", "9999.99"]);
    let text = prop::sample::select(vec!["''", "'a'", "'B'", "'é'", "'𝄞'", "'\u{ffff}'", "'it\\'s'"]);
    prop_oneof![
        (ordered.clone(), int.clone()).prop_map(|(op, v)| format!("record.n {op} {v}")),
        (ordered.clone(), int.clone()).prop_map(|(op, v)| format!("{v} {op} record.must")),
        (ordered.clone(), float).prop_map(|(op, v)| format!("record.f {op} {v}")),
        (ordered.clone(), decimal).prop_map(|(op, v)| format!("record.d {op} {v}")),
        (ordered.clone(), text).prop_map(|(op, v)| format!("record.t {op} {v}")),
        ordered.clone().prop_map(|op| format!("record.n {op} record.m")),
        ordered.clone().prop_map(|op| format!("record.n {op} record.must")),
        ordered.prop_map(|op| format!("record.created_at {op} record.at")),
        equal.clone().prop_map(|op| format!("record.e {op} 'x'")),
        (equal.clone(), prop::sample::select(vec!["n", "f", "d", "b", "t", "e", "day", "at", "must", "owner_id"]))
            .prop_map(|(op, field)| format!("record.{field} {op} null")),
        equal.clone().prop_map(|op| format!("record.owner_id {op} actor.id")),
        equal.prop_map(|op| format!("actor.id {op} record.owner_id")),
        Just("record.b".to_owned()),
        Just("record.b == false".to_owned()),
        Just("actor.is_authenticated".to_owned()),
        Just("actor.has_role('reader')".to_owned()),
        vec(int, 0..3).prop_map(|items| format!("record.n in [{}]", items.join(", "))),
        Just("record.t in ['a', null]".to_owned()),
    ]
}

fn rule() -> impl Strategy<Value = String> {
    comparison().prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|rule| format!("!({rule})")),
            (inner.clone(), inner.clone()).prop_map(|(left, right)| format!("({left} && {right})")),
            (inner.clone(), inner).prop_map(|(left, right)| format!("({left} || {right})")),
        ]
    })
}

fn row() -> impl Strategy<Value = Json> {
    let int = || prop::sample::select(vec![i64::MIN, -1, 0, 1, i64::MAX]);
    (
        (option::of(int()), option::of(int()), int()),
        option::of(prop::sample::select(vec![-1.5, 0.0, 0.1, 1.0])),
        option::of(prop::sample::select(vec!["-1", "0", "0.1", "9999.99"])),
        option::of(any::<bool>()),
        option::of(prop::sample::select(vec!["", "a", "B", "é", "𝄞", "\u{ffff}", "it's"])),
        option::of(prop::sample::select(vec!["x", "y"])),
        option::of(Just("2024-02-29")),
        option::of(prop::sample::select(vec!["1999-01-01T00:00:00Z", "2199-01-01T00:00:00.000001Z"])),
    )
        .prop_map(|((n, m, must), f, d, b, t, e, day, at)| {
            json!({"n": n, "m": m, "must": must, "f": f, "d": d, "b": b, "t": t, "e": e, "day": day, "at": at})
        })
}

fn runner() -> TestRunner {
    let rng = TestRng::deterministic_rng(prop::test_runner::RngAlgorithm::ChaCha);
    TestRunner::new_with_rng(Config::default(), rng)
}

fn generate<T>(strategy: &impl Strategy<Value = T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).unwrap().current()
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_and_both_engines_agree() {
    testkit::on_both(async |db| {
        let world = World::new(db, TABLE).await;
        let mut runner = runner();
        let things = world.resource("things");
        for number in 0..40 {
            let body = object(generate(&row(), &mut runner));
            world.records.create(&world.user(number % 3, &[]), &things, body).await.unwrap();
        }
        let page = world.records.list(&world.system(), &things, all()).await.unwrap();
        assert_eq!(page.items.len(), 40);
        let actors = [Actor::Anonymous, user(1, &[]), user(2, &["reader"])];
        for _ in 0..cases() {
            let text = generate(&rule(), &mut runner);
            let declared = format!("{TABLE}[things.access]\nread = {}", toml::Value::String(text.clone()));
            let declared = Records::new(declare(&declared), &keyring()).unwrap();
            let things = declared.declaration().find("things").unwrap();
            for actor in &actors {
                let bound = things.rules.read.bind(actor, kernel::Timestamp::from_micros(0));
                let matching = page.items.iter().filter(|record| bound.matches(&record.values));
                let in_memory: Vec<_> = matching.map(|record| record.id().unwrap()).collect();
                let ctx = world.source.ctx(actor.clone(), Arc::default());
                let in_sql: Vec<_> = match declared.list(&ctx, things, all()).await {
                    Ok(page) => page.items.iter().map(|record| record.id().unwrap()).collect(),
                    // What can hold for nobody anonymous is told before anything is read.
                    Err(error) => {
                        assert_eq!((error.code(), actor.is_authenticated()), (Code::Unauthenticated, false), "{text}");
                        Vec::new()
                    }
                };
                assert_eq!(in_memory, in_sql, "{text} for {actor:?}");
            }
        }
    })
    .await;
}

/// 300 rules by default, each for three actors; `HARDPAN_RULE_CASES` asks for more.
fn cases() -> u32 {
    option_env!("HARDPAN_RULE_CASES").and_then(|cases| cases.parse().ok()).unwrap_or(300)
}

fn all() -> ListQuery {
    ListQuery { limit: Limit::new(200).unwrap(), ..ListQuery::default() }
}

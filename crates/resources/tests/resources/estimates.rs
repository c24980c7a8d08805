//! Estimates of lists that are too long to be counted in passing.
use futures_util::FutureExt as _;
use kernel::Limit;
use resources::records::{Count, Counting, ListQuery};
use testkit::Engine;

use crate::support::World;

/// By a name the statements that estimate might use themselves.
const TABLE: &str = r#"
[probe.fields]
n = { type = "int" }
[probe.access]
read = "true"
"#;

/// So many that neither engine counts them for an estimate.
const SQLITE: &str = "INSERT INTO probe (id, owner_id, created_at, updated_at, version, n)
    WITH RECURSIVE rows(nth) AS (SELECT 1 UNION ALL SELECT nth + 1 FROM rows WHERE nth < 40000)
    SELECT randomblob(16), zeroblob(16), 0, 0, 1, abs(random()) % 100 FROM rows";
const POSTGRES: &str = "INSERT INTO probe (id, owner_id, created_at, updated_at, version, n)
    SELECT gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 0, 0, 1, floor(random() * 100)
    FROM generate_series(1, 600000) AS rows(nth); ANALYZE probe";

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_near_the_count() {
    testkit::on_both(async |db| {
        let fill = if db.engine == Engine::Sqlite { SQLITE } else { POSTGRES };
        let world = World::new(db, TABLE).await;
        let (things, ctx) = (world.resource("probe"), world.user(1, &[]));
        world.system().alter(move |_, tx| async move { tx.batch(fill).await }.boxed()).await.unwrap();
        let counted = async |filter: &str, count| {
            let (filter, limit) = (Some(filter.to_owned()), Limit::new(1).unwrap());
            let query = ListQuery { filter, limit, count: Some(count), ..ListQuery::default() };
            match world.records.list(&ctx, &things, query).await.unwrap().count.unwrap() {
                Count::Exact(count) | Count::Estimated(count) => count,
            }
        };
        for filter in ["true", "record.n < 50", "record.n == 7"] {
            let exact = counted(filter, Counting::Exact).await;
            let estimated = counted(filter, Counting::Estimated).await;
            assert!((estimated - exact).abs() * 2 <= exact, "{filter}: {estimated} for {exact}");
        }
        let exact = counted("record.n < 50", Counting::Exact).await;
        assert_ne!(counted("record.n < 50", Counting::Estimated).await, exact, "it was counted");
    })
    .await;
}

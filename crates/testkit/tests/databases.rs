//! Databases of tests are their own, whatever they were made from.
#![allow(clippy::expect_used, reason = "helpers of tests end by panicking as tests do")]
use std::sync::atomic::{AtomicU32, Ordering};

use store::{Ctx, Migration, migrate};
use testkit::{Engine, TestDb, on_both};

const NOTES: Migration =
    Migration { id: "202611210900_create_notes", sql: "CREATE TABLE notes (id {int} NOT NULL PRIMARY KEY) {strict};" };

async fn are_applied(database: &TestDb) -> bool {
    migrate::apply(&database.ctx(), &[NOTES]).await.expect("migrations").is_empty()
}

#[tokio::test]
async fn each_database_is_empty() {
    on_both(async |database: TestDb| {
        assert!(!are_applied(&database).await);
        assert!(are_applied(&database).await);
    })
    .await;
}

#[tokio::test]
async fn a_template_is_made_once_and_copied() {
    let made = AtomicU32::new(0);
    let prepare = async |ctx: &Ctx| {
        made.fetch_add(1, Ordering::Relaxed);
        migrate::apply(ctx, &[NOTES]).await.expect("migrations");
    };
    for engine in Engine::BOTH {
        let one = TestDb::from_template(engine, "notes", prepare).await;
        let other = TestDb::from_template(engine, "notes", prepare).await;
        assert!(are_applied(&one).await && are_applied(&other).await);
        assert_ne!(one.url(), other.url());
    }
    assert_eq!(made.load(Ordering::Relaxed), 2, "once for each engine");
}

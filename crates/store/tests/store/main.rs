//! What both engines promise, tested on both.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "helpers of tests end by panicking as tests do"
)]
mod bounds;
mod cancellation;
mod contention;
mod copy;
mod group_commit;
mod isolation;
mod migrations;
mod opening;
mod outage;
mod replicas;
mod statements;
mod transactions;
mod values;
mod violations;

use futures_util::FutureExt as _;
use kernel::{Result, Uuid, Value};
use store::Ctx;
use testkit::TestDb;

/// Makes tables, with the placeholders of migrations.
async fn create(database: &TestDb, sql: &'static str) {
    let sql = database.db.dialect().fill(sql);
    database.ctx().alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await.unwrap();
}

/// A table of names, unique by an index called `notes_name`.
async fn create_notes(database: &TestDb) {
    create(
        database,
        "CREATE TABLE notes (id {id} NOT NULL PRIMARY KEY, name {text} NOT NULL) {strict};
         CREATE UNIQUE INDEX notes_name ON notes (name);",
    )
    .await;
}

const INSERT: &str = "INSERT INTO notes (id, name) VALUES ($1, $2)";

fn note(number: u64) -> [Value; 2] {
    [Uuid::from_u64_pair(0, number).into(), format!("note {number}").into()]
}

async fn insert(ctx: &Ctx, number: u64) -> Result<u64> {
    ctx.write(move |_, tx| async move { tx.execute(INSERT, &note(number)).await }.boxed()).await
}

async fn count_notes(database: &TestDb) -> i64 {
    let sql = "SELECT count(*) FROM notes";
    database.ctx().read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get(0) }.boxed()).await.unwrap()
}

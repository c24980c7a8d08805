//! PostgreSQL goes away and comes back.
use futures_util::{FutureExt as _, future::join_all};
use kernel::Code;
use testkit::{Engine, TestDb};
use tokio_postgres::NoTls;

use crate::{INSERT, count_notes, create_notes, insert, note};

/// Ends every connection of the pool from outside, as a restart does.
async fn end_all_connections(database: &TestDb) {
    let (client, connection) = tokio_postgres::connect(&database.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    // Ending takes them a moment.
    while client.execute(sql, &[]).await.unwrap() > 0 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_connections_do_not_cost_a_request_each() {
    let database = TestDb::open_with(Engine::Postgres, |options| (options.pool_min, options.pool_max) = (0, 8)).await;
    create_notes(&database).await;
    let ctx = database.ctx();
    let answers = join_all((0..32).map(|number| insert(&ctx, number))).await;
    assert!(answers.iter().all(Result::is_ok));
    end_all_connections(&database).await;
    // A request that comes at the very moment may fail; after that it is as before. There were eight.
    let mut failures = 0;
    for number in 100..132 {
        if let Err(error) = insert(&ctx, number).await {
            assert_eq!(error.code(), Code::Unavailable, "{error:?}");
            failures += 1;
        }
    }
    assert!(failures <= 2, "{failures} requests paid for dead connections");
    assert_eq!(count_notes(&database).await, 64 - failures);
}

#[tokio::test]
async fn a_connection_lost_midway_is_503_and_writes_nothing() {
    let database = TestDb::open(Engine::Postgres).await;
    create_notes(&database).await;
    let answer = database
        .ctx()
        .write(|_, tx| {
            async move {
                tx.execute(INSERT, &note(1)).await?;
                tx.query("SELECT pg_terminate_backend(pg_backend_pid())", &[]).await.map(|_| ())
            }
            .boxed()
        })
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Unavailable);
    assert_eq!(count_notes(&database).await, 0);
    assert_eq!(insert(&database.ctx(), 1).await.unwrap(), 1);
}

/// After a change of the schema prepared statements may no longer fit. PostgreSQL says so once for each connection.
#[tokio::test]
async fn statements_the_schema_has_outgrown_are_prepared_anew() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| (options.pool_min, options.pool_max) = (0, 1)).await;
        create_notes(&database).await;
        insert(&database.ctx(), 1).await.unwrap();
        let columns = || {
            let ctx = database.ctx();
            async move {
                let row = ctx.read(|_, tx| async move { tx.query_one("SELECT * FROM notes", &[]).await }.boxed()).await;
                row.map(|row| row.into_values().len())
            }
        };
        assert_eq!(columns().await.unwrap(), 2, "{engine:?}");
        crate::create(&database, "ALTER TABLE notes ADD COLUMN body {text}").await;
        if engine == Engine::Postgres {
            let error = columns().await.unwrap_err();
            assert_eq!(error.code(), Code::Unavailable, "{error:?}");
        }
        assert_eq!(columns().await.unwrap(), 3, "{engine:?}");
    }
}

/// Whoever is at work when the database is closed may finish.
#[tokio::test]
async fn closing_waits_for_transactions_under_way() {
    let database = TestDb::open(Engine::Postgres).await;
    create_notes(&database).await;
    let ctx = database.ctx();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let slow = tokio::spawn(async move {
        ctx.write(|_, tx| {
            async move {
                tx.execute(INSERT, &note(1)).await?;
                let _ = begun.send(());
                tx.query("SELECT 1 FROM (SELECT pg_sleep(0.2)) AS slept", &[]).await
            }
            .boxed()
        })
        .await
    });
    has_begun.await.unwrap();
    database.db.close().await;
    assert!(slow.is_finished());
    slow.await.unwrap().unwrap();
    assert_eq!(insert(&database.ctx(), 2).await.unwrap_err().code(), Code::Unavailable);
}

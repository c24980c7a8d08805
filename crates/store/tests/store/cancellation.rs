//! Callers who go away midway leave nothing behind.
use std::time::Duration;

use futures_util::FutureExt as _;
use kernel::{Code, Result};
use testkit::{Engine, TestDb, on_both};
use tokio::time::timeout;

use crate::{INSERT, count_notes, create_notes, insert, note};

/// A dropped call must not hand its open transaction to the next user of the connection.
#[tokio::test]
async fn a_transaction_dropped_midway_is_undone() {
    let database = TestDb::open_with(Engine::Postgres, |options| (options.pool_min, options.pool_max) = (0, 1)).await;
    create_notes(&database).await;
    for number in 0..5 {
        let ctx = database.ctx();
        let abandoned = ctx.write(move |_, tx| {
            async move {
                tx.execute(INSERT, &note(number)).await?;
                std::future::pending::<Result<()>>().await
            }
            .boxed()
        });
        assert!(timeout(Duration::from_millis(100), abandoned).await.is_err());
        // The one connection comes back by itself, empty-handed.
        assert_eq!(count_notes(&database).await, 0);
    }
    assert_eq!(insert(&database.ctx(), 1).await.unwrap(), 1);
    assert_eq!(count_notes(&database).await, 1);
}

/// At whatever point a call is dropped, even between its bytes: what remains is all or nothing, and the pool is sound.
#[tokio::test]
async fn calls_dropped_at_any_point_are_all_or_nothing() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        for polls in 0..40_u64 {
            let ctx = database.ctx();
            let call = ctx.write(move |_, tx| {
                async move {
                    tx.execute(INSERT, &note(polls * 2)).await?;
                    tx.execute(INSERT, &note(polls * 2 + 1)).await
                }
                .boxed()
            });
            let mut call = Box::pin(call);
            for _ in 0..polls {
                if (&mut call).now_or_never().is_some() {
                    break;
                }
                tokio::task::yield_now().await;
            }
            drop(call);
        }
        // Behind whatever is still running.
        insert(&database.ctx(), 1000).await.unwrap();
        let sql = "SELECT count(*) FROM notes";
        let all: i64 = database
            .ctx()
            .write(move |_, tx| async move { tx.query_one(sql, &[]).await?.get(0) }.boxed())
            .await
            .unwrap();
        assert_eq!(all % 2, 1, "{all} notes: some call left half of its work");
        database.db.ping().await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_read_dropped_midway_does_not_answer_the_next() {
    let database = TestDb::open_with(Engine::Postgres, |options| (options.pool_min, options.pool_max) = (0, 1)).await;
    let ctx = database.ctx();
    let slow = ctx.read(|_, tx| async move { tx.query("SELECT 1, pg_sleep(0.3)", &[]).await }.boxed());
    assert!(timeout(Duration::from_millis(50), slow).await.is_err());
    let ctx = database.ctx();
    let row = ctx.read(|_, tx| async move { tx.query_one("SELECT CAST(2 AS bigint)", &[]).await }.boxed()).await;
    assert_eq!(row.unwrap().get::<i64>(0).unwrap(), 2);
}

/// A body that gives up on one of its statements does not know what became of it.
#[tokio::test]
async fn a_statement_dropped_midway_spoils() {
    // Rolling back waits for the statement, which the server ends.
    let bound = Duration::from_millis(200);
    let database = TestDb::open_with(Engine::Postgres, |options| options.statement = bound).await;
    create_notes(&database).await;
    let answer = database
        .ctx()
        .write(|_, tx| {
            async move {
                tx.execute(INSERT, &note(1)).await?;
                let slow = tx.query("SELECT 1 FROM (SELECT pg_sleep(5)) AS slept", &[]);
                assert!(timeout(Duration::from_millis(20), slow).await.is_err());
                Ok(())
            }
            .boxed()
        })
        .await;
    assert_eq!(answer.unwrap_err().code(), Code::Internal);
    assert_eq!(count_notes(&database).await, 0);
}

/// Who goes away before the turn comes takes the job along.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_job_nobody_waits_for_is_not_begun() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let (release, released) = std::sync::mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let ctx = database.ctx();
    let held = tokio::spawn(async move {
        ctx.write(move |_, _| {
            async move {
                let _ = started.send(());
                released.recv().unwrap();
                Ok(())
            }
            .boxed()
        })
        .await
    });
    has_started.await.unwrap();
    let ctx = database.ctx();
    assert!(insert(&ctx, 1).now_or_never().is_none());
    let kept = insert(&ctx, 2);
    let mut kept = Box::pin(kept);
    assert!((&mut kept).now_or_never().is_none());
    release.send(()).unwrap();
    held.await.unwrap().unwrap();
    assert_eq!(kept.await.unwrap(), 1);
    assert_eq!(count_notes(&database).await, 1);
}

/// Closing finishes what was accepted and refuses the rest.
#[tokio::test]
async fn closing_finishes_what_was_accepted() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let ctx = database.ctx();
    let mut accepted: Vec<_> = (0..50).map(|number| Box::pin(insert(&ctx, number))).collect();
    for call in &mut accepted {
        assert!(call.now_or_never().is_none_or(|answer| answer.is_ok()));
    }
    database.db.close().await;
    let error = insert(&ctx, 99).await.unwrap_err();
    assert_eq!(error.code(), Code::Unavailable);
    let again = store::Db::open(database.options()).await.unwrap();
    let ctx = store::Source { db: again, ..database.source.clone() }.system("test");
    let count =
        ctx.read(|_, tx| async move { tx.query_one("SELECT count(*) FROM notes", &[]).await?.get::<i64>(0) }.boxed());
    assert_eq!(count.await.unwrap(), 50);
}

//! Rows, time, queues and the right to write are bounded.
use std::{sync::mpsc, time::Duration};

use futures_util::FutureExt as _;
use kernel::{Code, Result};
use testkit::{Engine, TestDb, on_both};

use crate::{INSERT, count_notes, create_notes, insert, note};

/// Counts for minutes on either engine.
const ENDLESS: &str =
    "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) SELECT count(*) FROM n";

#[tokio::test]
async fn too_many_rows_are_an_error() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| options.rows = 10).await;
        let series = |last: u32| {
            let sql = format!(
                "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {last}) SELECT i FROM n"
            );
            let ctx = database.ctx();
            async move { ctx.read(move |_, tx| async move { tx.query(&sql, &[]).await }.boxed()).await }
        };
        assert_eq!(series(10).await.unwrap().len(), 10, "{engine:?}");
        let error = series(11).await.unwrap_err();
        assert_eq!(error.code(), Code::Internal, "{engine:?}");
        assert!(format!("{error:?}").contains("more than 10 rows"), "{error:?}");
        // Far past the bound: the rest of the answer must not come back to the next caller.
        assert!(series(100_000).await.is_err(), "{engine:?}");
        assert_eq!(series(3).await.unwrap().len(), 3, "{engine:?}");
    }
}

#[tokio::test]
async fn a_statement_that_takes_too_long_is_stopped() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| options.statement = Duration::from_millis(300)).await;
        create_notes(&database).await;
        let ctx = database.ctx();
        let answer = ctx.read(|_, tx| async move { tx.query(ENDLESS, &[]).await }.boxed()).await;
        assert_eq!(answer.unwrap_err().code(), Code::Timeout, "{engine:?}");
        let answer = ctx.write(|_, tx| {
            async move {
                tx.execute(INSERT, &note(1)).await?;
                tx.query(ENDLESS, &[]).await
            }
            .boxed()
        });
        assert_eq!(answer.await.unwrap_err().code(), Code::Timeout, "{engine:?}");
        assert_eq!(count_notes(&database).await, 0, "{engine:?}");
        // One slow statement does not make the next ones late.
        assert_eq!(insert(&ctx, 1).await.unwrap(), 1, "{engine:?}");
    }
}

#[tokio::test]
async fn a_change_of_the_schema_may_take_its_time() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| options.statement = Duration::from_millis(50)).await;
        let slow =
            "CREATE TABLE numbers AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000)
                    SELECT i FROM n;";
        let answer = database.ctx().alter(move |_, tx| async move { tx.batch(slow).await }.boxed()).await;
        answer.unwrap();
    }
}

#[tokio::test]
async fn a_read_cannot_write() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let ctx = database.ctx();
        // The same text once prepared by a writer must be refused to a reader.
        ctx.write(|_, tx| async move { tx.execute("DELETE FROM notes", &[]).await }.boxed()).await.unwrap();
        for sql in [
            "INSERT INTO notes (id, name) SELECT id, name FROM notes",
            "DELETE FROM notes",
            "UPDATE notes SET name = 'x'",
            "CREATE TABLE others (a int)",
            "DROP TABLE notes",
        ] {
            let answer = ctx.read(move |_, tx| async move { tx.execute(sql, &[]).await }.boxed()).await;
            assert_eq!(answer.unwrap_err().code(), Code::Internal, "{sql}");
        }
        let answer = ctx.read(|_, tx| async move { tx.batch("DROP TABLE notes").await }.boxed()).await;
        assert_eq!(answer.unwrap_err().code(), Code::Internal);
        let answer = ctx.read(|_, tx| async move { tx.lock("key").await }.boxed()).await;
        assert_eq!(answer.unwrap_err().code(), Code::Internal);
        assert_eq!(count_notes(&database).await, 0);
    })
    .await;
}

/// One connection, or the one writer, is held; one caller may wait; the next is told to come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_full_queue_is_said_at_once() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| {
            (options.queue, options.pool_min, options.pool_max) = (1, 0, 1);
        });
        let database = database.await;
        create_notes(&database).await;
        let (held, release) = hold(&database).await;
        let ctx = database.ctx();
        let mut waiting = Box::pin(insert(&ctx, 1));
        assert!((&mut waiting).now_or_never().is_none(), "it waits from its first poll on");
        let error = insert(&ctx, 2).now_or_never().and_then(Result::err).expect("an answer at once");
        assert_eq!(error.code(), Code::Overloaded, "{engine:?}");
        assert!(error.retry_after().is_some(), "{engine:?}");
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        assert_eq!(waiting.await.unwrap(), 1, "{engine:?}");
        assert_eq!(count_notes(&database).await, 1, "{engine:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn waiting_has_an_end_and_who_was_sent_away_writes_nothing() {
    for engine in Engine::BOTH {
        let database = TestDb::open_with(engine, |options| {
            (options.wait, options.pool_min, options.pool_max) = (Duration::from_millis(50), 0, 1);
        });
        let database = database.await;
        create_notes(&database).await;
        let (held, release) = hold(&database).await;
        let error = insert(&database.ctx(), 1).await.unwrap_err();
        assert_eq!(error.code(), Code::Overloaded, "{engine:?}");
        release.send(()).unwrap();
        held.await.unwrap().unwrap();
        assert_eq!(insert(&database.ctx(), 2).await.unwrap(), 1, "{engine:?}");
        assert_eq!(count_notes(&database).await, 1, "{engine:?}");
    }
}

type Held = (tokio::task::JoinHandle<Result<()>>, mpsc::Sender<()>);

/// Occupies the writer or the only connection until told otherwise.
async fn hold(database: &TestDb) -> Held {
    let (release, released) = mpsc::channel::<()>();
    let (started, has_started) = tokio::sync::oneshot::channel();
    let ctx = database.ctx();
    let held = tokio::spawn(async move {
        ctx.write(move |_, tx| {
            async move {
                tx.query("SELECT 1", &[]).await?;
                let _ = started.send(());
                // Blocks its thread, as a slow disk would.
                tokio::task::block_in_place(|| released.recv()).unwrap();
                Ok(())
            }
            .boxed()
        })
        .await
    });
    has_started.await.unwrap();
    (held, release)
}

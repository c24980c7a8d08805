//! What transactions see of each other, and how they keep out of each other's way.
use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::join_all};
use kernel::Result;
use testkit::{Engine, TestDb, on_both};
use tokio::{sync::Barrier, time::timeout};

use crate::{INSERT, count_notes, create, create_notes, insert, note};

/// Check, then write: without the lock PostgreSQL lets several through.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_lock_makes_check_then_write_safe() {
    on_both(async |database: TestDb| {
        create(&database, "CREATE TABLE seats (id {int} NOT NULL PRIMARY KEY) {strict};").await;
        let ctx = database.ctx();
        let take = |number: i64| {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                ctx.write(move |_, tx| {
                    async move {
                        tx.lock("seats").await?;
                        let taken: i64 = tx.query_one("SELECT count(*) FROM seats", &[]).await?.get(0)?;
                        if taken < 3 {
                            tx.execute("INSERT INTO seats VALUES ($1)", &[number.into()]).await?;
                        }
                        Ok(taken < 3)
                    }
                    .boxed()
                })
                .await
            })
        };
        let answers = join_all((0..32).map(take)).await;
        let got = answers.into_iter().filter(|answer| *answer.as_ref().unwrap().as_ref().unwrap()).count();
        assert_eq!(got, 3);
    })
    .await;
}

/// The same on PostgreSQL, arranged so that without the lock both would see a free seat: the first waits before it writes until
/// the second has looked too, which the lock does not let happen.
#[tokio::test]
async fn a_lock_keeps_the_second_from_looking() {
    let database = TestDb::open(Engine::Postgres).await;
    create(&database, "CREATE TABLE seats (id {int} NOT NULL PRIMARY KEY) {strict};").await;
    let both_looked = Arc::new(Barrier::new(2));
    let take = |number: i64| {
        let (ctx, both_looked) = (database.ctx(), both_looked.clone());
        tokio::spawn(async move {
            ctx.write(move |_, tx| {
                async move {
                    tx.lock("seats").await?;
                    let taken: i64 = tx.query_one("SELECT count(*) FROM seats", &[]).await?.get(0)?;
                    let _ = timeout(Duration::from_millis(300), both_looked.wait()).await;
                    if taken == 0 {
                        tx.execute("INSERT INTO seats VALUES ($1)", &[number.into()]).await?;
                    }
                    Ok(taken == 0)
                }
                .boxed()
            })
            .await
        })
    };
    let (one, other) = tokio::join!(take(1), take(2));
    assert!(one.unwrap().unwrap() != other.unwrap().unwrap(), "one of them got it");
}

/// Counting up in one statement loses nothing on either engine.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn concurrent_updates_are_all_there() {
    on_both(async |database: TestDb| {
        create(&database, "CREATE TABLE counters (id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL) {strict}; INSERT INTO counters VALUES (1, 0);").await;
        let ctx = database.ctx();
        let up = |_| {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                ctx.write(|_, tx| async move { tx.execute("UPDATE counters SET n = n + 1 WHERE id = 1", &[]).await }.boxed()).await
            })
        };
        for answer in join_all((0..100).map(up)).await {
            assert_eq!(answer.unwrap().unwrap(), 1);
        }
        let n = ctx.read(|_, tx| async move { tx.query_one("SELECT n FROM counters", &[]).await?.get::<i64>(0) }.boxed()).await;
        assert_eq!(n.unwrap(), 100);
    })
    .await;
}

/// Whoever was told that it is written finds it, and so does everyone else.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_was_answered_is_read_by_everyone() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let ctx = database.ctx();
        let write_then_read = |number| {
            let ctx = ctx.clone();
            tokio::spawn(async move {
                insert(&ctx, number).await?;
                let sql = "SELECT name FROM notes WHERE id = $1";
                let name = ctx.read(move |_, tx| {
                    async move { tx.query_one(sql, &note(number)[..1]).await?.get::<String>(0) }.boxed()
                });
                name.await
            })
        };
        for (number, answer) in join_all((0..200).map(write_then_read)).await.into_iter().enumerate() {
            assert_eq!(answer.unwrap().unwrap(), format!("note {number}"));
        }
    })
    .await;
}

/// On SQLite a read sees one moment, however many statements it has.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_read_on_sqlite_sees_one_moment() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let (between, go_on) = (std::sync::mpsc::channel::<()>(), std::sync::mpsc::channel::<()>());
    let ctx = database.ctx();
    let reading = tokio::spawn(async move {
        ctx.read(move |_, tx| {
            async move {
                let sql = "SELECT count(*) FROM notes";
                let before: i64 = tx.query_one(sql, &[]).await?.get(0)?;
                between.0.send(()).unwrap();
                go_on.1.recv().unwrap();
                let after: i64 = tx.query_one(sql, &[]).await?.get(0)?;
                Ok((before, after))
            }
            .boxed()
        })
        .await
    });
    tokio::task::block_in_place(|| between.1.recv()).unwrap();
    insert(&database.ctx(), 1).await.unwrap();
    go_on.0.send(()).unwrap();
    assert_eq!(reading.await.unwrap().unwrap(), (0, 0));
    assert_eq!(count_notes(&database).await, 1);
}

/// Two transactions that wait for each other: PostgreSQL ends one of them, and it may come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deadlock_is_503_for_one() {
    let database = TestDb::open(Engine::Postgres).await;
    create(
        &database,
        "CREATE TABLE pair (id {int} NOT NULL PRIMARY KEY, n {int} NOT NULL); INSERT INTO pair VALUES (1, 0), (2, 0);",
    )
    .await;
    let barrier = Arc::new(Barrier::new(2));
    let cross = |first: i64, second: i64| {
        let (ctx, barrier) = (database.ctx(), barrier.clone());
        tokio::spawn(async move {
            ctx.write(move |_, tx| {
                async move {
                    let sql = "UPDATE pair SET n = n + 1 WHERE id = $1";
                    tx.execute(sql, &[first.into()]).await?;
                    barrier.wait().await;
                    tx.execute(sql, &[second.into()]).await
                }
                .boxed()
            })
            .await
        })
    };
    let (one, other) = tokio::join!(cross(1, 2), cross(2, 1));
    let answers: Vec<Result<u64>> = vec![one.unwrap(), other.unwrap()];
    let failed: Vec<_> = answers.iter().filter_map(|answer| answer.as_ref().err()).map(kernel::Error::code).collect();
    assert_eq!(failed, [kernel::Code::Unavailable]);
}

/// A lock is held to the end of the transaction, not of the statement.
#[tokio::test]
async fn a_lock_is_let_go_with_the_transaction() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        for number in 0..3 {
            let ctx = database.ctx();
            let answer = ctx.write(move |_, tx| {
                async move {
                    tx.lock("one").await?;
                    tx.lock("one").await?;
                    tx.execute(INSERT, &note(number)).await
                }
                .boxed()
            });
            answer.await.unwrap();
        }
        assert_eq!(count_notes(&database).await, 3);
    })
    .await;
}

//! SQLite's writer: many callers, few commits, and a commit that fails is everybody's failure.
use std::time::Duration;

use futures_util::{FutureExt as _, future::join_all};
use kernel::{Code, Result};
use testkit::{Engine, TestDb, on_both};

use crate::{INSERT, count_notes, create, create_notes, insert, note};

#[tokio::test]
async fn many_writes_need_few_commits() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let before = database.db.stats();
    let ctx = database.ctx();
    // Sent before the writer gets far: the first to be polled wakes it, the rest queue up behind.
    let answers = join_all((0..64).map(|number| insert(&ctx, number))).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap() == 1));
    assert_eq!(count_notes(&database).await, 64);
    let after = database.db.stats();
    assert_eq!(after.writes - before.writes, 64);
    let commits = after.commits - before.commits;
    assert!((1..=16).contains(&commits), "{commits} commits for 64 writes");
}

#[tokio::test]
async fn every_write_is_counted_on_both() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let before = database.db.stats();
        for number in 0..3 {
            insert(&database.ctx(), number).await.unwrap();
        }
        assert!(insert(&database.ctx(), 0).await.is_err());
        count_notes(&database).await;
        let after = database.db.stats();
        assert_eq!((after.writes - before.writes, after.commits - before.commits), (4, 3));
    })
    .await;
}

/// Every other one fails, panics or waits; whoever is behind it in the same batch is not touched.
#[tokio::test]
async fn good_and_bad_jobs_share_a_batch() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let ctx = database.ctx();
    let job = |number: u64| {
        ctx.write(move |_, tx| {
            async move {
                tx.execute(INSERT, &note(number)).await?;
                match number % 4 {
                    1 => panic!("on purpose"),
                    2 => std::future::pending().await,
                    3 => tx.execute(INSERT, &note(number)).await,
                    _ => Ok(1),
                }
            }
            .boxed()
        })
    };
    let answers = join_all((0..100).map(job)).await;
    for (number, answer) in answers.iter().enumerate() {
        let expected = [None, Some(Code::Internal), Some(Code::Internal), Some(Code::UniqueViolation)][number % 4];
        assert_eq!(answer.as_ref().err().map(kernel::Error::code), expected, "{number}");
    }
    assert_eq!(count_notes(&database).await, 25);
}

/// The first of a batch has no savepoint: its failure must not take those behind it along.
#[tokio::test]
async fn the_first_of_a_batch_may_fail() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    insert(&database.ctx(), 0).await.unwrap();
    let ctx = database.ctx();
    let answers = join_all([0, 0, 1, 0, 2].map(|number| insert(&ctx, number))).await;
    let good: Vec<bool> = answers.iter().map(Result::is_ok).collect();
    assert_eq!(good, [false, false, true, false, true]);
    assert_eq!(count_notes(&database).await, 3);
}

#[tokio::test]
async fn a_failed_commit_fails_everyone_and_leaves_nothing() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    create(
        &database,
        "CREATE TABLE pages (id {int} NOT NULL PRIMARY KEY, note_id {id} NOT NULL REFERENCES notes (id)) {strict};",
    )
    .await;
    let ctx = database.ctx();
    let poison = ctx.write(|_, tx| {
        async move {
            tx.execute("PRAGMA defer_foreign_keys = ON", &[]).await?;
            tx.execute("INSERT INTO pages VALUES (1, $1)", &note(404)[..1]).await
        }
        .boxed()
    });
    let before = database.db.stats().commits;
    let mut all = vec![poison.boxed()];
    all.extend((0..20).map(|number| insert(&ctx, number).boxed()));
    let answers = join_all(all).await;
    // The writer may have begun before all had queued up; those of the poisoned batch fail together.
    let failed = answers.iter().filter_map(|answer| answer.as_ref().err());
    let codes: Vec<Code> = failed.map(kernel::Error::code).collect();
    assert!(codes.len() > 1, "the poisoned one and its neighbours");
    assert!(codes.iter().all(|code| *code == Code::Unavailable), "{codes:?}");
    assert_eq!(answers[0].as_ref().err().map(kernel::Error::code), Some(Code::Unavailable));
    let written = i64::try_from(answers.len() - codes.len()).unwrap();
    assert_eq!(count_notes(&database).await, written);
    let pages =
        ctx.read(|_, tx| async move { tx.query_one("SELECT count(*) FROM pages", &[]).await?.get::<i64>(0) }.boxed());
    assert_eq!(pages.await.unwrap(), 0);
    assert!(database.db.stats().commits - before <= 1);
    // The writer goes on.
    assert_eq!(insert(&ctx, 99).await.unwrap(), 1);
}

/// An interrupted change makes SQLite undo the whole transaction: neighbours must not be told that they were written.
#[tokio::test]
async fn an_interrupt_in_a_batch_is_not_taken_for_success() {
    let database = TestDb::open_with(Engine::Sqlite, |options| options.statement = Duration::from_millis(200)).await;
    create_notes(&database).await;
    let ctx = database.ctx();
    let slow = "INSERT INTO notes (id, name) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000)
                SELECT randomblob(16), 'n' || max(i) FROM n";
    let mut all: Vec<_> = (0..5).map(|number| insert(&ctx, number).boxed()).collect();
    all.push(ctx.write(move |_, tx| async move { tx.execute(slow, &[]).await }.boxed()).boxed());
    all.extend((5..10).map(|number| insert(&ctx, number).boxed()));
    let answers = join_all(all).await;
    assert_eq!(answers[5].as_ref().err().map(kernel::Error::code), Some(Code::Timeout));
    let written = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(count_notes(&database).await, i64::try_from(written).unwrap());
}

/// No room: 503 for whom it concerns, nothing half-written, and all is well once there is room again.
#[tokio::test]
async fn a_full_disk_is_503_until_there_is_room() {
    let database = TestDb::open(Engine::Sqlite).await;
    create(&database, "CREATE TABLE blobs (id {int} NOT NULL PRIMARY KEY, body {bytes} NOT NULL) {strict};").await;
    let ctx = database.ctx();
    let pages = |most: i64| {
        let sql = format!("PRAGMA max_page_count = {most}");
        ctx.write(move |_, tx| async move { tx.query(&sql, &[]).await.map(|_| ()) }.boxed())
    };
    let insert = |id: i64| {
        let body = vec![7; 20_000];
        let sql = "INSERT INTO blobs VALUES ($1, $2)";
        ctx.write(move |_, tx| async move { tx.execute(sql, &[id.into(), body.into()]).await }.boxed())
    };
    pages(40).await.unwrap();
    let answers = join_all((0..30).map(insert)).await;
    let codes: Vec<Code> = answers.iter().filter_map(|answer| answer.as_ref().err()).map(kernel::Error::code).collect();
    assert!(!codes.is_empty() && codes.iter().all(|code| *code == Code::Unavailable), "{codes:?}");
    let sql = "SELECT count(*) FROM blobs";
    let count = || ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get::<i64>(0) }.boxed());
    assert_eq!(count().await.unwrap(), i64::try_from(answers.len() - codes.len()).unwrap());
    pages(10_000).await.unwrap();
    assert_eq!(insert(100).await.unwrap(), 1);
}

#[tokio::test]
async fn a_transaction_that_waits_is_a_clear_error() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    let answer: Result<()> = database
        .ctx()
        .write(|_, tx| {
            async move {
                tx.execute(INSERT, &note(1)).await?;
                tokio::time::sleep(Duration::from_hours(1)).await;
                Ok(())
            }
            .boxed()
        })
        .await;
    let error = answer.unwrap_err();
    assert_eq!(error.code(), Code::Internal);
    assert!(format!("{error:?}").contains("waited for something else than its database"), "{error:?}");
    let answer: Result<()> = database
        .ctx()
        .read(|_, _| {
            async move {
                tokio::time::sleep(Duration::from_hours(1)).await;
                Ok(())
            }
            .boxed()
        })
        .await;
    assert!(format!("{:?}", answer.unwrap_err()).contains("waited for something else"));
    assert_eq!(count_notes(&database).await, 0);
}

//! All or nothing, and nothing after the first failure.
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result};
use testkit::{TestDb, on_both};

use crate::{INSERT, count_notes, create_notes, insert, note};

#[tokio::test]
async fn what_ends_well_is_there() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let changed = database
            .ctx()
            .write(|_, tx| {
                async move {
                    let first = tx.execute(INSERT, &note(1)).await?;
                    Ok(first + tx.execute(INSERT, &note(2)).await?)
                }
                .boxed()
            })
            .await;
        assert_eq!(changed.unwrap(), 2);
        assert_eq!(count_notes(&database).await, 2);
    })
    .await;
}

#[tokio::test]
async fn what_ends_badly_leaves_nothing() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let answer: Result<()> = database
            .ctx()
            .write(|_, tx| {
                async move {
                    tx.execute(INSERT, &note(1)).await?;
                    Err(Error::new(Code::Forbidden))
                }
                .boxed()
            })
            .await;
        assert_eq!(answer.unwrap_err().code(), Code::Forbidden);
        assert_eq!(count_notes(&database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn the_first_failed_statement_spoils_the_rest() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let answer = database
            .ctx()
            .write(|_, tx| {
                async move {
                    tx.execute(INSERT, &note(1)).await?;
                    assert!(tx.execute(INSERT, &note(1)).await.is_err());
                    // SQLite by itself would go on here, and PostgreSQL would not.
                    let error = tx.query("SELECT 1", &[]).await.unwrap_err();
                    assert!(format!("{error:?}").contains("spoiled"), "{error:?}");
                    assert!(tx.lock("key").await.is_err());
                    Ok(())
                }
                .boxed()
            })
            .await;
        let error = answer.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(format!("{error:?}").contains("ended well although"), "{error:?}");
        assert_eq!(count_notes(&database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_one_callers_error() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let answer: Result<()> = database
            .ctx()
            .write(|_, tx| {
                async move {
                    tx.execute(INSERT, &note(1)).await?;
                    panic!("on purpose");
                }
                .boxed()
            })
            .await;
        let error = answer.unwrap_err();
        assert_eq!(error.code(), Code::Internal);
        assert!(format!("{error:?}").contains("on purpose"), "{error:?}");
        let answer: Result<()> = database.ctx().read(|_, _| async move { panic!("once more") }.boxed()).await;
        assert_eq!(answer.unwrap_err().code(), Code::Internal);
        assert_eq!(insert(&database.ctx(), 1).await.unwrap(), 1);
        assert_eq!(count_notes(&database).await, 1);
    })
    .await;
}

#[tokio::test]
async fn statements_do_not_begin_or_end_transactions() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        for sql in ["COMMIT", "rollback", "SAVEPOINT mine", "/* sly */ BEGIN"] {
            let answer = database
                .ctx()
                .write(move |_, tx| {
                    async move {
                        tx.execute(INSERT, &note(1)).await?;
                        tx.execute(sql, &[]).await
                    }
                    .boxed()
                })
                .await;
            assert_eq!(answer.unwrap_err().code(), Code::Internal, "{sql}");
        }
        assert_eq!(count_notes(&database).await, 0);
    })
    .await;
}

#[tokio::test]
async fn a_transaction_without_statements_is_one_too() {
    on_both(async |database: TestDb| {
        let ctx = database.ctx();
        assert_eq!(ctx.write(|_, _| async move { Ok(7) }.boxed()).await.unwrap(), 7);
        assert_eq!(ctx.read(|_, _| async move { Ok(8) }.boxed()).await.unwrap(), 8);
    })
    .await;
}

/// `execute` counts alike, whatever it is given.
#[tokio::test]
async fn changes_are_counted_alike() {
    on_both(async |database: TestDb| {
        create_notes(&database).await;
        let counts = database
            .ctx()
            .write(|_, tx| {
                async move {
                    let mut counts = Vec::new();
                    for sql in [
                        "INSERT INTO notes (id, name) SELECT $1, 'a' WHERE true",
                        "INSERT INTO notes (id, name) VALUES ($1, 'a') ON CONFLICT DO NOTHING",
                        "UPDATE notes SET name = 'b' WHERE id = $1 RETURNING id",
                        "SELECT id FROM notes WHERE id = $1",
                        "DELETE FROM notes WHERE id = $1",
                    ] {
                        counts.push(tx.execute(sql, &note(1)[..1]).await?);
                    }
                    counts.push(tx.execute("CREATE TABLE other (a int)", &[]).await?);
                    Ok(counts)
                }
                .boxed()
            })
            .await;
        assert_eq!(counts.unwrap(), [1, 0, 1, 1, 1, 0]);
    })
    .await;
}

#[tokio::test]
async fn row_helpers_expect_what_they_say() {
    on_both(async |database: TestDb| {
        let ctx = database.ctx();
        let none = ctx.read(|_, tx| async move { tx.query_opt("SELECT 1 WHERE 1 = 0", &[]).await }.boxed()).await;
        assert!(none.unwrap().is_none());
        let none = ctx.read(|_, tx| async move { tx.query_one("SELECT 1 WHERE 1 = 0", &[]).await }.boxed()).await;
        assert_eq!(none.unwrap_err().code(), Code::Internal);
    })
    .await;
}

//! Transactions that wait for each other crosswise: one is given up and begun again.
use std::{sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use kernel::{Code, Result};
use store::{Ctx, Tx};
use testkit::{Engine, TestDb};
use tokio::{sync::Barrier, time::timeout};

use crate::{create_notes, insert, note};

/// Changes two notes, the second one only when the other task has changed it as its first.
async fn change(tx: &mut Tx<'_>, notes: [u64; 2], both_hold_one: Arc<Barrier>) -> Result<()> {
    for (nth, number) in notes.into_iter().enumerate() {
        let [id, _] = note(number);
        tx.execute("UPDATE notes SET name = name || '+' WHERE id = $1", &[id]).await?;
        if nth == 0 {
            // Begun again, nobody else comes any more.
            let _ = timeout(Duration::from_millis(500), both_hold_one.wait()).await;
        }
    }
    Ok(())
}

async fn write(ctx: Ctx, notes: [u64; 2], barrier: Arc<Barrier>, is_retried: bool) -> Result<()> {
    if is_retried {
        ctx.write_retried(move |_, tx| async move { change(tx, notes, barrier).await }.boxed()).await
    } else {
        ctx.write(move |_, tx| async move { change(tx, notes, barrier).await }.boxed()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadlock_is_begun_again_where_that_is_asked_for() {
    // SQLite has one writer.
    for (is_retried, lost) in [(false, 1), (true, 0)] {
        let database = TestDb::open(Engine::Postgres).await;
        create_notes(&database).await;
        insert(&database.ctx(), 1).await.unwrap();
        insert(&database.ctx(), 2).await.unwrap();
        let barrier = Arc::new(Barrier::new(2));
        let (one, other) = tokio::join!(
            write(database.ctx(), [1, 2], Arc::clone(&barrier), is_retried),
            write(database.ctx(), [2, 1], barrier, is_retried)
        );
        let errors: Vec<_> = [one, other].into_iter().filter_map(Result::err).collect();
        assert_eq!(errors.len(), lost, "{errors:?}");
        for error in errors {
            assert_eq!((error.code(), error.retry_after().is_some()), (Code::Unavailable, true));
        }
        let sql = "SELECT count(*) FROM notes WHERE name LIKE '%++'";
        let ctx = database.ctx();
        let read = ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get::<i64>(0) }.boxed());
        assert_eq!(read.await.unwrap(), if is_retried { 2 } else { 0 });
    }
}

//! Tables are copied between any two engines, whole and equal, and read at one moment while others write.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::{Decimal, Timestamp, Uuid, Value};
use store::{
    Ctx,
    claim::{Mode, claim},
    copy::{self, Done, Progress, Table, Walk},
};
use testkit::{Engine, TestDb, on_both};

use crate::{create, insert};

/// Every type there is. `parent` refers to the table itself, against the order in which rows come.
const EVERYTHING: &str = "CREATE TABLE everything (
    id {id} NOT NULL PRIMARY KEY, whole {int}, ratio {float}, is_so {bool}, raw {bytes}, words {text}, at {time}, doc {json},
    parent {id} REFERENCES everything (id)
) {strict};
CREATE TABLE pairs (one {id} NOT NULL, two {text} NOT NULL, PRIMARY KEY (one, two)) {strict};";

async fn create_everything(database: &TestDb) {
    create(database, EVERYTHING).await;
    let price = if database.engine == Engine::Sqlite { "INTEGER" } else { "numeric(18, 4)" };
    let sql = format!("ALTER TABLE everything ADD COLUMN price {price}");
    database.ctx().alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await.unwrap();
}

fn row(number: i64) -> Vec<Value> {
    let at = usize::try_from(number).unwrap();
    let id = |number: i64| Value::Uuid(Uuid::from_u64_pair(7, number.unsigned_abs()));
    let picked = |choices: Vec<Value>| choices[at % choices.len()].clone();
    vec![
        id(number),
        picked(vec![Value::Null, Value::Int(i64::MIN), Value::Int(i64::MAX), Value::Int(0)]),
        picked(vec![0.1.into(), Value::Null, f64::MIN_POSITIVE.into(), (-0.0).into(), f64::MAX.into(), 3.0.into()]),
        picked(vec![true.into(), false.into(), Value::Null]),
        picked(vec![vec![0, 255, 10].into(), Vec::new().into(), Value::Null]),
        picked(vec!["".into(), "Grüße, \t\n\"'\\ 🦀".into(), Value::Null, "x".repeat(5000).into()]),
        picked(vec![Timestamp::from_micros(-1).into(), Timestamp::from_micros(i64::MAX).into()]),
        picked(vec![Value::Json("{ \"b\":1.50, \"a\" : [ ] }".into()), Value::Null, Value::Json("1e2".into())]),
        if number < 400 { id(number + 1) } else { Value::Null },
        picked(vec![
            Value::Decimal(Decimal::new(-1, 4)),
            Value::Null,
            Value::Decimal(Decimal::new(999_999_999_999_999_999, 4)),
            Value::Decimal(Decimal::new(10_000, 4)),
        ]),
    ]
}

async fn fill(ctx: &Ctx) {
    ctx.write(|_, tx| {
        async move {
            let sql = "INSERT INTO everything (id, whole, ratio, is_so, raw, words, at, doc, parent, price)
                VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
            for number in (0..=400).rev() {
                tx.execute(sql, &row(number)).await?;
                let pair = [Uuid::from_u64_pair(1, 2).into(), format!("{number}").into()];
                tx.execute("INSERT INTO pairs (one, two) VALUES ($1, $2)", &pair).await?;
            }
            Ok(())
        }
        .boxed()
    })
    .await
    .unwrap();
}

async fn tables(ctx: &Ctx) -> Vec<Arc<Table>> {
    let names = ["everything".to_owned(), "pairs".to_owned(), "no_such".to_owned()];
    let tables = ctx.read(move |ctx, tx| async move { copy::tables(&ctx, tx, &names).await }.boxed()).await;
    tables.unwrap().into_iter().map(Arc::new).collect()
}

/// Copies at most `chunks` chunks of a table, from where the copy stands.
async fn copy_table(from: &Ctx, (table, into): (&Arc<Table>, &Arc<Table>), to: &Ctx, chunks: usize) {
    let begun = copy::progress(to, into).await.unwrap();
    let mut rows = begun.as_ref().map_or(0, |progress| progress.rows);
    let mut walk = match begun.map(|progress| progress.done) {
        Some(Done::UpTo(end)) => Walk::after(Arc::clone(table), end),
        _ => Walk::new(Arc::clone(table)),
    };
    for _ in 0..chunks {
        let next = from.read(|_, tx| {
            async move {
                let chunk = walk.next(tx).await?;
                Ok((walk, chunk))
            }
            .boxed()
        });
        let (rest, chunk) = next.await.unwrap();
        walk = rest;
        let Some(chunk) = chunk else {
            return copy::load(to, into, Vec::new(), rows, Progress::all(rows)).await.unwrap();
        };
        let now = Progress::after(rows, &chunk);
        copy::load(to, into, chunk.rows, rows, now.clone()).await.unwrap();
        rows = now.rows;
    }
}

#[tokio::test]
async fn every_type_arrives_equal_on_every_engine_even_in_two_goes() {
    for (from, to) in Engine::BOTH.into_iter().flat_map(|from| Engine::BOTH.map(|to| (from, to))) {
        let (source, target) = (TestDb::open(from).await, TestDb::open(to).await);
        create_everything(&source).await;
        fill(&source.ctx()).await;
        create_everything(&target).await;
        let (source, target) = (source.ctx(), target.ctx());
        copy::begin(&target, "them".into()).await.unwrap();
        copy::set_references_aside(&target, &tables(&target).await).await.unwrap();
        for (table, into) in tables(&source).await.iter().zip(&tables(&target).await) {
            copy_table(&source, (table, into), &target, 2).await;
            copy_table(&source, (table, into), &target, usize::MAX).await;
            let (one, other) =
                (copy::digest(&source, table).await.unwrap(), copy::digest(&target, into).await.unwrap());
            assert_eq!((one.rows, one), (401, other), "{from:?} to {to:?}: {}", table.name);
        }
        assert_eq!(copy::source_of(&target).await.unwrap().as_deref(), Some("them"));
        copy::finish(&target, |_, _| async { Ok(()) }.boxed()).await.unwrap();
        assert_eq!(copy::source_of(&target).await.unwrap(), None);
        // The references are back.
        let orphan = target.write(|_, tx| {
            async move {
                let sql = "UPDATE everything SET parent = $1";
                tx.execute(sql, &[Uuid::nil().into()]).await
            }
            .boxed()
        });
        assert_eq!(orphan.await.unwrap_err().code(), kernel::Code::ReferenceViolation, "{from:?} to {to:?}");
    }
}

#[tokio::test]
async fn a_copy_leaves_out_what_the_engine_keeps_for_itself_and_nothing_else() {
    on_both(async |database| {
        let sql = match database.engine {
            Engine::Sqlite => {
                "CREATE TABLE pairs (hardpan_row INTEGER PRIMARY KEY, id BLOB UNIQUE, hardpan_note TEXT, hardpan_rows INTEGER)"
            }
            Engine::Postgres => {
                "CREATE TABLE pairs (id uuid PRIMARY KEY, hardpan_note text, hardpan_rows bigint, hardpan_search tsvector)"
            }
        };
        create(&database, sql).await;
        let table = tables(&database.ctx()).await.remove(0);
        assert_eq!(table.columns().collect::<Vec<_>>(), ["hardpan_note", "hardpan_rows", "id"]);
    })
    .await;
}

#[tokio::test]
async fn a_copy_without_the_rows_referred_to_does_not_end_well() {
    on_both(async |database| {
        create_everything(&database).await;
        let ctx = database.ctx();
        copy::begin(&ctx, "them".into()).await.unwrap();
        copy::set_references_aside(&ctx, &tables(&ctx).await).await.unwrap();
        let everything = tables(&ctx).await.remove(0);
        let mut orphan: Vec<Value> = everything.columns().map(|_| Value::Null).collect();
        for (column, value) in everything.columns().zip(&mut orphan) {
            if ["id", "parent"].contains(&column) {
                *value = Value::Bytes(vec![column.len().try_into().unwrap(); 16]);
            }
        }
        copy::load(&ctx, &everything, vec![orphan], 0, Progress::all(1)).await.unwrap();
        assert!(copy::finish(&ctx, |_, _| async { Ok(()) }.boxed()).await.is_err());
        assert!(copy::source_of(&ctx).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_snapshot_sees_one_moment_and_holds_nobody_up() {
    on_both(async |database| {
        crate::create_notes(&database).await;
        let ctx = database.ctx();
        insert(&ctx, 0).await.unwrap();
        let (begun, mut has_begun) = tokio::sync::mpsc::unbounded_channel();
        let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
        let reading = ctx.clone();
        let reader = tokio::spawn(async move {
            let read = reading.snapshot(move |_, tx| {
                async move {
                    let sql = "SELECT count(*) FROM notes";
                    let first: i64 = tx.query_one(sql, &[]).await?.get(0)?;
                    begun.send(()).unwrap();
                    // Blocks a thread, as writing to a slow disk does.
                    tokio::task::block_in_place(|| may_go_on.recv()).unwrap();
                    Ok((first, tx.query_one(sql, &[]).await?.get::<i64>(0)?))
                }
                .boxed()
            });
            read.await
        });
        has_begun.recv().await.unwrap();
        for number in 1..50 {
            insert(&ctx, number).await.unwrap();
        }
        go_on.send(()).unwrap();
        assert_eq!(reader.await.unwrap().unwrap(), (1, 1));
    })
    .await;
}

#[tokio::test]
async fn servers_share_a_database_and_one_alone_shuts_out_all() {
    on_both(async |database| {
        let options = database.options();
        let shared = claim(&options, Mode::Shared).await.unwrap();
        let twin = claim(&options, Mode::Shared).await.unwrap();
        assert!(shared.is_some() && twin.is_some());
        assert!(claim(&options, Mode::Alone).await.unwrap().is_none());
        drop((shared, twin));
        let alone = claim(&options, Mode::Alone).await.unwrap();
        assert!(alone.is_some());
        assert!(claim(&options, Mode::Shared).await.unwrap().is_none());
        assert!(claim(&options, Mode::Alone).await.unwrap().is_none());
        drop(alone);
        assert!(claim(&options, Mode::Shared).await.unwrap().is_some());
    })
    .await;
}

#[tokio::test]
async fn references_of_tables_that_are_not_copied_stay() {
    on_both(async |database| {
        create_everything(&database).await;
        let ctx = database.ctx();
        let stranger = "CREATE TABLE stranger (id BIGINT PRIMARY KEY, parent BIGINT REFERENCES stranger (id))";
        ctx.alter(move |_, tx| async move { tx.batch(stranger).await }.boxed()).await.unwrap();
        copy::begin(&ctx, "them".into()).await.unwrap();
        copy::set_references_aside(&ctx, &tables(&ctx).await).await.unwrap();
        let orphan = ctx.write(|_, tx| {
            async move { tx.execute("INSERT INTO stranger (id, parent) VALUES (1, 2)", &[]).await }.boxed()
        });
        assert_eq!(orphan.await.unwrap_err().code(), kernel::Code::ReferenceViolation, "{:?}", database.engine);
    })
    .await;
}

#[tokio::test]
async fn who_lost_the_database_is_told() {
    on_both(async |database| {
        let alone = claim(&database.options(), Mode::Alone).await.unwrap().unwrap();
        let (ctx, hold) = (database.ctx(), alone.hold());
        let check = || ctx.read(move |_, tx| async move { hold.check(tx).await }.boxed());
        check().await.unwrap();
        if database.engine == Engine::Postgres {
            let end = "SELECT pg_terminate_backend(pid, 10000) FROM pg_locks WHERE locktype = 'advisory'
                AND mode = 'ExclusiveLock' AND pid <> pg_backend_pid() AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
            let ended = ctx.alter(move |_, tx| async move { tx.query(end, &[]).await }.boxed()).await;
            drop(ended);
            assert!(check().await.is_err());
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn long_rows_after_short_ones_are_read_a_few_at_a_time() {
    const LENGTH: usize = 300_000;
    on_both(async |database: TestDb| {
        create_everything(&database).await;
        let ctx = database.ctx();
        let fill = ctx.write(|_, tx| {
            async move {
                for number in 0..150_u64 {
                    let words = if number < 100 { String::new() } else { "x".repeat(LENGTH) };
                    let row = [Uuid::from_u64_pair(7, number).into(), words.into()];
                    tx.execute("INSERT INTO everything (id, words) VALUES ($1, $2)", &row).await?;
                }
                Ok(())
            }
            .boxed()
        });
        fill.await.unwrap();
        let mut walk = Walk::new(Arc::clone(&tables(&ctx).await[0]));
        let (mut rows, mut largest) = (Vec::new(), 0);
        let read = ctx.read(move |_, tx| {
            async move {
                while let Some(chunk) = walk.next(tx).await? {
                    largest = largest.max(chunk.encoded.len());
                    rows.extend(chunk.rows);
                }
                Ok((rows, largest))
            }
            .boxed()
        });
        let (rows, largest) = read.await.unwrap();
        assert!(largest < (2 << 20) + LENGTH + 1_000, "{largest} bytes at once");
        assert_eq!(rows.len(), 150);
        assert!(rows.windows(2).all(|pair| pair[0] != pair[1]));
    })
    .await;
}

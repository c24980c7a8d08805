//! Replicas: who is answered by which server, with real streaming replication.
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::FutureExt as _;
use kernel::{Actor, Id, OsRandom, Principal, Secret, SystemClock, UserId, Uuid};
use store::{Ctx, Db, Options, Source};
use testkit::{Engine, Pair, TestDb};

const LONG: Duration = Duration::from_secs(20);

async fn open(pair: &Pair, change: impl FnOnce(&mut Options)) -> Source {
    let mut options = Options::new(pair.primary.url());
    options.pool_min = 0;
    options.replicas = vec![Secret::new(pair.standby.url())];
    options.max_lag = Duration::from_secs(2);
    change(&mut options);
    let db = Db::open(options).await.unwrap();
    Source { db, clock: Arc::new(SystemClock), random: Arc::new(OsRandom) }
}

fn account(number: u64) -> Actor {
    Actor::Full(Principal::of_session(
        UserId::from_uuid(Uuid::from_u64_pair(1, number)),
        Id::from_uuid(Uuid::from_u64_pair(2, number)),
    ))
}

fn ctx(source: &Source, actor: Actor) -> Ctx {
    source.ctx(actor, Arc::default())
}

/// Whether a replica answered, and how many rows of `notes` it has.
async fn look(ctx: &Ctx) -> (bool, i64) {
    let sql = "SELECT pg_is_in_recovery(), count(*) FROM notes";
    let answer = ctx.read_any(move |_, tx| {
        async move {
            let row = tx.query_one(sql, &[]).await?;
            Ok((row.get(0)?, row.get(1)?))
        }
        .boxed()
    });
    answer.await.unwrap()
}

async fn write(ctx: &Ctx, number: i64) {
    let sql = "INSERT INTO notes (id) VALUES ($1)";
    ctx.write(move |_, tx| async move { tx.execute(sql, &[number.into()]).await }.boxed()).await.unwrap();
}

async fn until(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let end = Instant::now() + LONG;
    while !is_so().await {
        assert!(Instant::now() < end, "never: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn create_notes(source: &Source) {
    let sql = "CREATE TABLE notes (id bigint PRIMARY KEY)";
    source.system("test").alter(move |_, tx| async move { tx.batch(sql).await }.boxed()).await.unwrap();
}

#[tokio::test]
async fn accounts_see_their_own_writes_and_others_may_be_behind() {
    let pair = Pair::start().await;
    let source = open(&pair, |options| options.max_lag = LONG).await;
    create_notes(&source).await;
    let (writer, reader) = (ctx(&source, account(1)), ctx(&source, account(2)));
    until("the replica is read", async || look(&reader).await == (true, 0)).await;

    pair.standby.run("SELECT pg_wal_replay_pause()").await;
    for number in 1..=50 {
        write(&writer, number).await;
        assert_eq!(look(&writer).await, (false, number), "the writer sees what it wrote");
    }
    assert_eq!(look(&reader).await, (true, 0), "everyone else may still be shown what was");
    let checked = writer
        .read(|_, tx| async move { tx.query_one("SELECT count(*) FROM notes", &[]).await?.get::<i64>(0) }.boxed());
    assert_eq!(checked.await.unwrap(), 50, "a plain read is the primary's");
    let server = ctx(&source, Actor::System("test"));
    assert_eq!(look(&server).await, (false, 50), "the server itself reads the primary");

    pair.standby.run("SELECT pg_wal_replay_resume()").await;
    until("the writer reads the replica again", async || look(&writer).await == (true, 50)).await;
    assert_eq!(look(&reader).await, (true, 50));
    source.db.close().await;
}

#[tokio::test]
async fn a_replica_that_is_too_far_behind_is_not_read() {
    let pair = Pair::start().await;
    let source = open(&pair, |_| ()).await;
    create_notes(&source).await;
    let (writer, reader) = (ctx(&source, account(1)), ctx(&source, account(2)));
    until("the replica is read", async || look(&reader).await == (true, 0)).await;
    assert_eq!(source.db.replicas()[0].fault, None);

    pair.standby.run("SELECT pg_wal_replay_pause()").await;
    let written = Instant::now();
    write(&writer, 1).await;
    until("the bound is passed", async || !look(&reader).await.0).await;
    assert!(written.elapsed() > Duration::from_secs(1) && written.elapsed() < Duration::from_secs(4));
    assert_eq!(source.db.replicas()[0].fault, Some("is too far behind"));
    assert_eq!(look(&reader).await, (false, 1));

    pair.standby.run("SELECT pg_wal_replay_resume()").await;
    until("the replica is read again", async || look(&reader).await == (true, 1)).await;
    // Nothing is written any more: that does not make the replica old.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert_eq!(look(&reader).await, (true, 1));
    source.db.close().await;
}

#[tokio::test]
async fn a_replica_may_go_away_and_come_back() {
    let mut pair = Pair::start().await;
    let source = open(&pair, |_| ()).await;
    create_notes(&source).await;
    let (writer, reader) = (ctx(&source, account(1)), ctx(&source, account(2)));
    until("the replica is read", async || look(&reader).await == (true, 0)).await;

    pair.standby.kill();
    for number in 1..=20 {
        let begun = Instant::now();
        write(&writer, number).await;
        assert_eq!(look(&reader).await, (false, number), "the primary answers at once");
        assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
    }
    until("it is said", async || source.db.replicas()[0].fault == Some("cannot be reached")).await;
    pair.standby.start().await;
    until("the replica is read again", async || look(&reader).await == (true, 20)).await;
    assert_eq!(source.db.replicas()[0].fault, None);
    source.db.close().await;

    // Nor need it be there at the start.
    pair.standby.kill();
    let source = open(&pair, |_| ()).await;
    let reader = ctx(&source, account(2));
    assert_eq!(look(&reader).await, (false, 20));
    pair.standby.start().await;
    until("the replica is read", async || look(&reader).await == (true, 20)).await;
    source.db.close().await;
}

#[tokio::test]
async fn only_standbys_of_this_primary_are_read_and_in_turn() {
    let (pair, other) = tokio::join!(Pair::start(), Pair::start());
    let urls = [&pair.standby, &other.standby, &pair.primary, &pair.standby].map(|server| Secret::new(server.url()));
    let source = open(&pair, |options| options.replicas = urls.to_vec()).await;
    create_notes(&source).await;
    other.primary.run("CREATE TABLE notes (id bigint PRIMARY KEY); INSERT INTO notes VALUES (1), (2)").await;
    let reader = ctx(&source, account(2));
    until("the replica is read", async || look(&reader).await.0).await;
    let faults = || source.db.replicas().iter().map(|replica| replica.fault.is_some()).collect::<Vec<_>>();
    until("all are known", async || faults() == [false, true, true, false]).await;
    for _ in 0..50 {
        assert_eq!(look(&reader).await, (true, 0));
    }
    source.db.close().await;
}

#[tokio::test]
async fn nothing_is_ever_written_to_a_replica() {
    let pair = Pair::start().await;
    let source = open(&pair, |_| ()).await;
    create_notes(&source).await;
    let reader = ctx(&source, account(2));
    until("the replica is read", async || look(&reader).await == (true, 0)).await;
    for sql in
        ["INSERT INTO notes VALUES (1)", "SELECT nextval('counter')", "SELECT set_config('a.b', 'c', false) FROM notes"]
    {
        let _ = reader.read_any(move |_, tx| async move { tx.query(sql, &[]).await }.boxed()).await;
    }
    assert_eq!(look(&reader).await.1, 0);
    source.db.close().await;
}

#[tokio::test]
async fn sqlite_has_no_replicas() {
    let database = TestDb::open(Engine::Sqlite).await;
    let options = Options { replicas: vec![Secret::new("postgres://db/app".to_owned())], ..database.options() };
    assert!(Db::open(options).await.is_err());
    let sql = "SELECT 1";
    let read = database.ctx().read_any(move |_, tx| async move { tx.query(sql, &[]).await }.boxed()).await;
    assert_eq!(read.unwrap().len(), 1);
}

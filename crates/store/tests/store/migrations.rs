//! Migrations are applied once, in order, and never changed.
use futures_util::FutureExt as _;
use kernel::{Code, Error};
use store::{
    Db, Migration, Source,
    migrate::{self, State},
    schema,
};
use testkit::{Engine, TestDb, on_both};

use crate::create;

const FIRST: Migration = Migration {
    id: "202611210900_create_users",
    sql: "CREATE TABLE users (id {id} NOT NULL PRIMARY KEY, email {text} NOT NULL) {strict};
          CREATE UNIQUE INDEX users_email ON users (email);",
};
const SECOND: Migration = Migration {
    id: "202611210901_create_sessions",
    sql: "CREATE TABLE sessions (
              id {id} NOT NULL PRIMARY KEY,
              user_id {id} NOT NULL REFERENCES users (id) ON DELETE CASCADE,
              data {json} NOT NULL, is_live {bool} NOT NULL, at {time} NOT NULL, weight {float}, body {bytes}
          ) {strict};",
};
const THIRD: Migration =
    Migration { id: "202611210902_fill", sql: "INSERT INTO users SELECT id, 'x' FROM users WHERE 1 = 0;" };

fn ids(applied: &[String]) -> Vec<&str> {
    applied.iter().map(String::as_str).collect()
}

async fn states(database: &TestDb, list: &[Migration]) -> Vec<State> {
    let all = migrate::status(&database.ctx(), list).await.unwrap();
    all.into_iter().map(|status| status.state).collect()
}

async fn refusal(database: &TestDb, list: &[Migration]) -> Error {
    migrate::apply(&database.ctx(), list).await.expect_err("a refusal")
}

#[tokio::test]
async fn what_is_pending_is_applied_in_order_and_once() {
    on_both(async |database: TestDb| {
        assert_eq!(states(&database, &[FIRST, SECOND]).await, [State::Pending; 2]);
        let applied = migrate::apply(&database.ctx(), &[SECOND, FIRST]).await.unwrap();
        assert_eq!(ids(&applied), [FIRST.id, SECOND.id]);
        assert!(migrate::apply(&database.ctx(), &[FIRST, SECOND]).await.unwrap().is_empty());
        assert_eq!(states(&database, &[FIRST, SECOND, THIRD]).await, [State::Applied, State::Applied, State::Pending]);
        assert_eq!(ids(&migrate::apply(&database.ctx(), &[FIRST, SECOND, THIRD]).await.unwrap()), [THIRD.id]);
    })
    .await;
}

#[tokio::test]
async fn nothing_to_apply_is_nothing_done() {
    on_both(async |database: TestDb| {
        assert!(migrate::apply(&database.ctx(), &[]).await.unwrap().is_empty());
        assert!(migrate::status(&database.ctx(), &[]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn an_applied_one_must_not_change() {
    on_both(async |database: TestDb| {
        migrate::apply(&database.ctx(), &[FIRST]).await.unwrap();
        let changed = Migration { sql: "CREATE TABLE users (id {id});", ..FIRST };
        assert_eq!(states(&database, &[changed, SECOND]).await, [State::Changed, State::Pending]);
        assert!(refusal(&database, &[changed, SECOND]).await.detail().contains("has changed"));
        assert_eq!(states(&database, &[FIRST, SECOND]).await, [State::Applied, State::Pending]);
    })
    .await;
}

#[tokio::test]
async fn a_pending_one_must_not_be_older_than_the_newest() {
    on_both(async |database: TestDb| {
        migrate::apply(&database.ctx(), &[FIRST, THIRD]).await.unwrap();
        assert!(refusal(&database, &[FIRST, SECOND, THIRD]).await.detail().contains("is older than"));
    })
    .await;
}

#[tokio::test]
async fn two_must_not_share_an_id() {
    on_both(async |database: TestDb| {
        assert!(refusal(&database, &[FIRST, FIRST]).await.detail().contains("Two migrations"));
        assert!(migrate::status(&database.ctx(), &[FIRST, FIRST]).await.is_err());
    })
    .await;
}

/// A node of an older release starts beside a newer one.
#[tokio::test]
async fn one_from_a_newer_release_is_left_alone() {
    on_both(async |database: TestDb| {
        migrate::apply(&database.ctx(), &[FIRST, SECOND]).await.unwrap();
        assert_eq!(states(&database, &[FIRST]).await, [State::Applied, State::Unknown]);
        assert!(migrate::apply(&database.ctx(), &[FIRST]).await.unwrap().is_empty());
    })
    .await;
}

#[tokio::test]
async fn a_failed_one_leaves_nothing_of_itself() {
    on_both(async |database: TestDb| {
        let broken = Migration { sql: "CREATE TABLE half (a {int});\nINSERT INTO nowhere VALUES (1);", ..SECOND };
        let error = refusal(&database, &[FIRST, broken]).await;
        assert!(error.detail().contains(SECOND.id), "{error:?}");
        assert_eq!(error.code(), Code::Internal);
        assert_eq!(states(&database, &[FIRST, SECOND]).await, [State::Applied, State::Pending]);
        // The table of the first half is gone, so the same name is free.
        create(&database, "CREATE TABLE half (a {int});").await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn two_nodes_at_once_apply_once() {
    on_both(async |database: TestDb| {
        let other = Db::open(database.options()).await.unwrap();
        let (here, there) = (database.ctx(), Source { db: other, ..database.source.clone() }.system("test"));
        let list = [FIRST, SECOND, THIRD];
        let (one, two) = tokio::join!(
            tokio::spawn(async move { migrate::apply(&here, &list).await }),
            tokio::spawn(async move { migrate::apply(&there, &list).await }),
        );
        let mut applied = one.unwrap().unwrap();
        applied.extend(two.unwrap().unwrap());
        applied.sort();
        assert_eq!(ids(&applied), [FIRST.id, SECOND.id, THIRD.id]);
        assert_eq!(states(&database, &list).await, [State::Applied; 3]);
    })
    .await;
}

/// One text makes one schema.
#[tokio::test]
async fn both_engines_end_with_the_same_schema() {
    let mut schemas = Vec::new();
    for engine in Engine::BOTH {
        let database = TestDb::open(engine).await;
        migrate::apply(&database.ctx(), &[FIRST, SECOND, THIRD]).await.unwrap();
        create(
            &database,
            "CREATE INDEX sessions_by_user ON sessions (user_id, at) WHERE is_live; CREATE INDEX users_lower ON users (lower(email));
             CREATE TABLE pairs (a {int} NOT NULL, b {int} NOT NULL, PRIMARY KEY (b, a)) {strict};
             CREATE TABLE thirds (a {int} NOT NULL PRIMARY KEY, b {int}, FOREIGN KEY (a, b) REFERENCES pairs (b, a)) {strict};",
        )
        .await;
        schemas.push(schema::describe(&database.ctx()).await.unwrap());
    }
    assert_eq!(schemas[0], schemas[1]);
    let expected = [
        "pairs.a: INTEGER NOT NULL, 2 of the key",
        "sessions.body: BLOB NULL",
        "sessions.weight: REAL NULL",
        "sessions: (user_id) refers to users (id), on deletion CASCADE",
        "sessions: index sessions_by_user (user_id, at), partial",
        "thirds: (a, b) refers to pairs (b, a), on deletion NO ACTION",
        "users: index users_lower (())",
        "users: unique index users_email (email)",
    ];
    for line in expected {
        assert!(schemas[0].iter().any(|other| other == line), "{line} is not in {:#?}", schemas[0]);
    }
}

/// SQLite rebuilds a table by dropping it. With foreign keys on, that would delete whatever refers to it.
#[tokio::test]
async fn a_table_can_be_rebuilt_without_losing_what_refers_to_it() {
    on_both(async |database: TestDb| {
        create(
            &database,
            "CREATE TABLE users (id {int} NOT NULL PRIMARY KEY) {strict};
             CREATE TABLE notes (id {int} NOT NULL PRIMARY KEY, user_id {int} NOT NULL, CONSTRAINT notes_user
                 FOREIGN KEY (user_id) REFERENCES users (id) ON DELETE CASCADE) {strict};
             INSERT INTO users VALUES (1); INSERT INTO notes VALUES (1, 1);",
        )
        .await;
        let rebuild = match database.engine {
            Engine::Sqlite => {
                "CREATE TABLE new_users (id INTEGER NOT NULL PRIMARY KEY, name TEXT) STRICT;
                 INSERT INTO new_users SELECT id, 'ann' FROM users; DROP TABLE users; ALTER TABLE new_users RENAME TO users;"
            }
            Engine::Postgres => "ALTER TABLE users ADD COLUMN name text; UPDATE users SET name = 'ann';",
        };
        create(&database, rebuild).await;
        let ctx = database.ctx();
        let count = |sql: &'static str| ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get::<i64>(0) }.boxed());
        assert_eq!(count("SELECT count(*) FROM notes").await.unwrap(), 1);
        // Foreign keys are on again, and point at the new table.
        let orphan = ctx.write(|_, tx| async move { tx.execute("INSERT INTO notes VALUES (2, 404)", &[]).await }.boxed()).await;
        assert_eq!(orphan.unwrap_err().code(), Code::ReferenceViolation);
        ctx.write(|_, tx| async move { tx.execute("DELETE FROM users", &[]).await }.boxed()).await.unwrap();
        assert_eq!(count("SELECT count(*) FROM notes").await.unwrap(), 0);
    })
    .await;
}

/// What SQLite does not check during a rebuild it checks at the end.
#[tokio::test]
async fn a_schema_change_that_leaves_orphans_is_refused() {
    on_both(async |database: TestDb| {
        create(
            &database,
            "CREATE TABLE users (id {int} NOT NULL PRIMARY KEY) {strict};
             CREATE TABLE notes (id {int} NOT NULL PRIMARY KEY, user_id {int} NOT NULL REFERENCES users (id)) {strict};
             INSERT INTO users VALUES (1); INSERT INTO notes VALUES (1, 1);",
        )
        .await;
        let ctx = database.ctx();
        let answer = ctx.alter(|_, tx| async move { tx.batch("DELETE FROM users;").await }.boxed()).await;
        assert!(answer.is_err());
        let users = ctx
            .read(|_, tx| async move { tx.query_one("SELECT count(*) FROM users", &[]).await?.get::<i64>(0) }.boxed());
        assert_eq!(users.await.unwrap(), 1);
        let orphan = ctx.write(|_, tx| async move { tx.execute("DELETE FROM users", &[]).await }.boxed()).await;
        assert_eq!(orphan.unwrap_err().code(), Code::ReferenceViolation);
    })
    .await;
}

//! Opening databases, and what is there after closing them.
use futures_util::FutureExt as _;
use kernel::{Code, Value};
use store::{Db, Options};
use testkit::{Engine, TestDb, on_both};

use crate::{create_notes, insert};

#[tokio::test]
async fn a_missing_file_and_its_folder_are_made_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/deeper/app.db");
    let db = Db::open(Options::new(format!("sqlite:{}", path.display()))).await.unwrap();
    db.ping().await.unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        for suffix in ["-wal", "-shm"] {
            assert_eq!(mode(std::path::Path::new(&format!("{}{suffix}", path.display()))), 0o600, "{suffix}");
        }
    }
    db.close().await;
}

#[tokio::test]
async fn closing_leaves_one_file() {
    let database = TestDb::open(Engine::Sqlite).await;
    create_notes(&database).await;
    insert(&database.ctx(), 1).await.unwrap();
    database.db.close().await;
    let url = database.url();
    let path = url.strip_prefix("sqlite:").unwrap();
    assert!(std::fs::metadata(path).unwrap().len() > 0);
    assert!(!std::path::Path::new(&format!("{path}-wal")).exists());
}

#[tokio::test]
async fn what_cannot_be_opened_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let garbage = folder.path().join("garbage.db");
    std::fs::write(&garbage, "this is not a database, and it is long enough to be taken for one".repeat(100)).unwrap();
    for url in [
        format!("sqlite:{}", garbage.display()),
        format!("sqlite:{}", folder.path().display()),
        "sqlite::memory:".to_owned(),
        "mysql://localhost/app".to_owned(),
        "postgres://nobody@127.0.0.1:1/nothing".to_owned(),
    ] {
        let error = Db::open(Options::new(url.clone())).await.err();
        assert!(error.is_some_and(|error| matches!(error.code(), Code::Internal | Code::Unavailable)), "{url}");
    }
}

#[tokio::test]
async fn a_database_that_is_not_utf_8_is_refused() {
    let database = TestDb::open(Engine::Postgres).await;
    let (server, name) =
        database.options().url.expose().rsplit_once('/').map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let name = name.split('?').next().unwrap().to_owned();
    let (client, connection) = tokio_postgres::connect(&database.url(), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let other = format!("{name}_latin");
    client
        .batch_execute(&format!("CREATE DATABASE {other} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"))
        .await
        .unwrap();
    let error = Db::open(Options::new(format!("{server}/{other}?sslmode=disable"))).await.err().unwrap();
    client.batch_execute(&format!("DROP DATABASE {other} WITH (FORCE)")).await.unwrap();
    assert!(error.detail().contains("LATIN1"), "{error:?}");
}

/// The URL with its password is nowhere in what is shown.
#[tokio::test]
async fn a_refused_log_in_does_not_show_the_password() {
    let url = "postgres://ann:hunter2@127.0.0.1:1/app";
    let error = Db::open(Options::new(url)).await.err().unwrap();
    assert!(!format!("{error:?} {error}").contains("hunter2"));
}

#[tokio::test]
async fn answers_to_a_ping_until_closed() {
    on_both(async |database: TestDb| {
        database.db.ping().await.unwrap();
        database.db.close().await;
        assert_eq!(database.db.ping().await.unwrap_err().code(), Code::Unavailable);
        // Closing twice is closing.
        database.db.close().await;
    })
    .await;
}

/// The settings durability and safety rest on are on.
#[tokio::test]
async fn sqlite_is_set_up_for_durability() {
    let database = TestDb::open(Engine::Sqlite).await;
    let ctx = database.ctx();
    for (sql, expected) in [
        ("PRAGMA synchronous", Value::Int(2)),
        ("PRAGMA foreign_keys", Value::Int(1)),
        ("PRAGMA trusted_schema", Value::Int(0)),
        ("PRAGMA wal_autocheckpoint", Value::Int(8000)),
        ("PRAGMA journal_mode", "wal".into()),
    ] {
        let row = ctx.write(move |_, tx| async move { tx.query_one(sql, &[]).await }.boxed()).await;
        assert_eq!(row.unwrap().into_values(), [expected], "{sql}");
    }
}

//! Broken constraints are told by name, the same on both engines.
use futures_util::FutureExt as _;
use kernel::{Code, Error, Value};
use store::{Violation, violated};
use testkit::{Engine, TestDb, on_both};

use crate::create;

const TABLES: &str = "
    CREATE TABLE owners (id {int} NOT NULL PRIMARY KEY, email {text} NOT NULL, tenant {int} NOT NULL, nick {text}) {strict};
    CREATE UNIQUE INDEX owners_email ON owners (email, tenant);
    CREATE UNIQUE INDEX owners_nick_lower ON owners (lower(nick));
    CREATE UNIQUE INDEX owners_tenant ON owners (tenant) WHERE tenant > 100;
    CREATE TABLE pets (
        id {int} NOT NULL PRIMARY KEY,
        owner_id {int} NOT NULL,
        age {int} NOT NULL,
        CONSTRAINT pets_owner FOREIGN KEY (owner_id) REFERENCES owners (id) ON DELETE RESTRICT,
        CONSTRAINT pets_age CHECK (age >= 0)
    ) {strict};
    INSERT INTO owners VALUES (1, 'ann@example.org', 1, 'Ann');
    INSERT INTO owners VALUES (2, 'bob@example.org', 200, 'Bob');
    INSERT INTO pets VALUES (1, 1, 3);";

async fn breaking(database: &TestDb, sql: &'static str) -> Error {
    let answer = database.ctx().write(move |_, tx| async move { tx.execute(sql, &[]).await }.boxed()).await;
    answer.expect_err(sql)
}

fn violation(error: &Error) -> &Violation {
    std::error::Error::source(error).and_then(|source| source.downcast_ref()).expect("a violation as the source")
}

#[tokio::test]
async fn unique_constraints_have_names() {
    on_both(async |database: TestDb| {
        create(&database, TABLES).await;
        for (sql, name) in [
            ("INSERT INTO owners VALUES (3, 'ann@example.org', 1, 'Cleo')", "owners_email"),
            ("UPDATE owners SET email = 'ann@example.org', tenant = 1 WHERE id = 2", "owners_email"),
            ("INSERT INTO owners VALUES (3, 'cleo@example.org', 1, 'aNN')", "owners_nick_lower"),
            ("INSERT INTO owners VALUES (3, 'cleo@example.org', 200, 'Cleo')", "owners_tenant"),
            ("INSERT INTO owners VALUES (1, 'cleo@example.org', 1, 'Cleo')", "owners_pkey"),
        ] {
            let error = breaking(&database, sql).await;
            assert_eq!(violated(&error), Some(name), "{sql}");
            assert_eq!(error.code(), Code::UniqueViolation, "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn unnamed_constraints_have_the_names_postgresql_gives() {
    on_both(async |database: TestDb| {
        let key = match database.engine {
            Engine::Sqlite => "INTEGER PRIMARY KEY",
            Engine::Postgres => "bigint PRIMARY KEY",
        };
        let sql = format!("CREATE TABLE pairs (id {key}, one {{int}}, two {{int}}, UNIQUE (one, two));");
        create(&database, sql.leak()).await;
        database
            .ctx()
            .write(|_, tx| async move { tx.execute("INSERT INTO pairs VALUES (1, 2, 3)", &[]).await }.boxed())
            .await
            .unwrap();
        let error = breaking(&database, "INSERT INTO pairs VALUES (2, 2, 3)").await;
        assert_eq!(violated(&error), Some("pairs_one_two_key"));
        let error = breaking(&database, "INSERT INTO pairs VALUES (1, 0, 0)").await;
        assert_eq!(violated(&error), Some("pairs_pkey"));
    })
    .await;
}

#[tokio::test]
async fn broken_references_are_conflicts() {
    on_both(async |database: TestDb| {
        create(&database, TABLES).await;
        for sql in ["INSERT INTO pets VALUES (2, 77, 1)", "DELETE FROM owners WHERE id = 1"] {
            let error = breaking(&database, sql).await;
            assert_eq!(error.code(), Code::ReferenceViolation, "{sql}");
            assert!(matches!(violation(&error), Violation::ForeignKey(_)), "{sql}");
            assert_eq!(violated(&error), None, "{sql}");
        }
    })
    .await;
}

#[tokio::test]
async fn broken_checks_are_defects_with_names() {
    on_both(async |database: TestDb| {
        create(&database, TABLES).await;
        let error = breaking(&database, "INSERT INTO pets VALUES (2, 1, -1)").await;
        assert_eq!(violation(&error), &Violation::Check("pets_age".to_owned()));
        assert_eq!(error.code(), Code::Internal);
        let error = breaking(&database, "INSERT INTO owners (id, tenant) VALUES (5, 5)").await;
        assert_eq!(violation(&error), &Violation::NotNull("email".to_owned()));
    })
    .await;
}

/// Also when the offender is one of several jobs of a batch, and its neighbours stay.
#[tokio::test]
async fn a_violation_is_its_own_callers_alone() {
    on_both(async |database: TestDb| {
        create(&database, TABLES).await;
        let ctx = database.ctx();
        let insert = |id: i64, email: &'static str| {
            let sql = "INSERT INTO owners (id, email, tenant) VALUES ($1, $2, 1)";
            ctx.write(move |_, tx| async move { tx.execute(sql, &[id.into(), Value::from(email)]).await }.boxed())
        };
        let answers = futures_util::future::join_all([
            insert(10, "ten@example.org"),
            insert(11, "ann@example.org"),
            insert(12, "twelve@example.org"),
            insert(13, "ann@example.org"),
            insert(14, "fourteen@example.org"),
        ]);
        let names: Vec<_> =
            answers.await.iter().map(|answer| answer.as_ref().err().and_then(violated).map(str::to_owned)).collect();
        let broken = Some("owners_email".to_owned());
        assert_eq!(names, [None, broken.clone(), None, broken, None]);
    })
    .await;
}

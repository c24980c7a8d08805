//! What is written is read again, whatever it is.
use futures_util::FutureExt as _;
use kernel::{Code, Decimal, Result, Timestamp, Uuid, Value};
use store::{FromValue, Row, row};
use testkit::{Engine, TestDb, on_both};

use crate::create;

const TABLE: &str =
    "CREATE TABLE kinds (id {int} NOT NULL PRIMARY KEY, truth {bool}, number {int}, real {float}, letters {text},
    bytes {bytes}, uuid {id}, at {time}, document {json}) {strict};";

/// Writes `value` into `column` and reads it back.
async fn there_and_back(database: &TestDb, column: &'static str, value: Value) -> Result<Row> {
    let ctx = database.ctx();
    let written = ctx.write(move |_, tx| {
        async move {
            tx.execute("DELETE FROM kinds", &[]).await?;
            tx.execute(&format!("INSERT INTO kinds (id, {column}) VALUES (1, $1)"), &[value]).await
        }
        .boxed()
    });
    assert_eq!(written.await?, 1);
    let sql = format!("SELECT {column} FROM kinds");
    database.ctx().read(move |_, tx| async move { tx.query_one(&sql, &[]).await }.boxed()).await
}

async fn returns<T>(database: &TestDb, column: &'static str, value: T)
where
    T: FromValue + Into<Value> + Clone + PartialEq + std::fmt::Debug,
{
    let row = there_and_back(database, column, value.clone().into()).await.unwrap();
    assert_eq!(row.get::<T>(0).unwrap(), value, "{column}");
    assert!(row.get::<T>(1).is_err(), "there is no second column");
}

#[tokio::test]
async fn every_kind_returns() {
    on_both(async |database: TestDb| {
        create(&database, TABLE).await;
        for truth in [true, false] {
            returns(&database, "truth", truth).await;
        }
        for number in [0, -1, i64::MIN, i64::MAX] {
            returns(&database, "number", number).await;
        }
        for number in [0.0, -1.5, f64::MIN, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, 1e-7, 0.1 + 0.2] {
            returns(&database, "real", number).await;
        }
        for text in ["", "plain", "Ünïcödé ✓ 漢字 🦀", "'; DROP TABLE kinds; --", "\u{10ffff}\u{1}", "line\r\nline\t"]
        {
            returns(&database, "letters", text.to_owned()).await;
        }
        for bytes in [vec![], vec![0, 1, 255], vec![0; 100_000]] {
            returns(&database, "bytes", bytes).await;
        }
        for uuid in [Uuid::nil(), Uuid::max(), Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057)] {
            returns(&database, "uuid", uuid).await;
        }
        for micros in [0, -1, i64::MIN, i64::MAX, 1_700_000_000_123_456] {
            let row = there_and_back(&database, "at", Timestamp::from_micros(micros).into()).await.unwrap();
            assert_eq!(row.get::<Timestamp>(0).unwrap(), Timestamp::from_micros(micros));
        }
        // Byte for byte: order of keys, doubled keys, space and the spelling of numbers.
        let json = r#"{"b": 1.0,  "a":[null,true,"ü"], "a": 1e2}"#;
        let row = there_and_back(&database, "document", Value::Json(json.to_owned())).await.unwrap();
        assert_eq!(row.get::<String>(0).unwrap(), json);
    })
    .await;
}

#[tokio::test]
async fn nothing_returns_as_nothing_from_every_kind() {
    on_both(async |database: TestDb| {
        create(&database, TABLE).await;
        for column in ["truth", "number", "real", "letters", "bytes", "uuid", "at", "document"] {
            let row = there_and_back(&database, column, Value::Null).await.unwrap();
            assert_eq!(row.get::<Option<i64>>(0).unwrap(), None, "{column}");
            assert!(row.get::<i64>(0).is_err(), "{column}");
            assert_eq!(row.into_values(), [Value::Null], "{column}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_decimal_keeps_its_digits() {
    on_both(async |database: TestDb| {
        let sql = match database.engine {
            Engine::Sqlite => "CREATE TABLE prices (price INTEGER) STRICT",
            Engine::Postgres => "CREATE TABLE prices (price numeric(18, 4))",
        };
        create(&database, sql).await;
        for digits in [0, 1, -1, 999_999_999_999_999_999, -999_999_999_999_999_999, 120_000] {
            let price = Decimal::new(digits, 4);
            let ctx = database.ctx();
            let back = ctx.write(move |_, tx| {
                async move {
                    tx.execute("DELETE FROM prices", &[]).await?;
                    tx.query_one("INSERT INTO prices VALUES ($1) RETURNING price", &[price.into()]).await
                }
                .boxed()
            });
            let values = back.await.unwrap().into_values();
            let back = row::decimal(&values[0], 4).unwrap();
            assert_eq!((back, back.scale()), (price, 4));
        }
    })
    .await;
}

#[tokio::test]
async fn what_does_not_fit_is_refused_and_not_bent() {
    on_both(async |database: TestDb| {
        create(&database, TABLE).await;
        let too_long = Value::Decimal(Decimal::MAX);
        for (column, value) in
            [("real", Value::Float(f64::NAN)), ("number", "text".into()), ("number", too_long), ("uuid", 1.5.into())]
        {
            let error = there_and_back(&database, column, value.clone()).await.unwrap_err();
            assert_eq!(error.code(), Code::Internal, "{value:?} in {column}");
        }
    })
    .await;
}

#[tokio::test]
async fn parameters_stand_in_any_order_and_more_than_once() {
    on_both(async |database: TestDb| {
        let sql =
            "SELECT CAST($3 AS bigint) - CAST($1 AS bigint), CAST($2 AS text), CAST($1 AS bigint) + CAST($3 AS bigint)
                   WHERE CAST($3 AS bigint) > CAST($1 AS bigint)";
        let params = [Value::Int(1), "two".into(), Value::Int(30)];
        let ctx = database.ctx();
        let row = ctx.read(move |_, tx| async move { tx.query_one(sql, &params).await }.boxed()).await.unwrap();
        assert_eq!(row.get::<i64>(0).unwrap(), 29);
        assert_eq!(row.get::<String>(1).unwrap(), "two");
        assert_eq!(row.get::<i64>(2).unwrap(), 31);
    })
    .await;
}

#[tokio::test]
async fn ten_parameters_and_more_are_told_apart() {
    on_both(async |database: TestDb| {
        let sql = "SELECT CAST($11 AS bigint), CAST($1 AS bigint), CAST($2 AS bigint) + CAST($3 AS bigint) + CAST($4 AS bigint)
            + CAST($5 AS bigint) + CAST($6 AS bigint) + CAST($7 AS bigint) + CAST($8 AS bigint) + CAST($9 AS bigint)
            + CAST($10 AS bigint)";
        let params: Vec<Value> = (1..=11).map(Value::Int).collect();
        let ctx = database.ctx();
        let row = ctx.read(move |_, tx| async move { tx.query_one(sql, &params).await }.boxed()).await.unwrap();
        assert_eq!([0, 1, 2].map(|column| row.get::<i64>(column).unwrap()), [11, 1, 54]);
    })
    .await;
}

#[tokio::test]
async fn the_number_of_parameters_must_be_right() {
    on_both(async |database: TestDb| {
        for params in [vec![], vec![Value::Int(1), Value::Int(2)]] {
            let sql = "SELECT CAST($1 AS bigint)";
            let ctx = database.ctx();
            let answer = ctx.read(move |_, tx| async move { tx.query(sql, &params).await }.boxed()).await;
            assert_eq!(answer.unwrap_err().code(), Code::Internal);
        }
        // The connection is good for more.
        database.db.ping().await.unwrap();
    })
    .await;
}

/// A sum of integers is numeric to PostgreSQL.
#[tokio::test]
async fn sums_and_counts_are_integers() {
    on_both(async |database: TestDb| {
        create(&database, TABLE).await;
        let ctx = database.ctx();
        let row = ctx.write(|_, tx| {
            async move {
                tx.execute("INSERT INTO kinds (id, number) VALUES (1, 40), (2, 2)", &[]).await?;
                tx.query_one("SELECT sum(number), count(*), max(number), sum(number) FROM kinds WHERE id < 3", &[])
                    .await
            }
            .boxed()
        });
        let row = row.await.unwrap();
        assert_eq!([0, 1, 2].map(|column| row.get::<i64>(column).unwrap()), [42, 2, 40]);
    })
    .await;
}

#[tokio::test]
async fn text_is_ordered_by_code_point() {
    on_both(async |database: TestDb| {
        create(&database, TABLE).await;
        let ctx = database.ctx();
        let names = ctx.write(|_, tx| {
            async move {
                for (number, name) in ["b", "A", "ä", "a", "B", "Z"].into_iter().enumerate() {
                    let number = i64::try_from(number).unwrap();
                    tx.execute("INSERT INTO kinds (id, letters) VALUES ($1, $2)", &[number.into(), name.into()])
                        .await?;
                }
                let rows = tx.query("SELECT letters FROM kinds ORDER BY letters", &[]).await?;
                rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>>>()
            }
            .boxed()
        });
        assert_eq!(names.await.unwrap(), ["A", "B", "Z", "a", "b", "ä"]);
    })
    .await;
}

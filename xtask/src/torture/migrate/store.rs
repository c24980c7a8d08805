//! The rows of the migrated tables: made fast, and told by a checksum that is the same before and after.
use std::{fmt::Write as _, sync::Arc};

use ::store::{Ctx, Db, Dialect, Options, Source, migrate::checksum, schema::describe};
use futures_util::FutureExt as _;
use kernel::{OsRandom, Result, SystemClock};

const BATCH: u64 = 100_000;
const PAGE: usize = 10_000;

/// What is in the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Tables, columns, indexes and references.
    pub tables: Vec<String>,
    /// Of all rows, as the older declaration has them.
    pub checksum: String,
}

/// Fills the tables of the older declaration: `rows` notes and a comment on every tenth.
pub async fn fill(url: &str, rows: u64) -> std::result::Result<(), String> {
    with(url, async |ctx| {
        for first in (0..rows).step_by(usize::try_from(BATCH).unwrap_or(1)) {
            let last = (first + BATCH).min(rows);
            for sql in inserts(ctx.db().dialect(), first, last) {
                ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await?;
            }
        }
        Ok(())
    })
    .await
}

fn inserts(dialect: Dialect, first: u64, last: u64) -> [String; 2] {
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT CAST({first} AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < {last})"
    );
    let id = |first: &str| match dialect {
        Dialect::Sqlite => format!("unhex(printf('{first}%030x', n))"),
        Dialect::Postgres => format!("CAST('{first}' || lpad(to_hex(n), 30, '0') AS uuid)"),
    };
    let (note, comment, owner) = (id("0a"), id("0b"), id("0c"));
    let own = format!("{owner}, 1700000000000000 + n, 1700000000000000 + n, 1 + n % 5");
    [
        format!(
            "INSERT INTO notes (id, owner_id, created_at, updated_at, version, title, stars) {numbers} \
             SELECT {note}, {own}, 'Note ' || n || ' of many that are to be told apart', \
             CASE WHEN n % 7 = 0 THEN NULL ELSE n % 1000 - 500 END FROM numbers"
        ),
        format!(
            "INSERT INTO comments (id, owner_id, created_at, updated_at, version, note) {numbers} \
             SELECT {comment}, {own}, {note} FROM numbers WHERE n % 10 = 3"
        ),
    ]
}

/// What is there now. Errors: it is damaged, or refers to what is not there.
pub async fn look(url: &str) -> std::result::Result<Found, String> {
    with(url, async |ctx| {
        if ctx.db().dialect() == Dialect::Sqlite {
            for pragma in ["PRAGMA quick_check", "PRAGMA foreign_key_check"] {
                let rows = ctx.read(move |_, tx| async move { tx.query(pragma, &[]).await }.boxed()).await?;
                let faults = rows.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>>>()?;
                if faults.iter().any(|fault| fault != "ok") {
                    return Err(kernel::Error::internal(format!("{pragma}: {faults:?}")));
                }
            }
        }
        let tables = describe(ctx).await?;
        let tables: Vec<String> =
            tables.into_iter().filter(|line| line.starts_with("notes") || line.starts_with("comments")).collect();
        let is_newer = tables.iter().any(|line| line.starts_with("notes.rating"));
        let mut digest = String::new();
        for sql in [notes(ctx.db().dialect(), is_newer), COMMENTS.to_owned()] {
            digest = add_rows(ctx, sql, digest).await?;
        }
        Ok(Found { tables, checksum: digest })
    })
    .await
}

const COMMENTS: &str = "SELECT id, owner_id, created_at, updated_at, version, note FROM comments";

/// The notes as the older declaration has them.
fn notes(dialect: Dialect, is_newer: bool) -> String {
    let (title, stars) = match (is_newer, dialect) {
        (false, _) => ("title", "stars"),
        // As SQLite keeps decimals.
        (true, Dialect::Sqlite) => ("heading", "rating / 100"),
        (true, Dialect::Postgres) => ("heading", "CAST(rating AS bigint)"),
    };
    format!("SELECT id, owner_id, created_at, updated_at, version, {title}, {stars} FROM notes")
}

/// Page by page in the order of ids.
async fn add_rows(ctx: &Ctx, sql: String, mut digest: String) -> Result<String> {
    let mut after = kernel::Uuid::nil();
    loop {
        let page = format!("{sql} WHERE id > $1 ORDER BY id LIMIT {PAGE}");
        let rows = ctx.read(move |_, tx| async move { tx.query(&page, &[after.into()]).await }.boxed()).await?;
        let Some(last) = rows.last() else { return Ok(digest) };
        after = last.get(0)?;
        let mut text = digest;
        for row in rows {
            for value in row.into_values() {
                let _ = write!(text, "{value:?}|");
            }
        }
        digest = checksum(&text);
    }
}

async fn with<T>(url: &str, body: impl AsyncFnOnce(&Ctx) -> Result<T>) -> std::result::Result<T, String> {
    let options = Options { statement: std::time::Duration::from_mins(5), ..Options::new(url) };
    let told = |error: kernel::Error| format!("{error:?}");
    let db = Db::open(options).await.map_err(told)?;
    let source = Source { db: db.clone(), clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
    let answer = body(&source.system("torture")).await;
    db.close().await;
    answer.map_err(told)
}

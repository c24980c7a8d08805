//! What the database itself says, asked behind the program's back.
use std::{sync::Arc, time::Duration};

use ::store::{Ctx, Db, Dialect, Options, Source};
use futures_util::FutureExt as _;
use kernel::{OsRandom, Result, SystemClock};

/// Each counts rows that must not be, and says what they would be.
const MUST_BE_NONE: [(&str, &str); 3] = [
    (
        "documents without exactly one audit row of their creation",
        "SELECT COUNT(*) FROM documents LEFT JOIN (SELECT target_id, COUNT(*) AS entries FROM audit_log \
         WHERE action = 'record.created' AND target_type = 'documents' GROUP BY target_id) AS told \
         ON told.target_id = documents.id WHERE told.entries IS NULL OR told.entries <> 1",
    ),
    (
        "audit rows of the creation of documents that are not there",
        "SELECT COUNT(*) FROM audit_log WHERE action = 'record.created' AND target_type = 'documents' \
         AND NOT EXISTS (SELECT 1 FROM documents WHERE documents.id = audit_log.target_id)",
    ),
    (
        "titles that are there more than once",
        "SELECT COUNT(*) FROM (SELECT title FROM documents GROUP BY title HAVING COUNT(*) > 1) AS twice",
    ),
];

/// The state of a database nobody serves.
pub struct State {
    pub documents: i64,
    /// What is wrong with it.
    pub faults: Vec<String>,
}

/// Opens the database and examines it. Errors: it cannot be opened or read.
pub async fn examine(url: &str) -> std::result::Result<State, String> {
    let options = Options { statement: Duration::from_mins(5), ..Options::new(url) };
    let told = |error: kernel::Error| format!("{error:?}");
    let db = Db::open(options).await.map_err(told)?;
    let source = Source { db: db.clone(), clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
    let state = state(&source.system("torture")).await;
    db.close().await;
    state.map_err(told)
}

async fn state(ctx: &Ctx) -> Result<State> {
    let mut faults = Vec::new();
    if ctx.db().dialect() == Dialect::Sqlite {
        faults.extend(damage(ctx).await?);
    }
    for (what, sql) in MUST_BE_NONE {
        match number(ctx, sql).await? {
            0 => {}
            count => faults.push(format!("{count} {what}")),
        }
    }
    Ok(State { documents: number(ctx, "SELECT COUNT(*) FROM documents").await?, faults })
}

/// What SQLite finds damaged.
async fn damage(ctx: &Ctx) -> Result<Vec<String>> {
    let found = ctx.read(|_, tx| {
        async move {
            let mut faults = Vec::new();
            for row in tx.query("PRAGMA integrity_check", &[]).await? {
                faults.push(row.get::<String>(0)?);
            }
            faults.retain(|fault| fault != "ok");
            for row in tx.query("PRAGMA foreign_key_check", &[]).await? {
                faults.push(format!("a row of {} refers to nothing", row.get::<String>(0)?));
            }
            Ok(faults)
        }
        .boxed()
    });
    found.await
}

async fn number(ctx: &Ctx, sql: &'static str) -> Result<i64> {
    ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get(0) }.boxed()).await
}

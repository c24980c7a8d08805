//! Every document as the database has it, read behind the program's back, deleted ones too; and what PostgreSQL's administrator says.
use std::{collections::HashMap, sync::Arc, time::Duration};

use ::store::{Ctx, Db, Options, Source};
use futures_util::FutureExt as _;
use kernel::{OsRandom, Result, SystemClock, Value};

const PAGE: usize = 5000;
/// A document, and how many audit rows tell of it: one for each version.
const DOCUMENTS: &str = "SELECT title, version, CASE WHEN deleted_at IS NULL THEN 0 ELSE 1 END, told.entries FROM documents \
     LEFT JOIN (SELECT target_id, COUNT(*) AS entries FROM audit_log WHERE target_type = 'documents' GROUP BY target_id) AS told \
     ON told.target_id = documents.id WHERE title > $1 ORDER BY title LIMIT 5000";

pub const PING: &str = "SELECT 1";
/// PostgreSQL takes no writes, as a standby.
pub const READ_ONLY: [&str; 2] = ["ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()"];
pub const WRITABLE: [&str; 2] = ["ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()"];
/// Connections of clients are ended: all of them, or one in two.
pub const CUT_ALL: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()";
pub const CUT_SOME: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
     WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND random() < 0.5";

pub struct Row {
    pub version: i64,
    pub is_deleted: bool,
    pub audited: i64,
}

/// By title. Errors: the database cannot be opened or read.
pub async fn rows(url: &str) -> std::result::Result<HashMap<String, Row>, String> {
    let options = Options { statement: Duration::from_mins(5), ..Options::new(url) };
    let told = |error: kernel::Error| format!("{error:?}");
    let db = Db::open(options).await.map_err(told)?;
    let source = Source { db: db.clone(), clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
    let rows = read(&source.system("torture")).await;
    db.close().await;
    rows.map_err(told)
}

async fn read(ctx: &Ctx) -> Result<HashMap<String, Row>> {
    let mut rows = HashMap::new();
    let mut last = String::new();
    loop {
        let after = last.clone();
        let page = ctx.read(move |_, tx| {
            async move {
                let mut page = Vec::new();
                for row in tx.query(DOCUMENTS, &[Value::Text(after)]).await? {
                    let (is_deleted, audited): (i64, Option<i64>) = (row.get(2)?, row.get(3)?);
                    let found =
                        Row { version: row.get(1)?, is_deleted: is_deleted == 1, audited: audited.unwrap_or(0) };
                    page.push((row.get::<String>(0)?, found));
                }
                Ok(page)
            }
            .boxed()
        });
        let page = page.await?;
        let is_last = page.len() < PAGE;
        if let Some((title, _)) = page.last() {
            last.clone_from(title);
        }
        rows.extend(page);
        if is_last {
            return Ok(rows);
        }
    }
}

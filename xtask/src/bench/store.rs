//! The generator: rows made by the database itself, the same on every run and on both engines.
use std::{collections::BTreeMap, sync::Arc, time::Duration};

use ::store::{Ctx, Db, Dialect, Options, Source};
use futures_util::FutureExt as _;
use kernel::{OsRandom, Result, SystemClock, Uuid};

/// The generator itself: tables made by another one are made anew.
pub const TEXT: &str = include_str!("store.rs");

/// Rows of one transaction.
const CHUNK: u64 = 250_000;
/// 2024-01-01, in microseconds; a document came every six seconds since.
const BEGINNING: u64 = 1_704_067_200_000_000;
const PACE: u64 = 6_000_000;

/// Who owns the rows that are listed.
#[derive(Clone, Copy)]
pub struct Owners {
    /// A tenth of all rows.
    pub large: Uuid,
    /// Two hundred rows, in tables of every size.
    pub small: Uuid,
}

/// Indexes by name, each with the statement that makes it.
pub type Indexes = BTreeMap<String, String>;

/// A database, opened behind the program's back.
pub struct Store {
    ctx: Ctx,
}

/// What went wrong, for people.
pub fn told(error: impl std::fmt::Debug) -> String {
    format!("{error:?}")
}

impl Store {
    pub async fn open(url: &str) -> Result<Self> {
        let patience = Duration::from_hours(1);
        let db = Db::open(Options { statement: patience, wait: patience, ..Options::new(url) }).await?;
        let source = Source { db, clock: Arc::new(SystemClock), random: Arc::new(OsRandom) };
        Ok(Self { ctx: source.system("bench") })
    }

    pub async fn close(self) {
        self.ctx.db().close().await;
    }

    /// Fills the empty tables: first the rows, then the indexes.
    pub async fn fill(&self, rows: u64, owners: Owners, progress: impl Fn(u64)) -> Result<()> {
        let indexes = self.drop_indexes().await?;
        let dialect = self.ctx.db().dialect();
        self.execute(folders(dialect, rows), vec![owners.large]).await?;
        for first in (0..rows).step_by(usize::try_from(CHUNK).unwrap_or(usize::MAX)) {
            progress(first);
            let last = (first + CHUNK).min(rows) - 1;
            self.execute(documents(dialect, rows, first, last), vec![owners.large, owners.small]).await?;
        }
        progress(rows);
        self.create_missing(&indexes).await
    }

    /// The secondary indexes of the documents.
    pub async fn indexes(&self) -> Result<Indexes> {
        let sql = match self.ctx.db().dialect() {
            Dialect::Sqlite => "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'documents'",
            Dialect::Postgres => "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'documents'",
        };
        self.ctx
            .read(move |_, tx| {
                async move {
                    let mut indexes = Indexes::new();
                    for row in tx.query(sql, &[]).await? {
                        let name = row.get::<String>(0)?;
                        if name.ends_with("__idx") {
                            indexes.insert(name, row.get(1)?);
                        }
                    }
                    Ok(indexes)
                }
                .boxed()
            })
            .await
    }

    /// Drops them and says what they were.
    pub async fn drop_indexes(&self) -> Result<Indexes> {
        let indexes = self.indexes().await?;
        for name in indexes.keys() {
            self.change(format!("DROP INDEX \"{name}\"")).await?;
        }
        Ok(indexes)
    }

    /// Makes those of `indexes` that are not there.
    pub async fn create_missing(&self, indexes: &Indexes) -> Result<()> {
        let there = self.indexes().await?;
        for (_, sql) in indexes.iter().filter(|(name, _)| !there.contains_key(*name)) {
            let memory = match self.ctx.db().dialect() {
                Dialect::Sqlite => "",
                Dialect::Postgres => "SET LOCAL maintenance_work_mem = '512MB';",
            };
            self.change(format!("{memory}{sql}")).await?;
        }
        Ok(())
    }

    /// A folder that holds documents.
    pub async fn folder(&self) -> Result<Uuid> {
        let sql = "SELECT folder FROM documents WHERE folder IS NOT NULL ORDER BY id LIMIT 1";
        self.ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get(0) }.boxed()).await
    }

    async fn execute(&self, sql: String, ids: Vec<Uuid>) -> Result<()> {
        self.ctx
            .write(move |_, tx| {
                async move {
                    let ids: Vec<kernel::Value> = ids.into_iter().map(Into::into).collect();
                    tx.execute(&sql, &ids).await.map(|_| ())
                }
                .boxed()
            })
            .await
    }

    async fn change(&self, sql: String) -> Result<()> {
        self.ctx.write(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await
    }
}

/// One for every hundred documents of the large owner.
fn folders(dialect: Dialect, rows: u64) -> String {
    let id = id(dialect, &format!("{BEGINNING} / 1000"), "0", "n");
    format!(
        "{} INSERT INTO folders (id, owner_id, created_at, updated_at, version, name) \
         SELECT {id}, $1, {BEGINNING}, {BEGINNING}, 1, 'Folder ' || n FROM numbers",
        numbers(0, rows / 1000 - 1),
    )
}

/// Of the documents `n`, every tenth is the large owner's; the small owner's lie evenly among the others, which belong to one
/// owner for 200 rows, some to many more rows than others. `h` is 32 bits that look random.
fn documents(dialect: Dialect, rows: u64, first: u64, last: u64) -> String {
    let at = format!("({BEGINNING} + n * {PACE})");
    let (owners, all_folders) = (rows / 200, rows / 1000);
    let other =
        id(dialect, &format!("{BEGINNING} / 1000"), "1", &format!("(((h / 65536) * (h / 65536) * {owners}) >> 32)"));
    let folder = id(dialect, &format!("{BEGINNING} / 1000"), "0", &format!("((n / 10) % {all_folders})"));
    format!(
        "{numbers} INSERT INTO documents \
         (id, owner_id, created_at, updated_at, deleted_at, version, title, body, favourite, status, folder) \
         SELECT {id}, CASE WHEN n % 10 = 0 THEN $1 WHEN n % {owners} = 7 THEN $2 ELSE {other} END, {at}, {at}, \
         CASE WHEN (h / 4096) % 100 = 0 THEN {at} + 1000000 END, 1, 'Document ' || n, \
         'What is written in a note of no more than usual length, number ' || h, (h / 256) % 10 = 3, \
         CASE (h / 16) % 100 WHEN 0 THEN 'open' WHEN 1 THEN 'archived' WHEN 2 THEN 'draft' ELSE 'published' END, \
         CASE WHEN n % 10 = 0 THEN {folder} END \
         FROM (SELECT n, (n * 2654435761) % 4294967296 AS h FROM numbers) AS numbered",
        numbers = numbers(first, last),
        id = id(dialect, &format!("{at} / 1000"), "(h % 4096)", "n"),
    )
}

/// The id of document `n`; none: it is deleted softly.
pub fn document(n: u64) -> Option<Uuid> {
    let (at, h) = (BEGINNING + n * PACE, n * 2_654_435_761 % 4_294_967_296);
    let bits = u128::from(at / 1000) << 80 | 0x7 << 76 | u128::from(h % 4096) << 64 | 0x8000 << 48 | u128::from(n);
    (!(h / 4096).is_multiple_of(100)).then(|| Uuid::from_u128(bits))
}

fn numbers(first: u64, last: u64) -> String {
    format!(
        "WITH RECURSIVE numbers (n) AS \
         (SELECT CAST({first} AS bigint) UNION ALL SELECT n + 1 FROM numbers WHERE n < {last})"
    )
}

/// A UUIDv7 of a time in milliseconds, 12 bits and a number.
fn id(dialect: Dialect, milliseconds: &str, bits: &str, number: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("unhex(printf('%012x7%03x8000%012x', {milliseconds}, {bits}, {number}))"),
        Dialect::Postgres => format!(
            "CAST(lpad(to_hex({milliseconds}), 12, '0') || '7' || lpad(to_hex({bits}), 3, '0') || '8000' || \
             lpad(to_hex({number}), 12, '0') AS uuid)"
        ),
    }
}

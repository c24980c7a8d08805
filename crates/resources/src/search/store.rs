//! Where search data lies. PostgreSQL has it in a column of the row, a tsvector under a GIN index. SQLite has it in an FTS5 table
//! beside, without the texts, under the rowid of the row.
use ::store::{Dialect, Tx};
use kernel::{Result, Uuid, Value};

use super::{Document, MOST_FIELDS, Query, document::FIELD_LENGTH};

/// PostgreSQL's column. No field is called so.
pub const VECTOR: &str = "hardpan_search";
/// The column of a row's rank in a search.
pub const RANK: &str = "hardpan_rank";
/// How much each field counts, the first the most: as PostgreSQL has it by default.
const WEIGHTS: [&str; MOST_FIELDS] = ["1.0", "0.4", "0.2", "0.1"];
/// Rows that are indexed with one statement.
const CHUNK: usize = 100;

/// What makes the place for search data over so many columns: one statement before [`fill`], one after it.
pub fn creation(dialect: Dialect, table: &str, columns: usize) -> [String; 2] {
    match dialect {
        Dialect::Sqlite => {
            let names = names(columns);
            let options = "content='', contentless_delete=1, tokenize='ascii'";
            [format!("CREATE VIRTUAL TABLE \"{table}__search\" USING fts5({names}, {options})"), trigger(table)]
        }
        // An index is built faster over rows that are there.
        Dialect::Postgres => [
            format!("ALTER TABLE \"{table}\" ADD COLUMN {VECTOR} tsvector"),
            format!("CREATE INDEX \"{table}__search\" ON \"{table}\" USING gin ({VECTOR})"),
        ],
    }
}

/// What removes it.
pub fn removal(dialect: Dialect, table: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!("DROP TRIGGER \"{table}__gone\"; DROP TABLE \"{table}__search\""),
        Dialect::Postgres => format!("ALTER TABLE \"{table}\" DROP COLUMN {VECTOR}"),
    }
}

/// What lets it follow its table, which was renamed.
pub fn renaming(dialect: Dialect, table: &str, to: &str) -> String {
    match dialect {
        Dialect::Sqlite => format!(
            "DROP TRIGGER \"{table}__gone\"; ALTER TABLE \"{table}__search\" RENAME TO \"{to}__search\"; {}",
            trigger(to)
        ),
        Dialect::Postgres => format!("ALTER INDEX \"{table}__search\" RENAME TO \"{to}__search\""),
    }
}

/// Removes a row's search data with the row, whatever removed that: cascades fire triggers too.
fn trigger(table: &str) -> String {
    format!(
        "CREATE TRIGGER \"{table}__gone\" AFTER DELETE ON \"{table}\" BEGIN \
         DELETE FROM \"{table}__search\" WHERE rowid = OLD.rowid; END"
    )
}

/// FTS5's columns, called by their place: a field that is renamed stays where it is.
fn names(columns: usize) -> String {
    (0..columns).map(|place| format!("f{place}")).collect::<Vec<_>>().join(", ")
}

/// The search data as a column of the row, for the statement that writes it: its name, its cast and its value. `None` where it lies
/// elsewhere: then [`keep`] is to be called after that statement.
pub fn column(dialect: Dialect, document: &Document) -> Option<(&'static str, &'static str, Value)> {
    match dialect {
        Dialect::Sqlite => None,
        Dialect::Postgres => Some((VECTOR, "::text::tsvector", document.vector().into())),
    }
}

/// Keeps the search data of a row that is not in the row.
pub async fn keep(tx: &mut Tx<'_>, table: &str, id: Uuid, document: &Document) -> Result<()> {
    if tx.dialect() == Dialect::Postgres {
        return Ok(());
    }
    let columns = document.columns();
    let names = names(columns.len());
    let places = (0..columns.len()).map(|place| format!("${}", place + 2)).collect::<Vec<_>>().join(", ");
    let sql = format!(
        "INSERT OR REPLACE INTO \"{table}__search\" (rowid, {names}) SELECT rowid, {places} FROM \"{table}\" WHERE id = $1"
    );
    let params: Vec<Value> = std::iter::once(id.into()).chain(columns.into_iter().map(Value::Text)).collect();
    tx.execute(&sql, &params).await.map(|_| ())
}

/// Keeps the search data of every row, in chunks, from columns of text, the weightiest first.
pub async fn fill(tx: &mut Tx<'_>, table: &str, columns: &[String]) -> Result<()> {
    let texts: Vec<String> =
        columns.iter().map(|column| format!("coalesce(substr(\"{column}\", 1, {FIELD_LENGTH}), '')")).collect();
    let texts = texts.join(", ");
    let mut last = Uuid::nil();
    loop {
        let sql = format!("SELECT id, {texts} FROM \"{table}\" WHERE id > $1 ORDER BY id LIMIT {CHUNK}");
        let rows = tx.query(&sql, &[last.into()]).await?;
        let mut documents: Vec<(Uuid, Document)> = Vec::with_capacity(rows.len());
        for row in &rows {
            let texts: Vec<String> = (1..=columns.len()).map(|place| row.get(place)).collect::<Result<_>>()?;
            documents.push((row.get(0)?, Document::of(texts.iter().map(String::as_str))));
        }
        let Some((newest, _)) = documents.last() else { return Ok(()) };
        last = *newest;
        match tx.dialect() {
            Dialect::Sqlite => {
                for (id, document) in &documents {
                    keep(tx, table, *id, document).await?;
                }
            }
            Dialect::Postgres => fill_vectors(tx, table, &documents).await?,
        }
    }
}

async fn fill_vectors(tx: &mut Tx<'_>, table: &str, documents: &[(Uuid, Document)]) -> Result<()> {
    let rows: Vec<String> =
        (0..documents.len()).map(|nth| format!("(${}::uuid, ${}::text)", nth * 2 + 1, nth * 2 + 2)).collect();
    let sql = format!(
        "UPDATE \"{table}\" SET {VECTOR} = given__rows.vector::tsvector FROM (VALUES {}) AS given__rows (id, vector) \
         WHERE \"{table}\".id = given__rows.id",
        rows.join(", ")
    );
    let params: Vec<Value> =
        documents.iter().flat_map(|(id, document)| [(*id).into(), document.vector().into()]).collect();
    tx.execute(&sql, &params).await.map(|_| ())
}

/// A condition that holds for the rows found: text around one parameter, and its value. The fields by place; `None`: all.
pub fn condition(dialect: Dialect, table: &str, query: &Query, fields: Option<&[usize]>) -> (String, Value, String) {
    match dialect {
        Dialect::Sqlite => (
            format!("\"{table}\".rowid IN (SELECT rowid FROM \"{table}__search\" WHERE \"{table}__search\" MATCH "),
            query.for_fts5(fields).into(),
            ")".to_owned(),
        ),
        Dialect::Postgres => {
            (format!("\"{table}\".{VECTOR} @@ "), query.for_tsquery(fields).into(), "::text::tsquery".to_owned())
        }
    }
}

/// What to join to the table for a column [`RANK`], a float, the best highest; rows that are not found are left out.
pub fn ranking(dialect: Dialect, table: &str, query: &Query, fields: Option<&[usize]>) -> (String, Value, String) {
    match dialect {
        Dialect::Sqlite => (
            format!(
                " JOIN (SELECT rowid AS hardpan_found, -bm25(\"{table}__search\", {}) AS {RANK} FROM \"{table}__search\" \
                 WHERE \"{table}__search\" MATCH ",
                WEIGHTS.join(", ")
            ),
            query.for_fts5(fields).into(),
            format!(") AS ranked__rows ON hardpan_found = \"{table}\".rowid"),
        ),
        Dialect::Postgres => {
            let mut weights = WEIGHTS;
            weights.reverse();
            (
                " JOIN (SELECT ".to_owned(),
                query.for_tsquery(fields).into(),
                format!(
                    "::text::tsquery AS hardpan_query) AS asked__query ON \"{table}\".{VECTOR} @@ hardpan_query CROSS JOIN LATERAL \
                     (SELECT ts_rank('{{{}}}', {VECTOR}, hardpan_query, 1)::float8 AS {RANK}) AS ranked__rows",
                    weights.join(", ")
                ),
            )
        }
    }
}

//! What a database's schema is, said alike on both engines, so that two can be compared.
use futures_util::FutureExt as _;
use kernel::Result;

use crate::{Ctx, Dialect, Row, Tx};

/// Tables, columns, indexes and foreign keys, a line each and sorted.
///
/// Types are told by how SQLite stores them (`BLOB INTEGER REAL TEXT`), because that is all it knows of them. Left out are names
/// that only PostgreSQL has (of primary and foreign keys), checks, defaults, and the tables SQLite keeps for itself. Of full-text
/// search, which each engine keeps in its own way, only its presence is told, and of the number of its rows SQLite keeps, nothing.
pub async fn describe(ctx: &Ctx) -> Result<Vec<String>> {
    let mut lines = ctx
        .read(|ctx, tx| {
            async move {
                match ctx.db().dialect() {
                    Dialect::Sqlite => lines(tx, &SQLITE).await,
                    Dialect::Postgres => lines(tx, &POSTGRES).await,
                }
            }
            .boxed()
        })
        .await?;
    lines.sort();
    Ok(lines)
}

/// An engine's own catalogue.
struct Catalogue {
    /// Table, column, type, whether it may be null, place in the primary key or 0.
    columns: &'static str,
    /// Table, index, whether unique, whether partial, its columns in order.
    indexes: &'static str,
    /// Table, its columns, the other table, its columns, what happens on deletion.
    references: &'static str,
    /// Tables with full-text search.
    searches: &'static str,
}

const SQLITE: Catalogue = Catalogue {
    columns: "SELECT t.name, c.name, c.type, c.\"notnull\" = 0,
            CASE WHEN c.name = 'id' AND 'hardpan_row' IN (SELECT name FROM pragma_table_info(t.name)) THEN 1 ELSE c.pk END
        FROM sqlite_schema t JOIN pragma_table_info(t.name) c
        WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite\\_%' ESCAPE '\\' AND t.name NOT LIKE '%\\_\\_search%' ESCAPE '\\'
            AND c.name <> 'hardpan_row'",
    indexes: "SELECT t.name, i.name, i.\"unique\", i.partial,
            (SELECT group_concat(coalesce(name, '()'), ', ' ORDER BY seqno) FROM pragma_index_info(i.name))
        FROM sqlite_schema t JOIN pragma_index_list(t.name) i
        WHERE t.type = 'table' AND i.origin = 'c'",
    references: "SELECT t.name, group_concat(f.\"from\", ', ' ORDER BY f.seq), f.\"table\", group_concat(f.\"to\", ', ' ORDER BY f.seq),
            f.on_delete
        FROM sqlite_schema t JOIN pragma_foreign_key_list(t.name) f
        WHERE t.type = 'table' GROUP BY t.name, f.id",
    searches: "SELECT substr(name, 1, length(name) - 8) FROM sqlite_schema
        WHERE type = 'table' AND name LIKE '%\\_\\_search' ESCAPE '\\'",
};

const POSTGRES: Catalogue = Catalogue {
    columns: "SELECT c.relname, a.attname,
            CASE t.typname WHEN 'uuid' THEN 'BLOB' WHEN 'bytea' THEN 'BLOB' WHEN 'float8' THEN 'REAL'
                WHEN 'int2' THEN 'INTEGER' WHEN 'int4' THEN 'INTEGER' WHEN 'int8' THEN 'INTEGER' WHEN 'bool' THEN 'INTEGER'
                WHEN 'numeric' THEN 'INTEGER' WHEN 'text' THEN 'TEXT' WHEN 'varchar' THEN 'TEXT' WHEN 'json' THEN 'TEXT'
                WHEN 'jsonb' THEN 'TEXT' ELSE t.typname END,
            NOT a.attnotnull,
            coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)
        FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
        JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attname <> 'hardpan_search'",
    indexes: "SELECT c.relname, n.relname, i.indisunique, i.indpred IS NOT NULL,
            (SELECT string_agg(coalesce(a.attname::text, '()'), ', ' ORDER BY k.place)
                FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS k (number, place)
                LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_class n ON n.oid = i.indexrelid
        WHERE c.relnamespace = current_schema()::regnamespace
            AND NOT EXISTS (SELECT 1 FROM pg_constraint p WHERE p.conindid = i.indexrelid AND p.contype IN ('p', 'u'))
            AND n.relname NOT LIKE '%\\_\\_search'",
    references: "SELECT c.relname,
            (SELECT string_agg(a.attname::text, ', ' ORDER BY k.place) FROM unnest(f.conkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.number),
            o.relname,
            (SELECT string_agg(a.attname::text, ', ' ORDER BY k.place) FROM unnest(f.confkey) WITH ORDINALITY AS k (number, place)
                JOIN pg_attribute a ON a.attrelid = f.confrelid AND a.attnum = k.number),
            CASE f.confdeltype::text WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                WHEN 'n' THEN 'SET NULL' ELSE 'SET DEFAULT' END
        FROM pg_constraint f JOIN pg_class c ON c.oid = f.conrelid JOIN pg_class o ON o.oid = f.confrelid
        WHERE f.contype = 'f' AND c.relnamespace = current_schema()::regnamespace",
    searches: "SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace AND a.attname = 'hardpan_search'",
};

async fn lines(tx: &mut Tx<'_>, catalogue: &Catalogue) -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for row in tx.query(catalogue.columns, &[]).await? {
        lines.push(column(&row)?);
    }
    for row in tx.query(catalogue.indexes, &[]).await? {
        lines.push(index(&row)?);
    }
    for row in tx.query(catalogue.references, &[]).await? {
        lines.push(reference(&row)?);
    }
    for row in tx.query(catalogue.searches, &[]).await? {
        lines.push(format!("{}: full-text search", row.get::<String>(0)?));
    }
    Ok(lines)
}

fn column(row: &Row) -> Result<String> {
    let (table, name, kind): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
    let null = if row.get::<bool>(3)? { "NULL" } else { "NOT NULL" };
    let key = match row.get::<i64>(4)? {
        0 => String::new(),
        place => format!(", {place} of the key"),
    };
    Ok(format!("{table}.{name}: {kind} {null}{key}"))
}

fn index(row: &Row) -> Result<String> {
    let (table, name, columns): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(4)?);
    let unique = if row.get::<bool>(2)? { "unique " } else { "" };
    let partial = if row.get::<bool>(3)? { ", partial" } else { "" };
    Ok(format!("{table}: {unique}index {name} ({columns}){partial}"))
}

fn reference(row: &Row) -> Result<String> {
    let text = |column| row.get::<String>(column);
    // Without columns SQLite means the other's primary key.
    let columns = row.get::<Option<String>>(3)?.unwrap_or_else(|| "id".to_owned());
    Ok(format!("{}: ({}) refers to {} ({columns}), on deletion {}", text(0)?, text(1)?, text(2)?, text(4)?))
}

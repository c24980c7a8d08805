//! Which tables there are, and how each of their columns holds its values.
use std::collections::BTreeMap;

use kernel::{Decimal, Error, Result, Uuid, Value};

use crate::{Ctx, Dialect, Row, Tx};

/// What an engine keeps for itself: SQLite's number of a row, PostgreSQL's search data, which is made anew from the row.
const INTERNAL: [&str; 2] = ["hardpan_row", "hardpan_search"];

/// A table as it is copied: its columns by name, so that their order in the database does not matter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    pub name: String,
    pub(super) columns: Vec<Column>,
    /// Places of the columns rows are ordered and found by.
    pub(super) key: Vec<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub name: String,
    pub kind: Kind,
}

/// What stands between a column's values and SQLite's storage classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Plain,
    Bool,
    Id,
    Json,
    /// With so many digits after the point.
    Decimal(u32),
}

impl Table {
    pub fn columns(&self) -> impl ExactSizeIterator<Item = &str> {
        self.columns.iter().map(|column| column.name.as_str())
    }

    /// The column `name` of a row as text.
    pub fn text<'r>(&self, row: &'r [Value], name: &str) -> Option<&'r str> {
        match row.get(self.columns().position(|column| column == name)?)? {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// Its names, quoted and separated by commas.
    pub(super) fn column_list(&self) -> String {
        list(self.columns())
    }

    pub(super) fn key_list(&self) -> String {
        list(self.key.iter().map(|place| self.columns[*place].name.as_str()))
    }

    pub(super) fn key_of(&self, row: &[Value]) -> Vec<Value> {
        self.key.iter().map(|place| row[*place].clone()).collect()
    }

    /// A key of storage classes as statements take it.
    pub(super) fn fit_key(&self, key: &[Value]) -> Result<Vec<Value>> {
        let kinds = self.key.iter().map(|place| self.columns[*place].kind);
        kinds.zip(key).map(|(kind, value)| kind.fit(value.clone())).collect()
    }

    /// A row of storage classes as statements take it.
    pub(super) fn fit(&self, row: Vec<Value>) -> Result<Vec<Value>> {
        if row.len() != self.columns.len() {
            return Err(Error::internal(format!("a row of {} has {} values", self.name, row.len())));
        }
        self.columns.iter().zip(row).map(|(column, value)| column.kind.fit(value)).collect()
    }

    /// A row as a statement answered it, in storage classes.
    pub(super) fn level(&self, row: Vec<Value>) -> Result<Vec<Value>> {
        self.columns.iter().zip(row).map(|(column, value)| column.kind.level(value)).collect()
    }
}

fn list<'n>(names: impl Iterator<Item = &'n str>) -> String {
    names.map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ")
}

impl Kind {
    fn of_postgres(kind: &str, modifier: i64) -> Option<Self> {
        match kind {
            "int2" | "int4" | "int8" | "float8" | "text" | "varchar" | "bytea" => Some(Self::Plain),
            "bool" => Some(Self::Bool),
            "uuid" => Some(Self::Id),
            "json" | "jsonb" => Some(Self::Json),
            // The scale is in the lower bits of what PostgreSQL keeps beside the type.
            "numeric" if modifier >= 4 => u32::try_from((modifier - 4) & 0x7ff).ok().map(Self::Decimal),
            _ => None,
        }
    }

    fn level(self, value: Value) -> Result<Value> {
        Ok(match (self, value) {
            (_, Value::Bool(truth)) => Value::Int(truth.into()),
            (_, Value::Uuid(id)) => Value::Bytes(id.as_bytes().to_vec()),
            (_, Value::Json(text)) => Value::Text(text),
            (_, Value::Timestamp(at)) => Value::Int(at.micros()),
            // SQLite does not keep the sign of zero.
            (_, Value::Float(0.0)) => Value::Float(0.0),
            (Self::Decimal(scale), Value::Decimal(mut number)) => {
                number.rescale(scale);
                Value::Int(number.mantissa().try_into().map_err(|_| unfit("a decimal of more than 64 bits"))?)
            }
            (_, Value::Decimal(_)) => return Err(unfit("a decimal without a scale")),
            (_, value) => value,
        })
    }

    fn fit(self, value: Value) -> Result<Value> {
        Ok(match (self, value) {
            (Self::Plain, value) | (_, value @ Value::Null) => value,
            (Self::Bool, Value::Int(number @ (0 | 1))) => Value::Bool(number == 1),
            (Self::Id, Value::Bytes(bytes)) => Value::Uuid(Uuid::from_slice(&bytes).map_err(Error::internal)?),
            (Self::Json, Value::Text(text)) => Value::Json(text),
            (Self::Decimal(scale), Value::Int(digits)) => Value::Decimal(Decimal::new(digits, scale)),
            (kind, _) => return Err(unfit(&format!("a value that is no {kind:?}"))),
        })
    }
}

fn unfit(what: &str) -> Error {
    Error::internal(format!("{what} cannot be copied"))
}

/// Every ordinary table of the database, by name.
pub async fn table_names(ctx: &Ctx, tx: &mut Tx<'_>) -> Result<Vec<String>> {
    let sql = match ctx.db().dialect() {
        Dialect::Sqlite => {
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name"
        }
        Dialect::Postgres => {
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND relnamespace = current_schema()::regnamespace
             ORDER BY relname COLLATE \"C\""
        }
    };
    tx.query(sql, &[]).await?.iter().map(|row| row.get(0)).collect()
}

/// Those of `names` that there are, in the order of `names`. Errors: a column of a type that is not copied, a table without a key.
pub async fn tables(ctx: &Ctx, tx: &mut Tx<'_>, names: &[String]) -> Result<Vec<Table>> {
    // Table, column, type, what PostgreSQL keeps beside it, place in the primary key or 0. Without computed columns.
    let sql = match ctx.db().dialect() {
        Dialect::Sqlite => {
            "SELECT t.name, c.name, '', 0, c.pk FROM sqlite_schema t JOIN pragma_table_xinfo(t.name) c
             WHERE t.type = 'table' AND c.hidden = 0"
        }
        Dialect::Postgres => {
            "SELECT c.relname, a.attname, t.typname, a.atttypmod,
                coalesce(array_position(i.indkey::int2[], a.attnum) + 1, 0)
             FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
             JOIN pg_type t ON t.oid = a.atttypid LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE c.relkind = 'r' AND a.attgenerated = '' AND c.relnamespace = current_schema()::regnamespace"
        }
    };
    let mut found: BTreeMap<String, Vec<Row>> = BTreeMap::new();
    for row in tx.query(sql, &[]).await? {
        let (table, column): (String, String) = (row.get(0)?, row.get(1)?);
        if !INTERNAL.contains(&column.as_str()) {
            found.entry(table).or_default().push(row);
        }
    }
    let described = names.iter().filter_map(|name| Some((name, found.remove(name)?)));
    described.map(|(name, rows)| describe(ctx.db().dialect(), name, &rows)).collect()
}

fn describe(dialect: Dialect, name: &str, rows: &[Row]) -> Result<Table> {
    let mut columns = Vec::new();
    for row in rows {
        let (column, kind): (String, String) = (row.get(1)?, row.get(2)?);
        let kind = match dialect {
            Dialect::Sqlite => Some(Kind::Plain),
            Dialect::Postgres => Kind::of_postgres(&kind, row.get(3)?),
        };
        let kind = kind.ok_or_else(|| Error::internal(format!("{name}.{column} has a type that is not copied")))?;
        columns.push((Column { name: column, kind }, row.get::<i64>(4)?));
    }
    columns.sort_by(|(one, _), (other, _)| one.name.cmp(&other.name));
    let mut key: Vec<(i64, usize)> =
        columns.iter().enumerate().filter_map(|(at, (_, place))| (*place > 0).then_some((*place, at))).collect();
    key.sort_unstable();
    let mut key: Vec<usize> = key.into_iter().map(|(_, at)| at).collect();
    if key.is_empty() {
        // Where the primary key is an engine's own number, the id is unique all the same.
        key.extend(columns.iter().position(|(column, _)| column.name == "id"));
    }
    if key.is_empty() {
        return Err(Error::internal(format!("{name} has no primary key")));
    }
    Ok(Table { name: name.to_owned(), columns: columns.into_iter().map(|(column, _)| column).collect(), key })
}

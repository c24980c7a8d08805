//! Statements that make declared tables. Names and values are those of sound shapes alone; names are always quoted.
use std::fmt::Write as _;

use ::store::Dialect;
use serde_json::Value as Json;

use super::{
    super::{
        index::{Comparison, Predicate},
        model::OnDelete,
        shape::{ColumnShape, Fill, IndexShape, Physical, ReferenceShape, SearchShape, Shapes, TableShape, identifier},
        step::Step,
    },
    work::Statement,
};
use crate::search;

/// The steps both engines do with the same words.
pub(super) fn simple(dialect: Dialect, step: &Step, after: &Shapes) -> Vec<Statement> {
    let sql = match step {
        Step::CreateTable { table, columns } => create_table(dialect, table, table, columns),
        Step::AddColumn { table, column } => {
            format!("ALTER TABLE \"{table}\" ADD COLUMN {}", column_definition(dialect, table, column))
        }
        Step::CreateIndex { table, index } => match after.get(table) {
            Some(shape) => create_index(dialect, table, index, shape),
            None => return Vec::new(),
        },
        Step::DropIndex { index, .. } => format!("DROP INDEX \"{index}\""),
        Step::CreateSearch { table, search } => return create_search(dialect, table, search),
        Step::DropSearch { table } => search::removal(dialect, table),
        _ => return Vec::new(),
    };
    vec![Statement::Run(sql)]
}

fn create_search(dialect: Dialect, table: &str, search: &SearchShape) -> Vec<Statement> {
    let (table, columns) = (table.to_owned(), search.columns.clone());
    let [before, after] = search::creation(dialect, &table, columns.len());
    vec![Statement::Run(before), Statement::Index { table, columns }, Statement::Run(after)]
}

/// `name` is what it is called for now.
pub(super) fn create_table(dialect: Dialect, table: &str, name: &str, columns: &[ColumnShape]) -> String {
    // Search data lies under SQLite's number of a row, which stays the same in a VACUUM where it is a column.
    let (row, key, strict) = match dialect {
        Dialect::Sqlite => ("hardpan_row INTEGER PRIMARY KEY, ", "UNIQUE", " STRICT"),
        Dialect::Postgres => ("", "PRIMARY KEY", ""),
    };
    let definitions: Vec<String> = columns
        .iter()
        .map(|column| {
            let definition = column_definition(dialect, table, column);
            if column.name == "id" { format!("{definition} {key}") } else { definition }
        })
        .collect();
    format!("CREATE TABLE \"{name}\" ({row}{}){strict}", definitions.join(", "))
}

/// What rows get that have no value in this column, as SQL.
pub(super) fn filling(dialect: Dialect, column: &ColumnShape) -> Option<String> {
    let Some(fill) = column.fill else {
        return column.default.as_ref().map(|default| literal(dialect, column.physical, default));
    };
    let time = match fill {
        Fill::CreatedAt => "created_at",
        Fill::UpdatedAt => "updated_at",
    };
    Some(match (column.physical, dialect) {
        (Physical::Text, Dialect::Sqlite) => format!("strftime('%Y-%m-%d', {time} / 1000000, 'unixepoch')"),
        (Physical::Text, Dialect::Postgres) => {
            format!("to_char(to_timestamp({time} / 1000000) AT TIME ZONE 'UTC', 'YYYY-MM-DD')")
        }
        _ => time.to_owned(),
    })
}

pub(super) fn column_definition(dialect: Dialect, table: &str, column: &ColumnShape) -> String {
    let name = &column.name;
    let mut definition = format!("\"{name}\" {}", physical_type(dialect, column.physical));
    if !column.is_nullable {
        definition.push_str(" NOT NULL");
    }
    if let Some(default) = &column.default {
        let _ = write!(definition, " DEFAULT {}", literal(dialect, column.physical, default));
    }
    if let Some(reference) = &column.reference {
        let constraint = identifier(table, std::slice::from_ref(name), "fkey");
        let _ = write!(definition, " CONSTRAINT \"{constraint}\" {}", references(reference));
    }
    definition
}

pub(super) fn references(reference: &ReferenceShape) -> String {
    let on_delete = match reference.on_delete {
        OnDelete::Cascade => "CASCADE",
        OnDelete::SetNull => "SET NULL",
        // Checked at the end of the statement, so that rows that refer to each other can go together.
        OnDelete::Restrict => "NO ACTION",
    };
    format!("REFERENCES \"{}\" (id) ON DELETE {on_delete}", reference.to)
}

pub(super) fn physical_type(dialect: Dialect, physical: Physical) -> String {
    let placeholder = match physical {
        Physical::Id => "{id}",
        Physical::Int => "{int}",
        Physical::Float => "{float}",
        Physical::Bool => "{bool}",
        Physical::Text => "{text}",
        Physical::Time => "{time}",
        Physical::Json => "{json}",
        Physical::Decimal { precision, scale } => {
            return match dialect {
                // All digits as one integer: exact, ordered, and at most 18 of them fit 64 bits.
                Dialect::Sqlite => "INTEGER".into(),
                Dialect::Postgres => format!("numeric({precision}, {scale})"),
            };
        }
    };
    dialect.fill(placeholder)
}

pub(super) fn literal(dialect: Dialect, physical: Physical, default: &Json) -> String {
    match (physical, dialect, default) {
        (Physical::Bool, Dialect::Sqlite, Json::Bool(truth)) => i64::from(*truth).to_string(),
        (Physical::Decimal { .. }, Dialect::Sqlite, Json::String(digits)) => digits.replace('.', ""),
        (Physical::Decimal { .. }, Dialect::Postgres, Json::String(digits)) => digits.clone(),
        (Physical::Id, Dialect::Sqlite, Json::String(id)) => format!("X'{}'", id.replace('-', "")),
        (_, _, Json::String(text)) => format!("'{}'", text.replace('\'', "''")),
        (_, _, other) => other.to_string(),
    }
}

/// Nulls come first in ascending lists on both engines; PostgreSQL must be told.
pub(super) fn create_index(dialect: Dialect, table: &str, index: &IndexShape, shape: &TableShape) -> String {
    let is_nullable = |name: &String| shape.column(name).is_some_and(|column| column.is_nullable);
    let columns: Vec<String> = index
        .columns
        .iter()
        .map(|column| {
            let is_told = dialect == Dialect::Postgres && !index.is_unique && is_nullable(column);
            format!("\"{column}\"{}", if is_told { " NULLS FIRST" } else { "" })
        })
        .collect();
    let unique = if index.is_unique { "UNIQUE " } else { "" };
    let mut conditions = Vec::new();
    if index.is_partial {
        conditions.push("deleted_at IS NULL".to_owned());
    }
    conditions.extend(index.filter.as_ref().map(|filter| condition(dialect, filter, shape)));
    let partial = if conditions.is_empty() { String::new() } else { format!(" WHERE {}", conditions.join(" AND ")) };
    format!("CREATE {unique}INDEX \"{}\" ON \"{table}\" ({}){partial}", index.name, columns.join(", "))
}

/// A partial index's condition, true or false and never unknown. Its values come from the declaration and are no parameters: an
/// index has none.
fn condition(dialect: Dialect, filter: &Predicate, shape: &TableShape) -> String {
    let join = |parts: &[Predicate], operator: &str| {
        let parts: Vec<String> = parts.iter().map(|part| condition(dialect, part, shape)).collect();
        format!("({})", parts.join(operator))
    };
    let question = match filter {
        Predicate::All(parts) => return join(parts, " AND "),
        Predicate::Any(parts) => return join(parts, " OR "),
        Predicate::Is(question) => question,
    };
    let name = format!("\"{}\"", question.column);
    let column = shape.column(&question.column);
    let physical = column.map_or(Physical::Text, |column| column.physical);
    let values: Vec<String> = question.values.iter().map(|value| literal(dialect, physical, value)).collect();
    let values = values.join(", ");
    let compared = match question.op {
        Comparison::Null => return format!("{name} IS NULL"),
        Comparison::NotNull => return format!("{name} IS NOT NULL"),
        Comparison::Eq => format!("{name} = {values}"),
        Comparison::Ne => format!("{name} <> {values}"),
        Comparison::Lt => format!("{name} < {values}"),
        Comparison::Le => format!("{name} <= {values}"),
        Comparison::Gt => format!("{name} > {values}"),
        Comparison::Ge => format!("{name} >= {values}"),
        Comparison::In => format!("{name} IN ({values})"),
    };
    let compared = if question.is_negated { format!("NOT ({compared})") } else { compared };
    let is_nullable = column.is_none_or(|column| column.is_nullable);
    if is_nullable && (question.is_negated || question.op == Comparison::Ne) {
        return format!("({name} IS NULL OR {compared})");
    }
    compared
}

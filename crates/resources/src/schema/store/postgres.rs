//! Steps on PostgreSQL, which alters tables where they are.
use ::store::Dialect;

use super::{
    super::{
        shape::{ColumnShape, Shapes, identifier},
        step::Step,
    },
    checks::{checks, returned},
    convert::convert,
    ddl,
    work::Statement,
};
use crate::search;

const DIALECT: Dialect = Dialect::Postgres;

pub(super) fn statements(before: &Shapes, step: &Step, after: &Shapes) -> Vec<Statement> {
    let table = step.table();
    let mut statements = checks(DIALECT, step);
    let sql = match step {
        Step::RenameTable { to, .. } => rename_table(before, table, to),
        Step::RenameColumn { column, to, .. } => rename_column(before, table, column, to),
        // With the references of tables that go too.
        Step::DropTable { .. } => vec![format!("DROP TABLE \"{table}\" CASCADE")],
        Step::DropColumn { column, .. } => vec![format!("ALTER TABLE \"{table}\" DROP COLUMN \"{column}\"")],
        Step::ChangeColumn { from, to, .. } => change_column(table, from, to),
        Step::AddColumn { column, .. } if column.fill.is_some() && !column.is_nullable => {
            let bare = ColumnShape { is_nullable: true, ..column.clone() };
            let add = format!("ALTER TABLE \"{table}\" ADD COLUMN {}", ddl::column_definition(DIALECT, table, &bare));
            [vec![add], change_column(table, &bare, column)].concat()
        }
        _ => {
            statements.extend(ddl::simple(DIALECT, step, after));
            return statements;
        }
    };
    statements.extend(sql.into_iter().map(Statement::Run));
    statements
}

/// Constraints are called after their table: their names follow.
fn rename_table(before: &Shapes, table: &str, to: &str) -> Vec<String> {
    let mut sql = vec![
        format!("ALTER TABLE \"{table}\" RENAME TO \"{to}\""),
        format!("ALTER INDEX IF EXISTS \"{table}_pkey\" RENAME TO \"{to}_pkey\""),
    ];
    let columns = before.get(table).map_or(&[][..], |shape| &shape.columns);
    for column in columns.iter().filter(|column| column.reference.is_some()) {
        let (old, new) = (constraint(table, &column.name), constraint(to, &column.name));
        sql.push(format!("ALTER TABLE \"{to}\" RENAME CONSTRAINT \"{old}\" TO \"{new}\""));
    }
    if before.get(table).is_some_and(|shape| shape.search.is_some()) {
        sql.push(search::renaming(DIALECT, table, to));
    }
    sql
}

fn rename_column(before: &Shapes, table: &str, column: &str, to: &str) -> Vec<String> {
    let mut sql = vec![format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{column}\" TO \"{to}\"")];
    let shape = before.get(table).and_then(|shape| shape.column(column));
    if shape.is_some_and(|shape| shape.reference.is_some()) {
        let (old, new) = (constraint(table, column), constraint(table, to));
        sql.push(format!("ALTER TABLE \"{table}\" RENAME CONSTRAINT \"{old}\" TO \"{new}\""));
    }
    sql
}

fn change_column(table: &str, from: &ColumnShape, to: &ColumnShape) -> Vec<String> {
    let name = &to.name;
    let alter = format!("ALTER TABLE \"{table}\"");
    let column = format!("{alter} ALTER COLUMN \"{name}\"");
    let is_other_type = from.physical != to.physical;
    let mut sql = Vec::new();
    if from.reference.is_some() && (from.reference != to.reference || is_other_type) {
        sql.push(format!("{alter} DROP CONSTRAINT \"{}\"", constraint(table, name)));
    }
    if from.default.is_some() && (from.default != to.default || is_other_type) {
        sql.push(format!("{column} DROP DEFAULT"));
    }
    if is_other_type {
        let value = convert(DIALECT, from.physical, to.physical, &format!("\"{name}\"")).value;
        let kind = ddl::physical_type(DIALECT, to.physical);
        let bare = kind.split(" COLLATE").next().unwrap_or(&kind);
        sql.push(format!("{column} TYPE {kind} USING ({value})::{bare}"));
    }
    if from.is_nullable && !to.is_nullable {
        if let Some(filling) = ddl::filling(DIALECT, to) {
            sql.push(format!("UPDATE \"{table}\" SET \"{name}\" = {filling} WHERE \"{name}\" IS NULL"));
        }
        sql.push(format!("{column} SET NOT NULL"));
    }
    if to.is_nullable && !from.is_nullable {
        sql.push(format!("{column} DROP NOT NULL"));
    }
    if let Some(default) = &to.default
        && (from.default != to.default || is_other_type)
    {
        sql.push(format!("{column} SET DEFAULT {}", ddl::literal(DIALECT, to.physical, default)));
    }
    if let Some(reference) = &to.reference
        && (from.reference != to.reference || is_other_type)
    {
        if let Some(target) = returned(from, to) {
            let gone = format!("\"{name}\" NOT IN (SELECT id FROM \"{target}\")");
            sql.push(format!("UPDATE \"{table}\" SET \"{name}\" = NULL WHERE {gone}"));
        }
        let constraint = constraint(table, name);
        let references = ddl::references(reference);
        sql.push(format!("{alter} ADD CONSTRAINT \"{constraint}\" FOREIGN KEY (\"{name}\") {references}"));
    }
    sql
}

fn constraint(table: &str, column: &str) -> String {
    identifier(table, &[column.to_owned()], "fkey")
}

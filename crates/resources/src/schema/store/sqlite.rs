//! Steps on SQLite. What its ALTER TABLE cannot do is done by building the table anew: rows are copied by one statement and keep
//! their rowids, indexes are made again, and other tables' foreign keys follow the name.
use ::store::{Dialect, Tx};
use kernel::Result;

use super::{
    super::{
        shape::{ColumnShape, Shapes, TableShape},
        step::Step,
    },
    checks::{checks, returned},
    convert::convert,
    ddl,
    work::Statement,
};
use crate::search;

const DIALECT: Dialect = Dialect::Sqlite;

/// How many of the first steps are done by one rebuild.
pub(super) fn together(steps: &[Step]) -> usize {
    let Some(first) = steps.first().filter(|step| is_rebuild(step)) else { return 1 };
    let is_of_columns =
        |step: &Step| matches!(step, Step::AddColumn { .. } | Step::DropColumn { .. } | Step::ChangeColumn { .. });
    steps.iter().take_while(|step| is_of_columns(step) && step.table() == first.table()).count()
}

pub(super) fn is_rebuild(step: &Step) -> bool {
    match step {
        Step::DropColumn { .. } => true,
        // When the time is set is known to the server alone.
        Step::ChangeColumn { from, to, .. } => ColumnShape { fill: to.fill, ..from.clone() } != *to,
        Step::AddColumn { column, .. } => !column.may_be_left_out(),
        _ => false,
    }
}

/// The statements of `steps`, which are [`together`].
pub(super) fn statements(before: &Shapes, steps: &[Step], after: &Shapes) -> Vec<Statement> {
    let Some(first) = steps.first() else { return Vec::new() };
    let table = first.table();
    let run = |sql: String| vec![Statement::Run(sql)];
    match first {
        _ if is_rebuild(first) => match (before.get(table), after.get(table)) {
            (Some(old), Some(new)) => rebuild(table, old, steps, new),
            _ => Vec::new(),
        },
        Step::RenameTable { to, .. } => {
            let mut statements = run(format!("ALTER TABLE \"{table}\" RENAME TO \"{to}\""));
            let is_searched = before.get(table).is_some_and(|shape| shape.search.is_some());
            statements.extend(is_searched.then(|| Statement::Run(search::renaming(DIALECT, table, to))));
            statements
        }
        Step::RenameColumn { column, to, .. } => {
            run(format!("ALTER TABLE \"{table}\" RENAME COLUMN \"{column}\" TO \"{to}\""))
        }
        Step::DropTable { .. } => run(format!("DROP TABLE \"{table}\"")),
        _ => ddl::simple(DIALECT, first, after),
    }
}

fn rebuild(table: &str, old: &TableShape, steps: &[Step], new: &TableShape) -> Vec<Statement> {
    let mut statements: Vec<Statement> = steps.iter().flat_map(|step| checks(DIALECT, step)).collect();
    // No table that is declared has two underscores.
    let fresh = format!("{table}__new");
    let (names, values): (Vec<String>, Vec<String>) =
        new.columns.iter().map(|column| (format!("\"{}\"", column.name), value(old, column))).unzip();
    let (names, values) = (names.join(", "), values.join(", "));
    let mut run = |sql: String| statements.push(Statement::Run(sql));
    run(ddl::create_table(DIALECT, table, &fresh, &new.columns));
    run(format!("INSERT INTO \"{fresh}\" (rowid, {names}) SELECT rowid, {values} FROM \"{table}\" ORDER BY rowid"));
    run(format!("DROP TABLE \"{table}\""));
    run(format!("ALTER TABLE \"{fresh}\" RENAME TO \"{table}\""));
    for index in &new.indexes {
        run(ddl::create_index(DIALECT, table, index, new));
    }
    statements
}

/// What a row that is copied has in `column`.
fn value(old: &TableShape, column: &ColumnShape) -> String {
    let filling = ddl::filling(DIALECT, column);
    let Some(from) = old.column(&column.name) else { return filling.unwrap_or_else(|| "NULL".to_owned()) };
    let kept = format!("\"{}\"", column.name);
    let value = if let Some(target) = returned(from, column) {
        format!("CASE WHEN {kept} IN (SELECT id FROM \"{target}\") THEN {kept} END")
    } else if from.physical == column.physical {
        kept
    } else {
        convert(DIALECT, from.physical, column.physical, &kept).value
    };
    match filling {
        Some(filling) if from.is_nullable && !column.is_nullable => format!("COALESCE({value}, {filling})"),
        _ => value,
    }
}

/// The triggers of a table, which go when it is dropped.
pub(super) async fn triggers(tx: &mut Tx<'_>, table: &str) -> Result<Vec<String>> {
    let sql = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND tbl_name = $1 ORDER BY name";
    tx.query(sql, &[table.into()]).await?.iter().map(|row| row.get(0)).collect()
}

//! Rows that stand in the way of a step, counted before anything is changed.
use ::store::Dialect;

use super::{
    super::{shape::ColumnShape, step::Step},
    convert::convert,
    ddl,
    work::Statement,
};

pub(super) fn checks(dialect: Dialect, step: &Step) -> Vec<Statement> {
    let table = step.table();
    let mut checks = Vec::new();
    let mut refuse = |condition: &str, why: String| {
        let sql = format!("SELECT COUNT(*) FROM \"{table}\" WHERE {condition}");
        checks.push(Statement::Refuse { step: step.to_string(), sql, why });
    };
    match step {
        Step::AddColumn { column, .. } if !column.is_nullable && ddl::filling(dialect, column).is_none() => {
            let why =
                format!("rows of {table} have no value for {}; give it a default, or make it optional", column.name);
            refuse("TRUE", why);
        }
        Step::DropColumn { column, .. } if column == "deleted_at" => {
            let why = format!("deleted rows of {table} would come back; restore or purge them first");
            refuse("deleted_at IS NOT NULL", why);
        }
        Step::ChangeColumn { from, to, .. } => {
            let x = format!("\"{}\"", to.name);
            if from.physical != to.physical
                && let Some(misfit) = convert(dialect, from.physical, to.physical, &x).misfit
            {
                refuse(
                    &misfit,
                    format!("rows of {table} have a {} that has no value of type {}", to.name, to.physical),
                );
            }
            if from.is_nullable && !to.is_nullable && ddl::filling(dialect, to).is_none() {
                refuse(&format!("{x} IS NULL"), format!("rows of {table} have no {}; give it a default", to.name));
            }
            if let (Some(target), None) = (new_target(from, to), returned(from, to)) {
                let orphaned = format!("{x} IS NOT NULL AND {x} NOT IN (SELECT id FROM \"{target}\")");
                refuse(&orphaned, format!("rows of {table} have a {} that is not in {target}", to.name));
            }
        }
        _ => {}
    }
    checks
}

/// What the column's values must be in and need not have been in. What is converted to an id is null.
fn new_target<'a>(from: &ColumnShape, to: &'a ColumnShape) -> Option<&'a str> {
    let new = to.reference.as_ref()?;
    let is_old = from.reference.as_ref().is_some_and(|old| old.to == new.to);
    (!is_old && from.physical == to.physical).then_some(new.to.as_str())
}

/// What the column refers to again, having referred to nothing while it was not declared. What is gone since is taken out.
pub(super) fn returned<'a>(from: &ColumnShape, to: &'a ColumnShape) -> Option<&'a str> {
    new_target(from, to).filter(|_| from.reference.is_none() && to.is_nullable)
}

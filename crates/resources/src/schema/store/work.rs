//! Steps as the statements of one engine, and running them.
use ::store::{Dialect, Tx};
use kernel::{Code, Error, Result};

use super::{
    super::{shape::Shapes, step::Step},
    postgres, sqlite,
};
use crate::search;

/// One or more steps that are done together.
#[derive(Clone, Debug)]
pub struct Work {
    /// The steps in words.
    pub steps: Vec<String>,
    pub statements: Vec<Statement>,
    /// The table SQLite builds anew; what hangs on it by triggers is put back.
    pub rebuilt: Option<String>,
}

/// One statement, or a question that must be answered with 0.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Statement {
    Run(String),
    /// Counts rows that stand in the way of a step; `why` follows their number.
    Refuse {
        step: String,
        sql: String,
        why: String,
    },
    /// Fills the search data of a table from these columns of its rows.
    Index {
        table: String,
        columns: Vec<String>,
    },
}

/// The statements of `steps` from `recorded` on, and the shapes they lead to. Errors: the steps do not fit.
pub(in crate::schema) fn works(
    dialect: Dialect,
    recorded: &Shapes,
    steps: &[Step],
) -> std::result::Result<(Vec<Work>, Shapes), String> {
    let mut shapes = recorded.clone();
    let mut works = Vec::new();
    let mut rest = steps;
    while let Some(first) = rest.first() {
        let count = if dialect == Dialect::Sqlite { sqlite::together(rest) } else { 1 };
        let (now, later) = rest.split_at(count);
        let before = shapes.clone();
        for step in now {
            step.change(&mut shapes).map_err(|why| format!("{step}: {why}"))?;
        }
        let statements = match dialect {
            Dialect::Sqlite => sqlite::statements(&before, now, &shapes),
            Dialect::Postgres => postgres::statements(&before, first, &shapes),
        };
        let rebuilt = (dialect == Dialect::Sqlite && sqlite::is_rebuild(first)).then(|| first.table().to_owned());
        works.push(Work { steps: now.iter().map(ToString::to_string).collect(), statements, rebuilt });
        rest = later;
    }
    Ok((works, shapes))
}

/// Errors: rows stand in the way, and how many; whatever a statement answers.
pub(in crate::schema) async fn run(tx: &mut Tx<'_>, work: &Work) -> Result<()> {
    let steps = || work.steps.join(", ");
    let failed = |error: Error| match error.code() {
        Code::Internal => Error::new(Code::Internal).with_detail(format!("Could not {}.", steps())).with_source(error),
        code => Error::new(code).with_detail(format!("Could not {}: {}", steps(), error.detail())).with_source(error),
    };
    let triggers = match &work.rebuilt {
        Some(table) => sqlite::triggers(tx, table).await.map_err(failed)?,
        None => Vec::new(),
    };
    for statement in &work.statements {
        match statement {
            Statement::Run(sql) => tx.batch(sql).await.map_err(failed)?,
            Statement::Index { table, columns } => search::fill(tx, table, columns).await.map_err(failed)?,
            Statement::Refuse { step, sql, why } => {
                let count: i64 = tx.query_one(sql, &[]).await.map_err(failed)?.get(0)?;
                if count > 0 {
                    let detail = format!("Could not {step}: {count} {why}.");
                    return Err(Error::internal(detail.clone()).with_detail(detail));
                }
            }
        }
    }
    for trigger in &triggers {
        tx.batch(trigger).await.map_err(failed)?;
    }
    Ok(())
}

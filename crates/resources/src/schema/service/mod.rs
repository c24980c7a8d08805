//! Rules for declared tables: a plan is applied in one transaction, whole or not at all.
mod files;

use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Error, Result};

pub use files::{Preview, Section, Standing, Ways, apply_files, diff, preview, settle_files, standing};

use super::{
    Declaration, Plan, Step, Undeclared,
    shape::{Shapes, TableShape},
    store,
};

/// Applies what loses nothing and returns the plan. A plan with refusals is returned as it is, and nothing is done.
///
/// Errors: rows stand in the way, and how many.
pub async fn apply(ctx: &Ctx, declaration: &Arc<Declaration>) -> Result<Plan> {
    apply_declared(ctx, declaration, Undeclared::Keep).await
}

/// As [`apply`]; what may lose data is done too, and what is no longer declared is dropped.
pub async fn apply_destructive(ctx: &Ctx, declaration: &Arc<Declaration>) -> Result<Plan> {
    apply_declared(ctx, declaration, Undeclared::Drop).await
}

async fn apply_declared(ctx: &Ctx, declaration: &Arc<Declaration>, undeclared: Undeclared) -> Result<Plan> {
    ctx.actor.require_system()?;
    let declaration = Arc::clone(declaration);
    // One node at a time: two that start at once must not both find the same table missing.
    ctx.alter(move |ctx, tx| {
        async move {
            let recorded = store::recorded(tx).await?;
            let mut plan = Plan::make(&recorded, &declaration, undeclared);
            if undeclared == Undeclared::Keep {
                plan.refuse_destructive();
            }
            if plan.refused.is_empty() {
                change(tx, &ctx, &recorded, &plan.steps).await?;
            }
            Ok(plan)
        }
        .boxed()
    })
    .await
}

/// Makes tables as another database has them recorded, for rows that are copied from there: each a name and a shape. Those that are
/// recorded here already stay as they are. Search data waits for the rows: [`make_searches`].
pub async fn make_recorded(ctx: &Ctx, tables: Vec<(String, String)>) -> Result<()> {
    ctx.actor.require_system()?;
    let shape = |text: &String| serde_json::from_str(text).map_err(Error::internal);
    let wanted: Shapes = tables.iter().map(|(name, text)| Ok((name.clone(), shape(text)?))).collect::<Result<_>>()?;
    ctx.alter(move |ctx, tx| {
        async move {
            let here = store::recorded(tx).await?;
            let plan = Plan::of_shapes(&here, &wanted);
            if !plan.refused.is_empty() {
                let detail = format!("The tables cannot be made: {}.", plan.refused.join("; "));
                return Err(Error::internal(detail.clone()).with_detail(detail));
            }
            change(tx, &ctx, &here, &plan.steps).await
        }
        .boxed()
    })
    .await
}

/// Makes the search data of tables whose rows were copied without it, in the transaction that ends the copy.
pub async fn make_searches(ctx: &Ctx, tx: &mut Tx<'_>) -> Result<()> {
    ctx.actor.require_system()?;
    let recorded = store::recorded(tx).await?;
    let search = |(table, shape): (&String, &TableShape)| {
        Some(Step::CreateSearch { table: table.clone(), search: shape.search.clone()? })
    };
    let steps: Vec<Step> = recorded.iter().filter_map(search).collect();
    let bare: Shapes =
        recorded.into_iter().map(|(table, shape)| (table, TableShape { search: None, ..shape })).collect();
    let (works, _) = store::works(ctx.db().dialect(), &bare, &steps).map_err(Error::internal)?;
    for work in &works {
        store::run(tx, work).await?;
    }
    Ok(())
}

/// Does the steps to the tables and records what they lead to.
async fn change(tx: &mut Tx<'_>, ctx: &Ctx, recorded: &Shapes, steps: &[Step]) -> Result<()> {
    let (works, after) = store::works(ctx.db().dialect(), recorded, steps).map_err(Error::internal)?;
    for work in &works {
        store::run(tx, work).await?;
    }
    for (name, shape) in &after {
        if recorded.get(name) != Some(shape) {
            store::record(tx, name, shape, ctx.now()).await?;
        }
    }
    for name in recorded.keys().filter(|name| !after.contains_key(*name)) {
        store::forget(tx, name).await?;
    }
    Ok(())
}

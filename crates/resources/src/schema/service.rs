//! Rules for declared tables: additive steps are applied in one transaction, anything else is refused whole.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result};

use super::{Declaration, Plan, store};

/// What stands between the database and the declaration.
pub async fn plan(ctx: &Ctx, declaration: &Arc<Declaration>) -> Result<Plan> {
    ctx.actor.require_system()?;
    let declaration = Arc::clone(declaration);
    ctx.read(move |_, tx| {
        async move {
            let recorded = store::recorded(tx).await?;
            Ok(Plan::make(&recorded, &declaration))
        }
        .boxed()
    })
    .await
}

/// Applies the plan, all of it or nothing, and returns it. A plan with refusals is returned as it is.
pub async fn apply(ctx: &Ctx, declaration: &Arc<Declaration>) -> Result<Plan> {
    ctx.actor.require_system()?;
    let declaration = Arc::clone(declaration);
    let dialect = ctx.db().dialect();
    // One node at a time: two that start at once must not both find the same table missing.
    ctx.alter(move |ctx, tx| {
        async move {
            let recorded = store::recorded(tx).await?;
            let plan = Plan::make(&recorded, &declaration);
            if !plan.refused.is_empty() {
                return Ok(plan);
            }
            for step in &plan.steps {
                store::apply(tx, dialect, step).await.map_err(|error| {
                    Error::new(Code::Internal).with_detail(format!("Could not {step}.")).with_source(error)
                })?;
            }
            for (name, shape) in &plan.shapes {
                if recorded.get(name) != Some(shape) {
                    store::record(tx, name, shape, ctx.now()).await?;
                }
            }
            Ok(plan)
        }
        .boxed()
    })
    .await
}

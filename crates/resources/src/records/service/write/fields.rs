//! The rules of fields on writing: who names a field he may not write is told so, or that there is no such field.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use kernel::{Actor, Code, Error, Result, Value, rule::Bound};
use serde_json::{Map, Value as Json};

use super::{
    super::{
        super::{
            Record, View,
            input::{Input, Refusal, Standing, Unnamed, unwritable},
        },
        access::{denied, holds},
    },
    change::Writer,
};
use crate::schema::{Column, Declaration, Resource};

/// How one actor stands to the fields of one resource.
pub(super) struct Fields {
    pub view: View,
    /// Of each column the rule of writing, where there is one.
    rules: Vec<Option<Bound>>,
}

impl Fields {
    pub fn new(ctx: &Ctx, resource: &Arc<Resource>) -> Self {
        let rule = |column: &Column| match (&column.write, &ctx.actor) {
            (None, _) | (_, Actor::System(_)) => None,
            (Some(rule), actor) => Some(rule.bind(actor, ctx.now())),
        };
        Self { view: View::new(ctx, resource), rules: resource.columns.iter().map(rule).collect() }
    }

    /// How the actor stands to each column of `record`.
    pub async fn standings(
        &self,
        tx: &mut Tx<'_>,
        declaration: &Declaration,
        record: &Record,
    ) -> Result<Vec<Standing>> {
        let mut standings = Vec::with_capacity(self.rules.len());
        for index in 0..self.rules.len() {
            standings.push(self.standing(tx, declaration, record, index).await?);
        }
        Ok(standings)
    }

    async fn standing(
        &self,
        tx: &mut Tx<'_>,
        declaration: &Declaration,
        record: &Record,
        index: usize,
    ) -> Result<Standing> {
        let Some(Some(rule)) = self.rules.get(index) else { return Ok(Standing::Writable) };
        if holds(tx, declaration, rule, record).await? {
            return Ok(Standing::Writable);
        }
        let is_seen = self.view.sees(tx, declaration, record, index).await?;
        Ok(if is_seen { Standing::Readable } else { Standing::Hidden })
    }

    /// Errors: 403 unless what was `written` may still be, with the record as it is `after`.
    pub async fn check(&self, tx: &mut Tx<'_>, writer: &Writer<'_>, after: &Record, written: &[usize]) -> Result<()> {
        let mut refused = None;
        for index in written {
            let standing = self.standing(tx, writer.declaration, after, *index).await?;
            if standing == Standing::Writable {
                continue;
            }
            let error = refused.take().unwrap_or_else(|| denied(writer.ctx, Code::Forbidden));
            let column = writer.resource.columns.get(*index).filter(|_| standing == Standing::Readable);
            refused = Some(column.into_iter().map(unwritable).fold(error, Error::with_field));
        }
        refused.map_or(Ok(()), Err)
    }
}

/// A body. Errors: 422 at once, before any transaction, where no field has a rule that could change the verdict.
pub(super) fn parse(ctx: &Ctx, resource: &Resource, body: Map<String, Json>, unnamed: Unnamed) -> Result<Input> {
    let input = Input::parse(resource, body);
    let has_rules = resource.columns.iter().any(|column| column.write.is_some());
    if !has_rules || matches!(ctx.actor, Actor::System(_)) {
        settle(ctx, resource, &input, unnamed, &[])?;
    }
    Ok(if unnamed == Unnamed::Unset { input.searched(resource) } else { input })
}

/// The values to write; a column without a standing is writable. Errors: 422; 403 naming what is not the actor's to write.
pub(super) fn settle(
    ctx: &Ctx,
    resource: &Resource,
    input: &Input,
    unnamed: Unnamed,
    standings: &[Standing],
) -> Result<Vec<(usize, Value)>> {
    let standing = |index: usize| standings.get(index).copied().unwrap_or(Standing::Writable);
    input.settle(resource, unnamed, standing).map_err(|refusal| match refusal {
        Refusal::Invalid(errors) => Error::invalid(errors),
        Refusal::Forbidden(errors) => errors.into_iter().fold(denied(ctx, Code::Forbidden), Error::with_field),
    })
}

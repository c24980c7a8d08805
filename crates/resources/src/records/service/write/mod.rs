//! Writing: each change with its audit row, in one transaction.
mod batch;
mod change;
mod fields;
mod relations;
mod upsert;

use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Result, Uuid};
use serde_json::{Map, Value as Json};

pub use batch::{Batched, MOST_OPERATIONS};
pub(in crate::records) use relations::{Reached, sever};
pub use upsert::Upserted;

use self::change::{Mode, Writer};
use super::{
    super::{Condition, Shown, codec::Outcome, input::Unnamed},
    Records,
    access::{allowed, writable},
};
use crate::schema::{Operation, Resource};

impl Records {
    /// Errors: 401, 403 when the rule says no; 422 naming each wrong field; 409 for a value that must be unique.
    pub async fn create(&self, ctx: &Ctx, resource: &Arc<Resource>, body: Map<String, Json>) -> Result<Shown> {
        allowed(ctx, resource, Operation::Create)?;
        let input = fields::parse(ctx, resource, body, Unnamed::Unset)?;
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_once(Outcome(Arc::clone(&resource)), move |ctx, tx| {
            async move {
                let writer = Writer::new(&ctx, &records, &resource);
                let record = writer.create(tx, writer.new_id(), input).await?;
                writer.view().show(tx, records.declaration(), record).await
            }
            .boxed()
        })
        .await
    }

    /// Applies a merge patch (RFC 7396). The rule must hold before and after it. A patch that changes nothing writes nothing.
    pub async fn update(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        condition: Option<Condition>,
        body: Map<String, Json>,
    ) -> Result<Shown> {
        self.change(ctx, resource, id, condition, (body, Mode::Patch)).await
    }

    /// Gives every field the caller may write the value of the body or its default; otherwise as [`update`](Self::update).
    pub async fn replace(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        condition: Option<Condition>,
        body: Map<String, Json>,
    ) -> Result<Shown> {
        self.change(ctx, resource, id, condition, (body, Mode::Replace)).await
    }

    async fn change(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        condition: Option<Condition>,
        (body, mode): (Map<String, Json>, Mode),
    ) -> Result<Shown> {
        let rule = allowed(ctx, resource, Operation::Update)?;
        let input = fields::parse(ctx, resource, body, mode.unnamed())?;
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_retried(move |ctx, tx| {
            async move {
                let writer = Writer::new(&ctx, &records, &resource);
                let before = writable(tx, &ctx, records.declaration(), &resource, id, &rule, condition).await?;
                let after = writer.change(tx, before, &rule, input, mode).await?;
                writer.view().show(tx, records.declaration(), after).await
            }
            .boxed()
        })
        .await
    }

    /// Deletes, or marks as deleted where the resource says so.
    pub async fn delete(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        condition: Option<Condition>,
    ) -> Result<()> {
        let rule = allowed(ctx, resource, Operation::Delete)?;
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_retried(move |ctx, tx| {
            async move {
                let writer = Writer::new(&ctx, &records, &resource);
                let before = writable(tx, &ctx, records.declaration(), &resource, id, &rule, condition).await?;
                writer.delete(tx, before, &mut Reached::default()).await
            }
            .boxed()
        })
        .await
    }

    /// Takes back a soft deletion. Whoever may read and delete the record may do so.
    ///
    /// Errors: 404 for what is not deleted; 409 when another record has taken a value that must be unique.
    pub async fn restore(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid) -> Result<Shown> {
        let read = allowed(ctx, resource, Operation::Read)?;
        let delete = allowed(ctx, resource, Operation::Delete)?;
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_once(Outcome(Arc::clone(&resource)), move |ctx, tx| {
            async move {
                let writer = Writer::new(&ctx, &records, &resource);
                let record = writer.restore(tx, id, [&read, &delete]).await?;
                writer.view().show(tx, records.declaration(), record).await
            }
            .boxed()
        })
        .await
    }
}

//! Writing: each change with its audit row, in one transaction.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Actor, Code, Error, FieldError, Result, UserId, Uuid, Value, id::uuid_v7};
use platform::audit::{self, Entry};
use serde_json::{Map, Value as Json};
use web::call::IfMatch;

use super::{
    super::{Record, Shown, input, store},
    Records,
    access::{allowed, denied, holds, writable},
    view::show,
};
use crate::schema::{Declaration, Operation, Owner, Resource, place, unique_index};

impl Records {
    /// Errors: 401, 403 when the rule says no; 422 naming each wrong field; 409 for a value that must be unique.
    pub async fn create(&self, ctx: &Ctx, resource: &Arc<Resource>, body: Map<String, Json>) -> Result<Shown> {
        let rule = allowed(ctx, resource, Operation::Create)?;
        let record = new_record(ctx, resource, input::whole(resource, body)?);
        let declaration = Arc::clone(&self.declaration);
        ctx.write(move |ctx, tx| {
            async move {
                if !holds(tx, &declaration, &rule, &record).await? {
                    return Err(denied(&ctx, Code::Forbidden));
                }
                check_references(tx, &ctx, &declaration, &record, None).await?;
                store::insert(tx, &record).await.map_err(|error| name_unique(&record.resource, error))?;
                let entry = Entry::new("record.created", &record.resource.name, record.id()?).after(&record);
                audit::record(tx, &ctx, entry).await?;
                show(tx, &ctx, &declaration, record).await
            }
            .boxed()
        })
        .await
    }

    /// Applies a merge patch. The rule must hold before and after it. A patch that changes nothing writes nothing.
    pub async fn update(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        if_match: Option<IfMatch>,
        body: Map<String, Json>,
    ) -> Result<Shown> {
        let rule = allowed(ctx, resource, Operation::Update)?;
        let changes = input::part(resource, body)?;
        let (resource, declaration) = (Arc::clone(resource), Arc::clone(&self.declaration));
        ctx.write(move |ctx, tx| {
            async move {
                let before = writable(tx, &ctx, &declaration, &resource, id, &rule, if_match).await?;
                let mut after = before.clone();
                for (index, value) in changes {
                    let value = input::merged(&resource, index, before.values.get(index), value)?;
                    set(&mut after, index, value);
                }
                if after.values == before.values {
                    return show(tx, &ctx, &declaration, before).await;
                }
                set(&mut after, place::UPDATED_AT, ctx.now().into());
                set(&mut after, place::VERSION, (before.version() + 1).into());
                if !holds(tx, &declaration, &rule, &after).await? {
                    return Err(denied(&ctx, Code::Forbidden));
                }
                check_references(tx, &ctx, &declaration, &after, Some(&before)).await?;
                let is_written = store::update(tx, &after, before.version()).await;
                if !is_written.map_err(|error| name_unique(&resource, error))? {
                    return Err(Error::new(Code::VersionMismatch));
                }
                let entry = Entry::new("record.updated", &resource.name, id).before(&before).after(&after);
                audit::record(tx, &ctx, entry).await?;
                show(tx, &ctx, &declaration, after).await
            }
            .boxed()
        })
        .await
    }

    /// Deletes, or marks as deleted where the resource says so.
    pub async fn delete(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid, if_match: Option<IfMatch>) -> Result<()> {
        let rule = allowed(ctx, resource, Operation::Delete)?;
        let (resource, declaration) = (Arc::clone(resource), Arc::clone(&self.declaration));
        ctx.write(move |ctx, tx| {
            async move {
                let before = writable(tx, &ctx, &declaration, &resource, id, &rule, if_match).await?;
                let is_gone = if resource.is_soft_deleted {
                    let mut after = before.clone();
                    set(&mut after, place::DELETED_AT, ctx.now().into());
                    set(&mut after, place::UPDATED_AT, ctx.now().into());
                    set(&mut after, place::VERSION, (before.version() + 1).into());
                    store::update(tx, &after, before.version()).await?
                } else {
                    store::delete(tx, &resource, id, before.version()).await?
                };
                if !is_gone {
                    return Err(Error::new(Code::VersionMismatch));
                }
                audit::record(tx, &ctx, Entry::new("record.deleted", &resource.name, id).before(&before)).await
            }
            .boxed()
        })
        .await
    }
}

fn new_record(ctx: &Ctx, resource: &Arc<Resource>, declared: Vec<(usize, Value)>) -> Record {
    let now = ctx.now();
    let mut record = Record { resource: Arc::clone(resource), values: vec![Value::Null; resource.columns.len()] };
    let owner = match resource.owner {
        Owner::User => ctx.actor.user_id(),
        Owner::None => None::<UserId>,
    };
    set(&mut record, place::ID, uuid_v7(now, ctx.random()).into());
    set(&mut record, place::OWNER_ID, owner.into());
    set(&mut record, place::CREATED_AT, now.into());
    set(&mut record, place::UPDATED_AT, now.into());
    set(&mut record, place::VERSION, 1.into());
    for (index, value) in declared {
        set(&mut record, index, value);
    }
    record
}

fn set(record: &mut Record, index: usize, value: Value) {
    if let Some(place) = record.values.get_mut(index) {
        *place = value;
    }
}

/// Every reference that is new must be to a record the actor can read, or ids of strangers could be probed.
async fn check_references(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    declaration: &Declaration,
    record: &Record,
    before: Option<&Record>,
) -> Result<()> {
    for (index, column) in record.resource.declared() {
        let Some(reference) = &column.reference else { continue };
        let Some(Value::Uuid(id)) = record.values.get(index) else { continue };
        if before.is_some_and(|before| before.values.get(index) == record.values.get(index)) {
            continue;
        }
        let target = declaration.find(&reference.to).ok_or_else(|| Error::internal("a reference to no resource"))?;
        let found = store::get(tx, target, *id).await?;
        let is_readable = match &ctx.actor {
            Actor::System(_) => found.is_some(),
            actor => match found {
                Some(found) => holds(tx, declaration, &target.rules.read.bind(actor, ctx.now()), &found).await?,
                None => false,
            },
        };
        if !is_readable {
            return Err(Error::invalid(vec![FieldError::new(
                &column.name,
                "not_found",
                "refers to nothing you can read",
            )]));
        }
    }
    Ok(())
}

/// Names the fields whose values are taken.
fn name_unique(resource: &Resource, error: Error) -> Error {
    let Some(constraint) = ::store::violated(&error) else { return error };
    let broken = resource.unique_keys().into_iter().find(|key| constraint == unique_index(&resource.name, key));
    let fields = broken.into_iter().flatten();
    fields
        .fold(error, |error, field| error.with_field(FieldError::new(field, "taken", "another record has this value")))
}

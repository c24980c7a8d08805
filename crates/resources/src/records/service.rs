//! Rules for records. REST, the command line and what comes later all call these functions.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Actor, Code, Error, FieldError, Page, Result, UserId, Uuid, Value, id::uuid_v7, rule::Bound};
use platform::{
    audit::{self, Entry},
    secrets::{Keyring, MacKey},
};
use serde_json::{Map, Value as Json};
use web::call::IfMatch;

use super::{ListQuery, Record, SortKey, cursor, input, store};
use crate::schema::{Column, Declaration, Operation, Owner, Resource, place, unique_index};

/// A page ends before it holds more than this: many slow readers of long texts must not fill the memory.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

/// The records of every declared resource. Cheap to clone.
#[derive(Clone)]
pub struct Records {
    declaration: Arc<Declaration>,
    cursor_key: Arc<MacKey>,
}

impl Records {
    pub fn new(declaration: Arc<Declaration>, keyring: &Keyring) -> Result<Self> {
        Ok(Self { declaration, cursor_key: Arc::new(keyring.mac_key("resources.cursor")?) })
    }

    pub fn declaration(&self) -> &Arc<Declaration> {
        &self.declaration
    }

    /// Errors: 401, 403 when the rule says no; 422 naming each wrong field; 409 for a value that must be unique.
    pub async fn create(&self, ctx: &Ctx, resource: &Arc<Resource>, body: Map<String, Json>) -> Result<Record> {
        let rule = allowed(ctx, resource, Operation::Create)?;
        let record = new_record(ctx, resource, input::whole(resource, body)?);
        if !rule.matches(&record.values) {
            return Err(denied(ctx, Code::Forbidden));
        }
        let declaration = Arc::clone(&self.declaration);
        ctx.write(move |ctx, tx| {
            async move {
                check_references(tx, &ctx, &declaration, &record, None).await?;
                store::insert(tx, &record).await.map_err(|error| name_unique(&record.resource, error))?;
                let entry = Entry::new("record.created", &record.resource.name, record.id()?).after(&record);
                audit::record(tx, &ctx, entry).await?;
                Ok(record)
            }
            .boxed()
        })
        .await
    }

    /// Errors: 404 for what is not there or not readable; 401 when nobody is logged in.
    pub async fn get(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid) -> Result<Record> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let resource = Arc::clone(resource);
        let record = ctx.read(move |_, tx| async move { store::get(tx, &resource, id).await }.boxed()).await?;
        readable(ctx, &rule, record)
    }

    /// Errors: 401 when the rule lets nobody anonymous read anything; 400 for a cursor of another list.
    pub async fn list(&self, ctx: &Ctx, resource: &Arc<Resource>, query: ListQuery) -> Result<Page<Record>> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let mut keys = query.sort;
        if keys.iter().all(|key| key.column != place::ID) {
            let is_descending = keys.last().is_some_and(|key| key.is_descending);
            keys.push(SortKey { column: place::ID, is_descending });
        }
        let after = query.after.map(|after| cursor::decode(&self.cursor_key, resource, &keys, &after)).transpose()?;
        let limit = query.limit.get();
        let (resource, sorted_by) = (Arc::clone(resource), keys.clone());
        let mut items = ctx
            .read(move |_, tx| {
                async move { store::list(tx, &resource, &rule, &sorted_by, after.as_deref(), limit + 1).await }.boxed()
            })
            .await?;
        // One more than asked for tells whether there is a next page.
        let kept = limit.min(fitting(&items));
        let has_more = items.len() > kept;
        items.truncate(kept);
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| cursor::encode(&self.cursor_key, last, &keys));
        Ok(Page { items, next })
    }

    /// Applies a merge patch. The rule must hold before and after it. A patch that changes nothing writes nothing.
    pub async fn update(
        &self,
        ctx: &Ctx,
        resource: &Arc<Resource>,
        id: Uuid,
        if_match: Option<IfMatch>,
        body: Map<String, Json>,
    ) -> Result<Record> {
        let rule = allowed(ctx, resource, Operation::Update)?;
        let changes = input::part(resource, body)?;
        let (resource, declaration) = (Arc::clone(resource), Arc::clone(&self.declaration));
        ctx.write(move |ctx, tx| {
            async move {
                let before = writable(tx, &ctx, &resource, id, &rule, if_match).await?;
                let mut after = before.clone();
                for (index, value) in changes {
                    let value = input::merged(&resource, index, before.values.get(index), value)?;
                    set(&mut after, index, value);
                }
                if after.values == before.values {
                    return Ok(before);
                }
                set(&mut after, place::UPDATED_AT, ctx.now().into());
                set(&mut after, place::VERSION, (before.version() + 1).into());
                if !rule.matches(&after.values) {
                    return Err(denied(&ctx, Code::Forbidden));
                }
                check_references(tx, &ctx, &declaration, &after, Some(&before)).await?;
                let is_written = store::update(tx, &after, before.version()).await;
                if !is_written.map_err(|error| name_unique(&resource, error))? {
                    return Err(Error::new(Code::VersionMismatch));
                }
                let entry = Entry::new("record.updated", &resource.name, id).before(&before).after(&after);
                audit::record(tx, &ctx, entry).await?;
                Ok(after)
            }
            .boxed()
        })
        .await
    }

    /// Deletes, or marks as deleted where the resource says so.
    pub async fn delete(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid, if_match: Option<IfMatch>) -> Result<()> {
        let rule = allowed(ctx, resource, Operation::Delete)?;
        let resource = Arc::clone(resource);
        ctx.write(move |ctx, tx| {
            async move {
                let before = writable(tx, &ctx, &resource, id, &rule, if_match).await?;
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

/// The rule for this actor. Errors: 401, 403 when it can hold for no record at all.
fn allowed(ctx: &Ctx, resource: &Resource, operation: Operation) -> Result<Bound> {
    if let Actor::System(_) = ctx.actor {
        return Ok(Bound::Const(true));
    }
    if operation == Operation::Create && resource.owner == Owner::User {
        // Whoever creates it owns it.
        ctx.actor.require_login()?;
    }
    let rule = resource.rules.get(operation).bind(&ctx.actor);
    match (&rule, operation) {
        (Bound::Const(false), _) if !ctx.actor.is_authenticated() => Err(Error::new(Code::Unauthenticated)),
        (Bound::Const(false), Operation::Create) => Err(Error::new(Code::Forbidden)),
        // Whoever may read something is told 404 or 403 by the record itself; a list is empty.
        _ => Ok(rule),
    }
}

/// The refusal for someone logged in, or 401.
fn denied(ctx: &Ctx, code: Code) -> Error {
    Error::new(if ctx.actor.is_authenticated() { code } else { Code::Unauthenticated })
}

/// What is not there and what may not be read look the same, to strangers (404) as to anonymous callers (401).
fn readable(ctx: &Ctx, rule: &Bound, record: Option<Record>) -> Result<Record> {
    let code = if *rule == Bound::Const(true) { Error::new(Code::NotFound) } else { denied(ctx, Code::NotFound) };
    record.filter(|record| rule.matches(&record.values)).ok_or(code)
}

/// The record, held until the transaction ends, if the actor may change it and names the right version.
async fn writable(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    resource: &Arc<Resource>,
    id: Uuid,
    rule: &Bound,
    if_match: Option<IfMatch>,
) -> Result<Record> {
    tx.lock(&format!("{}/{id}", resource.name)).await?;
    let read = allowed(ctx, resource, Operation::Read)?;
    let record = readable(ctx, &read, store::get(tx, resource, id).await?)?;
    if !rule.matches(&record.values) {
        return Err(denied(ctx, Code::Forbidden));
    }
    match if_match {
        None if resource.requires_if_match => Err(Error::new(Code::VersionRequired)),
        Some(condition) if !condition.accepts(record.version()) => Err(Error::new(Code::VersionMismatch)),
        _ => Ok(record),
    }
}

/// How many records a page holds before it is too large: one at least.
fn fitting(items: &[Record]) -> usize {
    let mut bytes = 0;
    let fit = items.iter().take_while(|record| {
        bytes += record.size();
        bytes <= PAGE_BYTES
    });
    fit.count().max(1)
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
            actor => found.is_some_and(|found| target.rules.read.bind(actor).matches(&found.values)),
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

/// Names the field whose value is taken.
fn name_unique(resource: &Resource, error: Error) -> Error {
    let Some(constraint) = ::store::violated(&error) else { return error };
    let is_broken = |column: &&Column| constraint == unique_index(&resource.name, &column.name);
    let Some(column) = resource.columns.iter().filter(|column| column.is_unique).find(is_broken) else { return error };
    let field = FieldError::new(&column.name, "taken", "another record has this value");
    error.with_field(field)
}

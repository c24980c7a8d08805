//! Who may do what to which record.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{
    Actor, Code, Error, Result, Uuid, Value,
    rule::{Bound, Needs, Related},
};

use super::super::{Condition, Record, store};
use crate::schema::{Declaration, Operation, Owner, Resource};

/// The rule for this actor. Errors: 401, 403 when it can hold for no record at all, and for an API key that lacks the scope.
pub(super) fn allowed(ctx: &Ctx, resource: &Resource, operation: Operation) -> Result<Bound> {
    if let Actor::System(_) = ctx.actor {
        return Ok(Bound::Const(true));
    }
    ctx.actor.require_scope(&resource.name, operation)?;
    if operation == Operation::Create && resource.owner == Owner::User {
        // Whoever creates it owns it.
        ctx.actor.require_login()?;
    }
    let rule = resource.rules.get(operation).bind(&ctx.actor, ctx.now());
    match (&rule, operation) {
        (Bound::Const(false), _) if !ctx.actor.is_authenticated() => Err(Error::new(Code::Unauthenticated)),
        (Bound::Const(false), Operation::Create) => Err(Error::new(Code::Forbidden)),
        // Whoever may read something is told 404 or 403 by the record itself; a list is empty.
        _ => Ok(rule),
    }
}

/// What records must satisfy for this actor to read them, when they are met along the way. An API key that lacks the scope meets
/// none.
pub(super) fn reading(ctx: &Ctx, resource: &Resource) -> Bound {
    match &ctx.actor {
        Actor::System(_) => Bound::Const(true),
        actor if actor.require_scope(&resource.name, Operation::Read).is_err() => Bound::Const(false),
        actor => resource.rules.read.bind(actor, ctx.now()),
    }
}

/// The refusal for someone logged in, or 401.
pub(super) fn denied(ctx: &Ctx, code: Code) -> Error {
    Error::new(if ctx.actor.is_authenticated() { code } else { Code::Unauthenticated })
}

/// Whether `rule`, bound to the actor, holds for a record.
pub(super) async fn holds(tx: &mut Tx<'_>, declaration: &Declaration, rule: &Bound, record: &Record) -> Result<bool> {
    let needs = rule.needs();
    let related = load(tx, declaration, &record.resource, &record.values, &needs).await?;
    Ok(rule.matches_with(&record.values, &related))
}

/// The records that a rule needs beside the record itself.
fn load<'f>(
    tx: &'f mut Tx<'_>,
    declaration: &'f Declaration,
    resource: &'f Resource,
    values: &'f [Value],
    needs: &'f Needs,
) -> BoxFuture<'f, Result<Related>> {
    async move {
        let mut related = Related::default();
        for (column, inner) in &needs.0 {
            let target = declaration.target(resource, *column);
            let (Some(target), Some(Value::Uuid(id))) = (target, values.get(*column)) else { continue };
            if let Some(found) = store::get(tx, target, *id).await? {
                let theirs = load(tx, declaration, target, &found.values, inner).await?;
                related.insert(*column, found.values, theirs);
            }
        }
        Ok(related)
    }
    .boxed()
}

/// What is not there and what may not be read look the same, to strangers (404) as to anonymous callers (401).
pub(super) async fn readable(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    declaration: &Declaration,
    rule: &Bound,
    record: Option<Record>,
) -> Result<Record> {
    if let Some(record) = record
        && holds(tx, declaration, rule, &record).await?
    {
        return Ok(record);
    }
    Err(if *rule == Bound::Const(true) { Error::new(Code::NotFound) } else { denied(ctx, Code::NotFound) })
}

/// The record, held until the transaction ends, if the actor may change it and names the right version.
pub(super) async fn writable(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    declaration: &Declaration,
    resource: &Arc<Resource>,
    id: Uuid,
    rule: &Bound,
    condition: Option<Condition>,
) -> Result<Record> {
    let read = allowed(ctx, resource, Operation::Read)?;
    let found = store::held(tx, resource, &[id]).await?.pop();
    let record = readable(tx, ctx, declaration, &read, found).await?;
    changeable(tx, ctx, declaration, rule, condition, &record).await?;
    Ok(record)
}

/// Errors: 403, 412, 428 unless the actor may change this record, which is readable, and names the right version.
pub(super) async fn changeable(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    declaration: &Declaration,
    rule: &Bound,
    condition: Option<Condition>,
    record: &Record,
) -> Result<()> {
    if !holds(tx, declaration, rule, record).await? {
        return Err(denied(ctx, Code::Forbidden));
    }
    match condition {
        None if record.resource.requires_if_match => Err(Error::new(Code::VersionRequired)),
        Some(condition) if !condition.accepts(record.version()) => Err(Error::new(Code::VersionMismatch)),
        _ => Ok(()),
    }
}

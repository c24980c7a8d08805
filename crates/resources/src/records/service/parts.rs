//! `fields` and `expand`: which part of each record is asked for, and which others come along.
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ::store::{Ctx, Tx};
use kernel::{Error, Result, Uuid, Value};

use super::{
    super::{Parts, Record, Scope, Selection, Shown, View, bad_query, store},
    access::reading,
};
use crate::schema::{Declaration, Operation, Resource};

/// Most references that one list follows.
const MAX_EXPANDED: usize = 8;

/// A page ends before it holds more than this: many slow readers of long texts must not fill the memory.
const PAGE_BYTES: usize = 2 * 1024 * 1024;
/// Records that can take more than this together are weighed before they are read.
const READ_BYTES: usize = 8 * PAGE_BYTES;

/// A reference to follow: the column, and what may be seen of where it leads.
#[derive(Clone)]
pub(super) struct Expansion {
    column: usize,
    scope: Scope,
    selection: Selection,
}

/// What is asked for of a resource. Errors: 400 naming what is wrong; 403 for an API key that may not read what is to come along.
pub(super) fn parts(
    ctx: &Ctx,
    declaration: &Arc<Declaration>,
    resource: &Arc<Resource>,
    parts: &Parts,
) -> Result<(Selection, Vec<Expansion>)> {
    let view = View::new(ctx, resource);
    let mut expansions = Vec::new();
    if let Some(text) = &parts.expand {
        for column in view.fields("expand", text)? {
            expansions.push(expansion(ctx, declaration, resource, column)?);
        }
    }
    if expansions.len() > MAX_EXPANDED {
        return Err(bad_query("expand", format!("at most {MAX_EXPANDED} references can be named")));
    }
    let mut selection = match &parts.fields {
        None => Selection::all(view),
        Some(text) => {
            let columns = view.fields("fields", text)?;
            Selection::only(view, &columns)
        }
    };
    for expansion in &expansions {
        selection.read_too(expansion.column);
    }
    Ok((selection, expansions))
}

fn expansion(ctx: &Ctx, declaration: &Arc<Declaration>, resource: &Resource, column: usize) -> Result<Expansion> {
    let declared = resource.columns.get(column);
    let Some(reference) = declared.and_then(|column| column.reference.as_ref()) else {
        let name = declared.map_or("", |column| &column.name);
        return Err(bad_query("expand", format!("`{name}` is not a reference")));
    };
    let target = declaration.find(&reference.to).ok_or_else(|| Error::internal("a reference to no resource"))?;
    ctx.actor.require_scope(&target.name, Operation::Read)?;
    let scope = Scope::new(declaration, target, reading(ctx, target));
    Ok(Expansion { column, scope, selection: Selection::all(View::new(ctx, target)) })
}

/// Whether so many records could take more than is read at once.
pub(super) fn is_heavy(selection: &Selection, count: usize) -> bool {
    let widest = Record::widest(selection.columns().map(|(_, column)| column));
    widest.saturating_mul(count) > READ_BYTES
}

/// How many records of these sizes a page holds before it is too large: one at least.
pub(super) fn fitting(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fit = sizes.take_while(|size| {
        bytes = bytes.saturating_add(*size);
        bytes <= PAGE_BYTES
    });
    fit.count().max(1)
}

/// Adds to the items what their references lead to, by one statement for each reference, and by two where that could be much. Says
/// how many items there is room for with it: the others lack some.
pub(super) async fn expand(tx: &mut Tx<'_>, expansions: &[Expansion], items: &mut [Shown]) -> Result<usize> {
    let mut room = items.len();
    for Expansion { column, scope, selection } in expansions {
        let target = |item: &Shown| match item.values.get(*column) {
            Some(Value::Uuid(id)) => Some(*id),
            _ => None,
        };
        let mut ids: BTreeSet<Uuid> = items.iter().take(room).filter_map(target).collect();
        if is_heavy(selection, ids.len()) {
            let weighed = store::weigh(tx, scope, selection, ids).await?;
            let bytes: BTreeMap<Uuid, usize> = weighed.into_iter().map(|record| (record.id, record.bytes)).collect();
            let of_target = |item: &Shown| target(item).and_then(|id| bytes.get(&id).copied()).unwrap_or(0);
            room = fitting(items.iter().take(room).map(|item| item.size().saturating_add(of_target(item)))).min(room);
            ids = items.iter().take(room).filter_map(target).collect();
        }
        let mut found = BTreeMap::new();
        for record in store::find(tx, scope, selection, ids).await? {
            found.insert(record.id()?, Arc::new(record));
        }
        for item in items.iter_mut() {
            let target = target(item).and_then(|id| found.get(&id).cloned());
            item.expand(*column, target);
        }
    }
    Ok(room)
}

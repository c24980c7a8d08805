//! Reading: one record, and lists.
use std::{collections::BTreeMap, slice, sync::Arc};

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, Uuid, rule::Bound};

use super::{
    super::{
        Count, Counting, ListQuery, Listing, Parts, Scope, Selection, Shown, SortKey, bad_query,
        cursor::{self, Place},
        store::{self, Weighed},
    },
    Records,
    access::{allowed, denied},
    filter::filter,
    parts::{Expansion, expand, fitting, is_heavy, parts},
    search::{by_rank, search},
    sort::sort_keys,
};
use crate::schema::{Operation, Resource};

/// What is read for a page.
#[derive(Clone)]
struct Walk {
    scope: Scope,
    selection: Selection,
    expansions: Vec<Expansion>,
    /// In the direction of the walk.
    keys: Vec<SortKey>,
    from: Option<Place>,
    limit: usize,
    count: Option<Counting>,
}

impl Records {
    /// Errors: 404 for what is not there or not readable; 401 when nobody is logged in.
    pub async fn get(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid, asked: &Parts) -> Result<Shown> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let (selection, expansions) = parts(ctx, self.declaration(), resource, asked)?;
        let scope = Scope::new(self.declaration(), resource, rule);
        ctx.read_any(move |ctx, tx| {
            async move {
                let found = store::find(tx, &scope, &selection, [id]).await?.pop();
                let mut record = found.ok_or_else(|| match scope.rule {
                    Bound::Const(true) => Error::new(Code::NotFound),
                    _ => denied(&ctx, Code::NotFound),
                })?;
                expand(tx, &expansions, slice::from_mut(&mut record)).await?;
                Ok(record)
            }
            .boxed()
        })
        .await
    }

    /// Errors: 401 when the rule lets nobody anonymous read anything; 400 for what is asked wrongly, and for a cursor of
    /// another list.
    pub async fn list(&self, ctx: &Ctx, resource: &Arc<Resource>, query: ListQuery) -> Result<Listing> {
        let mut rule = allowed(ctx, resource, Operation::Read)?;
        if query.is_deleted {
            if !resource.is_soft_deleted {
                return Err(bad_query("deleted", "nothing is kept here once it is deleted"));
            }
            // What could be brought back or done away with: the business of who may delete it.
            rule = Bound::All(vec![rule, allowed(ctx, resource, Operation::Delete)?]);
        }
        let (mut selection, expansions) = parts(ctx, self.declaration(), resource, &query.parts)?;
        let mut scope = Scope::new(self.declaration(), resource, rule);
        let read = |text: &String| filter(ctx, self.declaration(), &selection.view, text);
        scope.filter = query.filter.as_ref().map(read).transpose()?;
        scope.search = query.search.as_ref().map(|text| search(&selection.view, text)).transpose()?;
        scope.is_deleted = query.is_deleted;
        let keys = match &query.sort {
            None if scope.search.is_some() => by_rank(resource),
            sort => sort_keys(&selection.view, sort.as_deref())?,
        };
        let highlighted = scope.search.as_ref().map(|search| (search.columns(resource), search.query.clone()));
        for column in highlighted.iter().flat_map(|(columns, _)| columns) {
            selection.read_too(*column);
        }
        for key in &keys {
            selection.read_too(key.column);
        }
        let is_backward = query.before.is_some();
        let cursor = match (query.after, query.before) {
            (Some(_), Some(_)) => return Err(bad_query("before", "cannot be given together with `after`")),
            (after, before) => after.or(before),
        };
        // Ranks of one search mean nothing to another.
        let list =
            query.search.as_ref().map_or_else(|| resource.name.clone(), |text| format!("{}?q={text}", resource.name));
        let from = cursor.as_deref().map(|cursor| cursor::decode(&self.cursor_key, &list, resource, &keys, cursor));
        let from = from.transpose()?;
        let walk = Walk {
            scope,
            selection,
            expansions,
            keys: if is_backward { keys.iter().map(|key| key.reversed()).collect() } else { keys.clone() },
            from: from.clone(),
            limit: query.limit.get(),
            count: query.count,
        };
        let (mut items, has_more, count) =
            ctx.read_any(move |_, tx| async move { walk.read(tx).await }.boxed()).await?;
        if is_backward {
            items.reverse();
        }
        if let Some((columns, query)) = &highlighted {
            for item in &mut items {
                item.highlight(columns, query);
            }
        }
        // The record a cursor stands on lies behind; from a page that has become empty it is the first on the way back.
        let behind = cursor.is_some();
        let (has_prev, has_next) = if is_backward { (has_more, behind) } else { (behind, has_more) };
        let edge = |item: Option<&Shown>| match item {
            Some(item) => Some(cursor::encode(&self.cursor_key, &list, resource, &keys, &item.values)),
            None => from.as_ref().map(|from| cursor::including(&self.cursor_key, &list, resource, &keys, from)),
        };
        let prev = if has_prev { edge(items.first()) } else { None };
        let next = if has_next { edge(items.last()) } else { None };
        Ok(Listing { items, next, prev, count })
    }
}

impl Walk {
    /// The records, whether there are more, and how many there are in all.
    async fn read(self, tx: &mut Tx<'_>) -> Result<(Vec<Shown>, bool, Option<Count>)> {
        let scope = &self.scope;
        let (mut items, found) = self.found(tx).await?;
        let room = expand(tx, &self.expansions, &mut items).await?;
        items.truncate(room);
        items.truncate(fitting(items.iter().map(Shown::size)));
        let has_more = items.len() < found;
        let count = match self.count {
            None => None,
            Some(Counting::Exact) => Some(Count::Exact(store::count(tx, scope).await?)),
            Some(Counting::Estimated) => Some(Count::Estimated(store::estimate(tx, scope).await?)),
        };
        Ok((items, has_more, count))
    }

    /// The records of a page, and how many there would be were they no longer than a page: one more than asked for tells whether
    /// there is a next one.
    async fn found(&self, tx: &mut Tx<'_>) -> Result<(Vec<Shown>, usize)> {
        let Self { scope, selection, keys, limit, .. } = self;
        let (from, most) = (self.from.as_ref(), limit + 1);
        if !is_heavy(selection, most) {
            let mut items = store::list(tx, scope, selection, keys, from, most).await?;
            let found = items.len();
            items.truncate(fitting(items.iter().map(Shown::size)).min(*limit));
            return Ok((items, found));
        }
        let mut weighed = store::weigh_list(tx, scope, selection, keys, from, most).await?;
        let found = weighed.len();
        weighed.truncate(fitting(weighed.iter().map(|record| record.bytes)).min(*limit));
        // What they must satisfy beyond the access rules they do: nothing is looked for twice.
        let scope = Scope { filter: None, search: None, ..scope.clone() };
        let ids: Vec<Uuid> = weighed.iter().map(|record| record.id).collect();
        let read = store::find(tx, &scope, selection, ids).await?;
        let mut read: BTreeMap<Uuid, Shown> =
            read.into_iter().map(|record| Ok((record.id()?, record))).collect::<Result<_>>()?;
        let in_order = weighed.into_iter().filter_map(|Weighed { id, rank, .. }| {
            let mut record = read.remove(&id)?;
            if let Some(rank) = rank {
                record.set_rank(rank);
            }
            Some(record)
        });
        Ok((in_order.collect(), found))
    }
}

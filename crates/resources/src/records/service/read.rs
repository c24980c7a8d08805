//! Reading: one record, and lists.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Page, Result, Uuid, rule::Bound};

use super::{
    super::{ListQuery, Record, Shown, cursor, store},
    Records,
    access::{allowed, readable},
    filter::filter,
    sort::sort_keys,
    view::{View, show},
};
use crate::schema::{Operation, Resource};

/// A page ends before it holds more than this: many slow readers of long texts must not fill the memory.
const PAGE_BYTES: usize = 2 * 1024 * 1024;

impl Records {
    /// Errors: 404 for what is not there or not readable; 401 when nobody is logged in.
    pub async fn get(&self, ctx: &Ctx, resource: &Arc<Resource>, id: Uuid) -> Result<Shown> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let (resource, declaration) = (Arc::clone(resource), Arc::clone(&self.declaration));
        ctx.read_any(move |ctx, tx| {
            async move {
                let found = store::get(tx, &resource, id).await?;
                let record = readable(tx, &ctx, &declaration, &rule, found).await?;
                show(tx, &ctx, &declaration, record).await
            }
            .boxed()
        })
        .await
    }

    /// Errors: 401 when the rule lets nobody anonymous read anything; 400 for a cursor of another list.
    pub async fn list(&self, ctx: &Ctx, resource: &Arc<Resource>, query: ListQuery) -> Result<Page<Shown>> {
        let rule = allowed(ctx, resource, Operation::Read)?;
        let view = View::new(ctx, resource);
        let rule = match query.filter {
            Some(text) => Bound::All(vec![rule, filter(ctx, &self.declaration, &view, &text)?]),
            None => rule,
        };
        let keys = sort_keys(&view, query.sort.as_deref())?;
        let after = query.after.map(|after| cursor::decode(&self.cursor_key, resource, &keys, &after)).transpose()?;
        let limit = query.limit.get();
        let (resource, declaration, sorted_by) = (Arc::clone(resource), Arc::clone(&self.declaration), keys.clone());
        let (items, has_more) = ctx
            .read_any(move |_, tx| {
                async move {
                    let after = after.as_deref();
                    let mut found =
                        store::list(tx, &declaration, &resource, &rule, &sorted_by, after, limit + 1).await?;
                    // One more than asked for tells whether there is a next page.
                    let kept = limit.min(fitting(&found));
                    let has_more = found.len() > kept;
                    found.truncate(kept);
                    let mut items = Vec::with_capacity(kept);
                    for record in found {
                        items.push(view.show(tx, &declaration, record).await?);
                    }
                    Ok((items, has_more))
                }
                .boxed()
            })
            .await?;
        let last = items.last().filter(|_| has_more);
        let next = last.map(|last| cursor::encode(&self.cursor_key, last, &keys));
        Ok(Page { items, next })
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

//! What is removed for good, in chunks: the records of deleted accounts, hidden at once, and those softly deleted long ago.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use identity::accounts::AccountDeleted;
use kernel::{Code, Error, Result, UserId, Uuid};
use platform::audit::{self, Entry};

use super::{
    Records,
    service::sever,
    store::{self, Left},
};
use crate::schema::{Owner, Resource};

/// Rows one transaction removes.
const CHUNK: i64 = 500;

/// Hears how many rows of which resource went.
pub type Report<'r> = &'r (dyn Fn(&str, u64) + Sync);

impl AccountDeleted for Records {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, ctx: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        store::hide_owner(tx, user_id, ctx.now()).boxed()
    }
}

/// What one walk over the rows to remove came to.
#[derive(Default)]
struct Pass {
    removed: u64,
    /// Something still refers to a row that was to go.
    is_held: bool,
}

impl Records {
    /// Removes what deleted accounts left behind and says how many rows that were. Safe to stop and to run twice.
    pub async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        self.purge_accounts(ctx, &|_, _| ()).await
    }

    /// The same, telling what goes.
    pub async fn purge_accounts(&self, ctx: &Ctx, report: Report<'_>) -> Result<u64> {
        ctx.actor.require_system()?;
        let mut total = 0;
        let mut last = None;
        while let Some(owner) =
            ctx.read(move |_, tx| async move { store::hidden_owner(tx, last).await }.boxed()).await?
        {
            total += self.purge_owner(ctx, owner, report).await?;
            last = Some(owner);
        }
        Ok(total)
    }

    /// Removes the records that were softly deleted longer ago than their resource says, and says how many. Safe to stop and to
    /// run twice.
    pub async fn purge_deleted(&self, ctx: &Ctx, report: Report<'_>) -> Result<u64> {
        ctx.actor.require_system()?;
        let mut total = 0;
        loop {
            let mut round = Pass::default();
            // What refers to others tends to be declared after them.
            for resource in self.declaration().resources.iter().rev() {
                let Some(kept) = resource.purge_after.filter(|_| resource.is_soft_deleted) else { continue };
                let pass = self.pass(ctx, resource, Left::Before(ctx.now().minus(kept)), report).await?;
                round.removed += pass.removed;
                round.is_held |= pass.is_held;
            }
            total += round.removed;
            // What was held may be free by now.
            if round.removed == 0 || !round.is_held {
                return Ok(total);
            }
        }
    }

    async fn purge_owner(&self, ctx: &Ctx, owner: UserId, report: Report<'_>) -> Result<u64> {
        let mut total = 0;
        loop {
            let mut round = Pass::default();
            let owned = |resource: &&Arc<Resource>| resource.owner == Owner::User;
            for resource in self.declaration().resources.iter().rev().filter(owned) {
                let pass = self.pass(ctx, resource, Left::By(owner), report).await?;
                round.removed += pass.removed;
                round.is_held |= pass.is_held;
            }
            total += round.removed;
            match (round.removed, round.is_held) {
                (0, true) => {
                    tracing::warn!(owner = %owner, "rows of a deleted account are still referred to; they stay hidden");
                    return Ok(total);
                }
                (0, false) => {
                    ctx.write(move |_, tx| async move { store::unhide_owner(tx, owner).await }.boxed()).await?;
                    return Ok(total);
                }
                _ => {}
            }
        }
    }

    /// Walks once over the rows to remove.
    async fn pass(&self, ctx: &Ctx, resource: &Arc<Resource>, left: Left, report: Report<'_>) -> Result<Pass> {
        let mut pass = Pass::default();
        let mut last = None;
        loop {
            let listed = Arc::clone(resource);
            let list = ctx.read(move |_, tx| async move { store::left(tx, &listed, left, last, CHUNK).await }.boxed());
            let doomed = list.await?;
            last = doomed.last().copied();
            if last.is_none() {
                return Ok(pass);
            }
            let ids: Vec<Uuid> = doomed.iter().map(|doomed| doomed.id).collect();
            let removed = match self.remove(ctx, resource, left, ids.clone()).await {
                // Another table goes first, or a row of somebody else still refers to one of these.
                Err(error) if error.code() == Code::ReferenceViolation => {
                    pass.is_held = true;
                    self.remove_singly(ctx, resource, left, &ids).await?
                }
                removed => removed?,
            };
            if removed > 0 {
                report(&resource.name, removed);
            }
            pass.removed += removed;
        }
    }

    async fn remove_singly(&self, ctx: &Ctx, resource: &Arc<Resource>, left: Left, ids: &[Uuid]) -> Result<u64> {
        let mut removed = 0;
        for id in ids {
            match self.remove(ctx, resource, left, vec![*id]).await {
                Ok(rows) => removed += rows,
                Err(error) if error.code() == Code::ReferenceViolation => {}
                Err(error) => return Err(error),
            }
        }
        Ok(removed)
    }

    /// Removes these rows in one transaction. Another node may have been there before: then there are fewer.
    async fn remove(&self, ctx: &Ctx, resource: &Arc<Resource>, left: Left, ids: Vec<Uuid>) -> Result<u64> {
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_retried(move |ctx, tx| {
            async move {
                let is_one = ids.len() == 1;
                match sever(tx, &ctx, records.declaration(), &resource, &ids).await {
                    // One row that very many others refer to: the database alone takes them along.
                    Err(error) if is_one && is_too_much(&error) => {}
                    severed => severed?,
                }
                let rows = store::remove(tx, &resource, &ids).await?;
                if rows > 0 {
                    let owner = match left {
                        Left::By(owner) => Some(owner),
                        Left::Before(_) => None,
                    };
                    let after = serde_json::json!({"rows": rows});
                    audit::record(tx, &ctx, Entry::new("records.purged", &resource.name, owner).after(after)).await?;
                }
                Ok(rows)
            }
            .boxed()
        })
        .await
    }
}

/// Whether [`sever`] found more than one deletion may take along.
fn is_too_much(error: &Error) -> bool {
    error.code() == Code::ReferenceViolation
}

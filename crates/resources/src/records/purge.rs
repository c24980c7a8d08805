//! What becomes of a deleted account's records: hidden at once, removed in chunks.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use identity::accounts::AccountDeleted;
use kernel::{Code, Result, UserId};
use platform::audit::{self, Entry};

use super::{Records, store};
use crate::schema::{Owner, Resource};

/// Rows one transaction removes.
const CHUNK: i64 = 500;

impl AccountDeleted for Records {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, ctx: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        store::hide_owner(tx, user_id, ctx.now()).boxed()
    }
}

impl Records {
    /// Removes what deleted accounts left behind and says how many rows that were. Safe to stop and to run twice.
    pub async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.actor.require_system()?;
        let mut total = 0;
        let mut last = None;
        while let Some(owner) =
            ctx.read(move |_, tx| async move { store::hidden_owner(tx, last).await }.boxed()).await?
        {
            total += self.purge_owner(ctx, owner).await?;
            last = Some(owner);
        }
        Ok(total)
    }

    async fn purge_owner(&self, ctx: &Ctx, owner: UserId) -> Result<u64> {
        let mut total = 0;
        loop {
            let mut removed = 0;
            let mut is_held = false;
            for resource in self.declaration().resources.iter().filter(|resource| resource.owner == Owner::User) {
                match purge_chunk(ctx, resource, owner).await {
                    Ok(rows) => removed += rows,
                    // Another table goes first, or a row of somebody else still refers to one of these.
                    Err(error) if error.code() == Code::ReferenceViolation => {
                        is_held = true;
                        removed += purge_singly(ctx, resource, owner).await?;
                    }
                    Err(error) => return Err(error),
                }
            }
            total += removed;
            match (removed, is_held) {
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
}

async fn purge_chunk(ctx: &Ctx, resource: &Arc<Resource>, owner: UserId) -> Result<u64> {
    let resource = Arc::clone(resource);
    ctx.write(move |ctx, tx| {
        async move {
            // Two nodes purge in turn: who waits must look anew, or it would take rows the other removed for the last ones.
            tx.lock(&format!("purge/{owner}")).await?;
            let rows = store::purge_chunk(tx, &resource, owner, CHUNK).await?;
            recorded(tx, &ctx, &resource, owner, rows).await
        }
        .boxed()
    })
    .await
}

/// Notes how many rows went, if any did.
async fn recorded(tx: &mut Tx<'_>, ctx: &Ctx, resource: &Resource, owner: UserId, rows: u64) -> Result<u64> {
    if rows > 0 {
        let entry = Entry::new("records.purged", &resource.name, owner).after(serde_json::json!({"rows": rows}));
        audit::record(tx, ctx, entry).await?;
    }
    Ok(rows)
}

/// Removes what of a chunk nothing refers to, row by row.
async fn purge_singly(ctx: &Ctx, resource: &Arc<Resource>, owner: UserId) -> Result<u64> {
    let listed = Arc::clone(resource);
    let ids = ctx.read(move |_, tx| async move { store::owned(tx, &listed, owner, CHUNK).await }.boxed()).await?;
    let mut removed = 0;
    for id in ids {
        let resource = Arc::clone(resource);
        let one = ctx.write(move |ctx, tx| {
            async move {
                let rows = store::purge_one(tx, &resource, owner, id).await?;
                recorded(tx, &ctx, &resource, owner, rows).await
            }
            .boxed()
        });
        match one.await {
            Ok(rows) => removed += rows,
            Err(error) if error.code() == Code::ReferenceViolation => {}
            Err(error) => return Err(error),
        }
    }
    Ok(removed)
}

//! What is removed for good, in chunks: the records of deleted accounts, hidden at once, and those softly deleted long ago.
use std::{sync::Arc, time::Duration};

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use identity::accounts::AccountKeeper;
use kernel::{Code, Result, Timestamp, UserId, Uuid};
use platform::audit::{self, Entry};

use super::{
    Records,
    service::{Reached, sever},
    store::{self, Left},
};
use crate::schema::{Owner, Resource};

/// Rows one transaction removes.
const CHUNK: i64 = 500;
/// How long rows of a deleted account are let be after something turned out to hold them: twice as long each time, up to the
/// second.
const PAUSES: [Duration; 2] = [Duration::from_mins(1), Duration::from_hours(1)];

/// Hears how many rows of which resource went.
pub type Report<'r> = &'r (dyn Fn(&str, u64) + Sync);

impl AccountKeeper for Records {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, ctx: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        store::hide_owner(tx, user_id, ctx.now()).boxed()
    }
}

/// What one walk over the rows to remove came to.
#[derive(Default)]
struct Pass {
    removed: u64,
    /// Some are left, because something refers to them.
    is_held: bool,
}

impl Records {
    /// Removes what deleted accounts left behind and says how many rows that were. Safe to stop and to run twice.
    pub async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        self.purge_accounts(ctx, &|_, _| ()).await
    }

    /// The same, telling what goes.
    pub async fn purge_accounts(&self, ctx: &Ctx, report: Report<'_>) -> Result<u64> {
        self.purge_hidden(ctx, Timestamp::from_micros(i64::MAX), report).await
    }

    /// The same, but for accounts whose rows were found held a short while ago: for whoever asks often.
    pub async fn purge_due_accounts(&self, ctx: &Ctx, report: Report<'_>) -> Result<u64> {
        self.purge_hidden(ctx, ctx.now(), report).await
    }

    async fn purge_hidden(&self, ctx: &Ctx, due: Timestamp, report: Report<'_>) -> Result<u64> {
        ctx.actor.require_system()?;
        let mut total = 0;
        let mut last = None;
        while let Some((owner, tries)) =
            ctx.read(move |_, tx| async move { store::hidden_owner(tx, last, due).await }.boxed()).await?
        {
            total += self.purge_owner(ctx, owner, tries, report).await?;
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

    async fn purge_owner(&self, ctx: &Ctx, owner: UserId, tries: i64, report: Report<'_>) -> Result<u64> {
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
                    let retry_at = ctx.now().plus(pause(tries));
                    ctx.write(move |_, tx| async move { store::hold_owner(tx, owner, retry_at).await }.boxed()).await?;
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
            let (records, listed) = (self.clone(), Arc::clone(resource));
            let list = ctx.read(move |_, tx| {
                async move { store::left(tx, records.declaration(), &listed, left, last, CHUNK).await }.boxed()
            });
            let doomed = list.await?;
            last = doomed.last().copied();
            if last.is_none() {
                let asked = Arc::clone(resource);
                let is_left = ctx.read(move |_, tx| async move { store::is_left(tx, &asked, left).await }.boxed());
                pass.is_held = is_left.await?;
                return Ok(pass);
            }
            let ids: Vec<Uuid> = doomed.iter().map(|doomed| doomed.id).collect();
            let removed = match self.remove(ctx, resource, left, ids.clone()).await {
                // Another table goes first, or a row of somebody else still refers to one of these.
                Err(error) if error.code() == Code::ReferenceViolation => {
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

    /// Removes those of these rows that are still to go, in one transaction. Another node may have been there before.
    async fn remove(&self, ctx: &Ctx, resource: &Arc<Resource>, left: Left, ids: Vec<Uuid>) -> Result<u64> {
        let (records, resource) = (self.clone(), Arc::clone(resource));
        ctx.write_retried(move |ctx, tx| {
            async move {
                let is_one = ids.len() == 1;
                let ids = store::still_left(tx, &resource, left, &ids).await?;
                let mut reached = Reached::default();
                if is_one {
                    // Very many may refer to it, and still it is to go.
                    reached = reached.without_bound();
                }
                if let Left::Before(_) = left {
                    reached = reached.sparing_living();
                }
                sever(tx, &ctx, records.declaration(), &resource, &ids, &mut reached).await?;
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

/// How long to wait after so many tries that came to nothing.
fn pause(tries: i64) -> Duration {
    let [first, longest] = PAUSES;
    let doublings = u32::try_from(tries.clamp(0, 16)).unwrap_or(0);
    first.saturating_mul(2_u32.saturating_pow(doublings)).min(longest)
}

#[cfg(test)]
mod tests {
    use kernel::Secret;
    use platform::secrets::Keyring;
    use serde_json::json;

    use super::*;
    use crate::schema;

    const SHELVES: &str = r#"
[shelves]
owner = "none"
soft_delete = true
purge_after = "30d"
[shelves.fields]
name = { type = "text" }
[books]
owner = "none"
[books.fields]
shelf = { type = "ref", to = "shelves", on_delete = "set_null" }
"#;

    #[tokio::test(flavor = "multi_thread")]
    async fn what_was_restored_since_it_was_listed_stays_as_it_is() {
        testkit::on_both(async |db| {
            let ctx = db.source.system("test");
            let migrations = [platform::migrations(), identity::migrations(), crate::migrations()].concat();
            ::store::migrate::apply(&ctx, &migrations).await.unwrap();
            let (declaration, _) = schema::parse(&SHELVES.parse().unwrap(), &toml::Table::new(), &|_| false);
            let records =
                Records::new(Arc::new(declaration), &Keyring::new(Secret::new(vec![7; 32]), None).unwrap()).unwrap();
            schema::apply(&ctx, records.declaration()).await.unwrap();
            let find = |name: &str| Arc::clone(records.declaration().find(name).unwrap());
            let (shelves, books) = (find("shelves"), find("books"));
            let object = |json: serde_json::Value| json.as_object().unwrap().clone();
            let mut ids = Vec::new();
            for _ in 0..2 {
                let shelf = records.create(&ctx, &shelves, object(json!({}))).await.unwrap();
                let book = object(json!({"shelf": shelf.shown_id().unwrap()}));
                let book = records.create(&ctx, &books, book).await.unwrap();
                records.delete(&ctx, &shelves, shelf.id().unwrap(), None).await.unwrap();
                ids.push((shelf.id().unwrap(), book.id().unwrap()));
            }
            records.restore(&ctx, &shelves, ids[0].0).await.unwrap();
            let left = Left::Before(ctx.now().plus(Duration::from_secs(1)));
            for (chunk, removed) in [(vec![ids[0].0, ids[1].0], 1), (vec![ids[0].0], 0)] {
                assert_eq!(records.remove(&ctx, &shelves, left, chunk).await.unwrap(), removed);
            }
            let parts = crate::records::Parts::default();
            records.get(&ctx, &shelves, ids[0].0, &parts).await.unwrap();
            assert_eq!(records.get(&ctx, &books, ids[0].1, &parts).await.unwrap().version(), 1);
            assert_eq!(records.get(&ctx, &books, ids[1].1, &parts).await.unwrap().version(), 2);
        })
        .await;
    }

    #[test]
    fn pauses_grow_to_the_longest() {
        let minutes = |tries| pause(tries).as_secs() / 60;
        assert_eq!([0, 1, 2, 5, 6, 1_000].map(minutes), [1, 2, 4, 32, 60, 60]);
    }
}

//! The context of a call: who asks, in which request, with which clock, randomness and database.
use std::{net::IpAddr, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Actor, Clock, Id, Random, Result, Secret, Timestamp, id};

use crate::{
    Db, Tx,
    idempotency::{Codec, Once},
    tx::Access,
    violation::is_contended,
};

/// How often a transaction is begun that the database keeps giving up for the sake of others.
const ATTEMPTS: usize = 4;
/// Rows one transaction of a purge removes, so that others are not kept waiting.
const PURGED_AT_ONCE: i64 = 500;

/// What a service function needs to know about its call. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    pub actor: Actor,
    pub request: Arc<RequestInfo>,
    /// The idempotency key of the call, if it has one.
    once: Option<Arc<Once>>,
    source: Source,
}

/// Where the call came from, for the audit trail.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    pub id: String,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
    /// The secret by which a device is known again, if it sent one.
    pub device: Option<Secret<String>>,
}

/// What every context of a process shares.
#[derive(Clone)]
pub struct Source {
    pub db: Db,
    pub clock: Arc<dyn Clock>,
    pub random: Arc<dyn Random>,
}

impl Source {
    /// The context of one request.
    pub fn ctx(&self, actor: Actor, request: Arc<RequestInfo>) -> Ctx {
        Ctx { actor, request, once: None, source: self.clone() }
    }

    /// The context of something the server does by itself; `part` names what acts.
    pub fn system(&self, part: &'static str) -> Ctx {
        self.ctx(Actor::System(part), Arc::default())
    }
}

// The ways in are not `async fn`s: each layer more makes the types of all callers deeper, and the compiler has a limit.
impl Ctx {
    pub fn now(&self) -> Timestamp {
        self.source.clock.now()
    }

    pub fn random(&self) -> &dyn Random {
        &*self.source.random
    }

    pub fn db(&self) -> &Db {
        &self.source.db
    }

    pub fn new_id<K: id::Kind>(&self) -> Id<K> {
        Id::new(self.now(), self.random())
    }

    #[must_use]
    pub fn with_actor(&self, actor: Actor) -> Self {
        Self { actor, ..self.clone() }
    }

    /// The same call under an idempotency key, which [`write_once`](Self::write_once) honours.
    #[must_use]
    pub fn with_once(self, once: Option<Arc<Once>>) -> Self {
        Self { once, ..self }
    }

    /// Runs `body` in one transaction that commits if it ends well. It may wait for nothing but `Tx`.
    ///
    /// Errors: what `body` returned; 503 when the queue or the pool is full or the commit failed.
    pub fn write<T, F>(&self, body: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Write, self.clone(), body)
    }

    /// The same, begun again when the database gave the transaction up for the sake of others (a deadlock).
    ///
    /// Errors: 503 when it keeps doing so.
    pub async fn write_retried<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        for _ in 1..ATTEMPTS {
            match self.write(body.clone()).await {
                Err(error) if is_contended(&error) => {}
                answer => return answer,
            }
        }
        self.write(body).await
    }

    /// The same, and at most once for an idempotency key: a call that comes again gets the result of the first, which `codec`
    /// keeps in the same transaction. What fails leaves no trace and may be tried again.
    ///
    /// Errors: 422 `idempotency_key_reused` when the key came with another body before.
    pub async fn write_once<T, C, F>(&self, codec: C, body: F) -> Result<T>
    where
        T: Send + 'static,
        C: Codec<T>,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        let Some(once) = self.once.clone() else { return self.write_retried(body).await };
        self.write_retried(move |ctx, tx| {
            async move {
                if let Some(earlier) = once.earlier(tx, &ctx).await? {
                    return codec.decode(&earlier);
                }
                let result = body(ctx.clone(), tx).await?;
                once.keep(tx, &ctx, codec.encode(&result)?).await?;
                Ok(result)
            }
            .boxed()
        })
        .await
    }

    /// Removes what is over: repeats `step`, which takes how many rows it may remove and returns how many it did, until nothing is left;
    /// returns how many rows went in all. Safe to stop and to run twice. For the server itself. Errors: 403; those of `step`; 503.
    pub async fn purge<F>(&self, step: F) -> Result<u64>
    where
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>, i64) -> BoxFuture<'t, Result<u64>> + Clone + Send + 'static,
    {
        self.actor.require_system()?;
        let mut total = 0;
        loop {
            let step = step.clone();
            let removed = self.write(move |ctx, tx| step(ctx, tx, PURGED_AT_ONCE)).await?;
            total += removed;
            if removed == 0 {
                return Ok(total);
            }
        }
    }

    /// Runs `body` against the database without changing it.
    pub fn read<T, F>(&self, body: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Read, self.clone(), body)
    }

    /// Runs `body` as [`Ctx::read`] does, on a replica if one has everything this account has written and is not too far behind; again on the
    /// primary should the replica fail. For what people look at. Never for what is checked before a write, nor for sessions, keys and roles.
    pub fn read_any<T, F>(&self, body: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        self.db().read_any(self.clone(), body)
    }

    /// Runs `body` as a change of the schema: alone, one at a time among all nodes, and without the bound on a statement's time.
    /// On SQLite foreign keys are off inside, because a table is changed by building it anew, and checked before the commit.
    pub fn alter<T, F>(&self, body: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Alter, self.clone(), body)
    }

    /// Runs `body` as [`alter`](Self::alter) does, but leaves references between rows unchecked on SQLite: the next
    /// `alter` checks them all.
    pub(crate) async fn load<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Load, self.clone(), body).await
    }

    /// Runs `body` without changing anything, all of its statements at one moment of the database, however long that takes.
    /// Nobody waits for it: writers go on.
    pub async fn snapshot<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Snapshot, self.clone(), body).await
    }
}

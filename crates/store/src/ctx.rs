//! The context of a call: who asks, in which request, with which clock, randomness and database.
use std::{net::IpAddr, sync::Arc};

use futures_util::future::BoxFuture;
use kernel::{Actor, Clock, Id, Random, Result, Timestamp, id};

use crate::{Db, Tx, tx::Access};

/// What a service function needs to know about its call. Cheap to clone.
#[derive(Clone)]
pub struct Ctx {
    pub actor: Actor,
    pub request: Arc<RequestInfo>,
    source: Source,
}

/// Where the call came from, for the audit trail.
#[derive(Clone, Debug, Default)]
pub struct RequestInfo {
    pub id: String,
    pub address: Option<IpAddr>,
    pub user_agent: Option<String>,
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
        Ctx { actor, request, source: self.clone() }
    }

    /// The context of something the server does by itself; `part` names what acts.
    pub fn system(&self, part: &'static str) -> Ctx {
        self.ctx(Actor::System(part), Arc::default())
    }
}

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

    /// Runs `body` in one transaction that commits if it ends well. It may wait for nothing but `Tx`.
    ///
    /// Errors: what `body` returned; 503 when the queue or the pool is full or the commit failed.
    pub async fn write<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Write, self.clone(), body).await
    }

    /// Runs `body` against the database without changing it.
    pub async fn read<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Read, self.clone(), body).await
    }

    /// Runs `body` as [`Ctx::read`] does, on a replica if one has everything this account has written and is not too far behind; again on the
    /// primary should the replica fail. For what people look at. Never for what is checked before a write, nor for sessions, keys and roles.
    pub async fn read_any<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        self.db().read_any(self.clone(), body).await
    }

    /// Runs `body` as a change of the schema: alone, one at a time among all nodes, and without the bound on a statement's time.
    /// On SQLite foreign keys are off inside, because a table is changed by building it anew, and checked before the commit.
    pub async fn alter<T, F>(&self, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.db().run(Access::Alter, self.clone(), body).await
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

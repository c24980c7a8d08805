//! PostgreSQL: a bounded pool, transactions at READ COMMITTED, and connections that are given up when in doubt.
mod bind;
mod classify;
mod connection;
mod lease;
mod plan;
mod position;
mod replica;
mod session;
mod tls;
mod tx;
mod url;

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use deadpool::managed::{Object, Pool, PoolConfig, PoolError, QueueMode, TimeoutType, Timeouts, WeakPool};
use futures_util::{
    FutureExt as _,
    future::{BoxFuture, join_all},
};
use kernel::{Code, Error, Result};
use tokio::time::timeout;

use self::{
    connection::Manager,
    lease::{Lease, State},
    position::Position,
};
pub(crate) use self::{
    replica::Replicas,
    session::{Session, is_alone, key_of_schema},
    tx::Tx,
};
use crate::{
    db::{Options, Stats},
    sqlite::panicked,
    tx::{Access, Engine},
};

/// What the client waits beyond the server's own bound on a statement.
const GRACE: Duration = Duration::from_secs(2);
/// How long the change of a schema waits for another node's.
const SCHEMA_LOCK_MINUTES: u32 = 10;
/// How often idle connections are looked at, and after how long they are closed down to the smallest pool.
const UPKEEP: Duration = Duration::from_mins(1);
const IDLE: Duration = Duration::from_mins(10);

/// A handle; connections are closed when the last one is dropped or [`Db::close`] is called.
#[derive(Clone)]
pub struct Db {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Pool<Manager>,
    waiting: AtomicUsize,
    queue: usize,
    statement: Duration,
    rows: usize,
    /// Whether there are replicas, so that it matters where in the log a write stands.
    tells_positions: bool,
    writes: AtomicU64,
    commits: AtomicU64,
}

impl Db {
    pub async fn open(options: &Options) -> Result<Self> {
        let db = Self::connect(options, false)?;
        db.refuse_other_encodings().await?;
        Ok(db)
    }

    /// A pool that has not spoken with its server yet. Errors: a malformed URL, an authority that cannot be read.
    fn connect(options: &Options, is_replica: bool) -> Result<Self> {
        let config = url::parse(options.url.expose(), options.tls_ca.is_some())?;
        let tls = tls::connector(options.tls_ca.as_deref())?;
        let manager = Manager::new(config, tls, options.statement, options.schema.as_deref(), is_replica);
        let mut pool = PoolConfig::new(options.pool_max.max(1));
        // The one used last is the warmest, and those not needed grow old.
        pool.queue_mode = QueueMode::Lifo;
        pool.timeouts = Timeouts {
            wait: Some(options.wait),
            create: Some(Duration::from_secs(5)),
            recycle: Some(Duration::from_secs(2)),
        };
        let pool =
            Pool::builder(manager).config(pool).runtime(deadpool::Runtime::Tokio1).build().map_err(Error::internal)?;
        let inner = Inner {
            pool,
            waiting: AtomicUsize::new(0),
            queue: options.queue,
            statement: options.statement,
            rows: options.rows,
            tells_positions: !is_replica && !options.replicas.is_empty(),
            writes: AtomicU64::new(0),
            commits: AtomicU64::new(0),
        };
        let db = Self { inner: Arc::new(inner) };
        tokio::spawn(keep_up(db.inner.pool.weak(), options.pool_min.min(options.pool_max)));
        Ok(db)
    }

    async fn refuse_other_encodings(&self) -> Result<()> {
        let encoding = self.run(Access::Read, |tx| {
            async move {
                let sql = "SELECT current_setting('server_encoding')";
                tx.query_one(sql, &[]).await?.get::<String>(0)
            }
            .boxed()
        });
        let unreachable = |error: Error| error.with_detail("PostgreSQL cannot be reached or refuses the log-in.");
        let encoding = encoding.await.map_err(unreachable)?;
        if encoding != "UTF8" {
            let detail = format!("The database's encoding is {encoding}; it must be UTF8.");
            return Err(Error::new(Code::Internal).with_detail(detail));
        }
        Ok(())
    }

    /// Runs `body` on a connection of its own, which it has for itself until it ends.
    pub fn run<T, F>(&self, access: Access, body: F) -> impl Future<Output = Result<T>> + Send
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        self.run_noting(access, body, |_| ())
    }

    /// As [`Db::run`]; `note` hears where in the log the commit stands, if there was one and replicas make it matter.
    pub async fn run_noting<T, F, N>(&self, access: Access, body: F, note: N) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(&'t mut crate::Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
        N: FnOnce(Option<Position>) + Send,
    {
        if !access.only_reads() {
            self.inner.writes.fetch_add(1, Ordering::Relaxed);
        }
        let mut lease = self.lease().await?;
        match access {
            Access::Read | Access::Write => {}
            Access::Alter | Access::Load => self.begin_alone(&mut lease).await?,
            Access::Snapshot => Self::begin_snapshot(&mut lease).await?,
        }
        let rows = self.inner.rows;
        let outcome = AssertUnwindSafe(async {
            let mut tx = crate::Tx::new(Engine::Postgres(Tx::new(&mut lease, access, rows)), access);
            let answer = body(&mut tx).await;
            if answer.is_ok() && tx.is_spoiled() {
                return Err(Error::internal("a transaction ended well although one of its statements had failed"));
            }
            answer
        })
        .catch_unwind()
        .await;
        let answer = outcome.unwrap_or_else(|payload| Err(panicked(&*payload)));
        if lease.state == State::Open {
            note(self.end(&mut lease, answer.is_ok()).await?);
        }
        answer
    }

    async fn end(&self, lease: &mut Lease, is_good: bool) -> Result<Option<Position>> {
        if !is_good {
            lease.roll_back().await;
            return Ok(None);
        }
        let position = if self.inner.tells_positions {
            Some(lease.commit_and_tell().await?)
        } else {
            lease.commit().await?;
            None
        };
        self.inner.commits.fetch_add(1, Ordering::Relaxed);
        Ok(position)
    }

    /// Begins the change of a schema: one at a time among all nodes, and each statement as long as it takes. Waiting for a table
    /// stays bounded, because whoever comes after waits behind it.
    async fn begin_alone(&self, lease: &mut Lease) -> Result<()> {
        let milliseconds = self.inner.statement.as_millis();
        let sql = format!(
            "BEGIN; SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
             SET LOCAL lock_timeout = '{SCHEMA_LOCK_MINUTES}min';
             SELECT pg_advisory_xact_lock(hashtextextended('hardpan schema', 0));
             SET LOCAL lock_timeout = {milliseconds}"
        );
        Self::begin_with(lease, &sql).await
    }

    /// Begins to read one moment of the database, each statement as long as it takes.
    async fn begin_snapshot(lease: &mut Lease) -> Result<()> {
        let sql = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = 0;
             SET LOCAL idle_in_transaction_session_timeout = 0";
        Self::begin_with(lease, sql).await
    }

    async fn begin_with(lease: &mut Lease, sql: &str) -> Result<()> {
        lease.state = State::Open;
        let begun = lease.client()?.batch_execute(sql).await;
        if let Err(error) = begun {
            lease.roll_back().await;
            return Err(classify::error(error));
        }
        Ok(())
    }

    async fn lease(&self) -> Result<Lease> {
        let object = self.object().await.map_err(|error| match error {
            PoolError::Timeout(TimeoutType::Wait) => Error::overloaded("all connections were busy for too long"),
            PoolError::Backend(error) => Error::unavailable(error),
            other => Error::unavailable(other),
        })?;
        Ok(Lease::new(object, self.inner.statement.saturating_add(GRACE)))
    }

    /// A connection at once, or a place among those who wait for one.
    async fn object(&self) -> std::result::Result<Object<Manager>, PoolError<tokio_postgres::Error>> {
        let pool = &self.inner.pool;
        let at_once = Timeouts { wait: Some(Duration::ZERO), ..pool.timeouts() };
        match pool.timeout_get(&at_once).await {
            Err(PoolError::Timeout(TimeoutType::Wait)) => {}
            other => return other,
        }
        let Some(_place) = Place::take(&self.inner.waiting, self.inner.queue) else {
            return Err(PoolError::Timeout(TimeoutType::Wait));
        };
        pool.get().await
    }

    pub async fn ping(&self) -> Result<()> {
        self.run(Access::Read, |tx| async move { tx.query("SELECT 1", &[]).await.map(|_| ()) }.boxed()).await
    }

    pub fn stats(&self) -> Stats {
        let pool = self.inner.pool.status();
        Stats {
            writes: self.inner.writes.load(Ordering::Relaxed),
            commits: self.inner.commits.load(Ordering::Relaxed),
            connections: pool.size as u64,
            busy: pool.size.saturating_sub(pool.available) as u64,
            waiting: self.inner.waiting.load(Ordering::Relaxed) as u64,
        }
    }

    /// Accepts nothing more, and waits for the connections on loan, which are closed when they come back.
    pub async fn close(&self) {
        let pool = &self.inner.pool;
        pool.close();
        let all_back = async {
            while pool.status().size > 0 {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        if timeout(self.inner.statement.saturating_add(GRACE), all_back).await.is_err() {
            tracing::warn!("the database was closed before every transaction had ended");
        }
    }
}

/// A place in a bounded queue; given back when dropped.
struct Place<'q>(&'q AtomicUsize);

impl<'q> Place<'q> {
    fn take(taken: &'q AtomicUsize, most: usize) -> Option<Self> {
        taken.fetch_update(Ordering::AcqRel, Ordering::Acquire, |taken| (taken < most).then_some(taken + 1)).ok()?;
        Some(Self(taken))
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Opens the smallest pool ahead of demand, and closes what a peak has left behind, until the pool is gone.
async fn keep_up(pool: WeakPool<Manager>, smallest: usize) {
    while let Some(pool) = pool.upgrade().filter(|pool| !pool.is_closed()) {
        let mut size = pool.status().size;
        pool.retain(|_, metrics| {
            let is_kept = size <= smallest || metrics.last_used() < IDLE;
            size -= usize::from(!is_kept);
            is_kept
        });
        let now = pool.status();
        if now.size < smallest {
            // Held together, so that each is another one; a server that is away now is tried again later.
            let free = smallest.saturating_sub(now.size.saturating_sub(now.available));
            drop(join_all((0..free).map(|_| pool.get())).await);
        }
        drop(pool);
        tokio::time::sleep(UPKEEP).await;
    }
}

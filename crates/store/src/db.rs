//! `Db`: one handle over either engine.
use std::{fmt, sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Actor, Error, Result, Secret};
use metrics::gauge;
use tokio::time::timeout;

use crate::{
    Ctx, Dialect, Tx, postgres, sqlite,
    statement::{self, Plan, Recording, Statements},
    tx::{Access, Afterwards, Watch},
};

/// A database, cheap to clone.
#[derive(Clone)]
pub struct Db {
    engine: Engine,
    statements: Arc<Statements>,
    replicas: Option<Arc<postgres::Replicas>>,
}

#[derive(Clone)]
pub(crate) enum Engine {
    Sqlite(sqlite::Db),
    Postgres(postgres::Db),
}

/// How to open a database, and its bounds.
#[derive(Clone)]
pub struct Options {
    /// `sqlite:PATH`, `postgres://...` and the spellings other stacks use for them.
    pub url: Secret<String>,
    /// Connections kept and allowed at most (PostgreSQL).
    pub pool_min: usize,
    pub pool_max: usize,
    /// Calls that may wait for their turn; one more is answered 503.
    pub queue: usize,
    /// How long a call may wait for its turn.
    pub wait: Duration,
    /// How long one statement may run.
    pub statement: Duration,
    /// Most rows one statement may answer with.
    pub rows: usize,
    /// Standbys of the primary that `url` names, which may answer what needs not be of this very moment (PostgreSQL).
    pub replicas: Vec<Secret<String>>,
    /// How old an answer of a replica may be.
    pub max_lag: Duration,
    /// A statement that takes so long is logged with its plan; `None` logs none.
    pub slow: Option<Duration>,
    /// Who hears the texts of statements.
    pub recording: Option<Recording>,
    /// A PEM file of certificate authorities that may vouch for PostgreSQL, besides the public ones.
    pub tls_ca: Option<std::path::PathBuf>,
    /// The schema to work in, where it is not the one the role begins in (PostgreSQL).
    pub schema: Option<String>,
}

impl Options {
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            pool_min: 5,
            pool_max: 20,
            queue: 4096,
            wait: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            rows: 10_000,
            replicas: Vec::new(),
            max_lag: Duration::from_secs(5),
            slow: None,
            recording: None,
            tls_ca: None,
            schema: None,
        }
    }
}

/// What monitoring may know of a database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Transactions asked for and outer commits made; on SQLite group commit makes the second smaller.
    pub writes: u64,
    pub commits: u64,
    /// Connections open (SQLite: its threads), and of those at work.
    pub connections: u64,
    pub busy: u64,
    /// Calls that wait for their turn.
    pub waiting: u64,
}

/// Connections of a database by state: `open`, `busy`; calls that wait for one.
const CONNECTIONS: &str = "hardpan_db_connections";
const WAITING: &str = "hardpan_db_waiting";
/// How old what a replica shows is at most, and whether it is read.
const REPLICA_BEHIND: &str = "hardpan_db_replica_behind_seconds";
const REPLICA_UP: &str = "hardpan_db_replica_up";

/// How a replica is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    /// Why it is not read; `None` when it is.
    pub fault: Option<&'static str>,
    /// How old its data is at most.
    pub behind: Option<Duration>,
}

impl Db {
    /// Opens the database `options.url` names, creating an SQLite file that is missing.
    ///
    /// Errors: malformed URL, a database that cannot be reached, an SQLite older than 3.51.3, a PostgreSQL that is not UTF-8.
    pub async fn open(options: Options) -> Result<Self> {
        let engine = match Dialect::of_url(options.url.expose())? {
            Dialect::Sqlite => Engine::Sqlite(sqlite::Db::open(&options)?),
            Dialect::Postgres => Engine::Postgres(postgres::Db::open(&options).await?),
        };
        let replicas = match &engine {
            _ if options.replicas.is_empty() => None,
            Engine::Postgres(_) => Some(postgres::Replicas::open(&options)?),
            Engine::Sqlite(_) => return Err(Error::internal("an SQLite database has no replicas")),
        };
        let slow = options.slow.map(|threshold| {
            let (sender, log) = statement::slow_log();
            // It ends when the last handle is gone.
            tokio::spawn(statement::log_slow(log, engine.clone()));
            (threshold, sender)
        });
        let statements = Arc::new(Statements::new(engine.dialect().name(), slow, options.recording));
        Ok(Self { engine, statements, replicas })
    }

    pub const fn dialect(&self) -> Dialect {
        self.engine.dialect()
    }

    pub(crate) async fn run<T, F>(&self, access: Access, ctx: Ctx, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let actor = ctx.actor.clone();
        let afterwards = Afterwards::default();
        let body = self.watched(ctx, afterwards.clone(), body);
        let answer = match (&self.engine, &self.replicas) {
            (Engine::Postgres(db), Some(replicas)) if access == Access::Write => {
                Box::pin(db.run_noting(access, body, |at| replicas.note(&actor, at))).await
            }
            // Not by way of `Engine::run`: each layer more makes the types of all callers deeper.
            (Engine::Sqlite(db), _) => db.run(access, body).await,
            (Engine::Postgres(db), _) => Box::pin(db.run(access, body)).await,
        };
        if answer.is_ok() {
            afterwards.run();
        }
        answer
    }

    /// A read that a replica may answer.
    pub(crate) async fn read_any<T, F>(&self, ctx: Ctx, body: F) -> Result<T>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Clone + Send + 'static,
    {
        // What the server does by itself leaves no trace of where its last write stands.
        if let Some(replicas) = self.replicas.as_ref().filter(|_| !matches!(ctx.actor, Actor::System(_))) {
            let attempt = self.watched(ctx.clone(), Afterwards::default(), body.clone());
            if let Some(answer) = Box::pin(replicas.run(ctx.actor.user_id(), attempt)).await {
                return answer;
            }
        }
        self.run(Access::Read, ctx, body).await
    }

    /// `body` with its context, and with those who are told of its statements.
    fn watched<T, F>(
        &self,
        ctx: Ctx,
        afterwards: Afterwards,
        body: F,
    ) -> impl for<'t, 'c> FnOnce(&'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static + use<T, F>
    where
        T: Send + 'static,
        F: for<'t, 'c> FnOnce(Ctx, &'t mut Tx<'c>) -> BoxFuture<'t, Result<T>> + Send + 'static,
    {
        let (statements, request) = (Arc::clone(&self.statements), Arc::clone(&ctx.request));
        let watch = Watch { statements, request, afterwards };
        move |tx| {
            tx.watch(watch);
            body(ctx, tx)
        }
    }

    /// How a statement would be run, were its tables large: PostgreSQL would rather read a small one whole.
    pub async fn explain(&self, sql: &str) -> Result<Plan> {
        self.engine.explain(sql, true).await
    }

    /// How each replica is, in the order of the configuration.
    pub fn replicas(&self) -> Vec<ReplicaState> {
        self.replicas.as_ref().map(|replicas| replicas.states()).unwrap_or_default()
    }

    /// Whether the database answers, within two seconds.
    pub async fn ping(&self) -> Result<()> {
        let check = async {
            match &self.engine {
                Engine::Sqlite(db) => db.ping().await,
                Engine::Postgres(db) => db.ping().await,
            }
        };
        let too_late = |_| Err(Error::unavailable("the database did not answer in time"));
        timeout(Duration::from_secs(2), check).await.unwrap_or_else(too_late)
    }

    pub fn stats(&self) -> Stats {
        match &self.engine {
            Engine::Sqlite(db) => db.stats(),
            Engine::Postgres(db) => db.stats(),
        }
    }

    /// Sets the gauges of connections, queues and replicas to what they are now. For whoever exports metrics, before each export.
    pub fn measure(&self) {
        let (stats, engine) = (self.stats(), self.dialect().name());
        #[allow(clippy::cast_precision_loss, reason = "gauges are floats, and no count here comes near 2^52")]
        let float = |count: u64| count as f64;
        gauge!(CONNECTIONS, "engine" => engine, "state" => "open").set(float(stats.connections));
        gauge!(CONNECTIONS, "engine" => engine, "state" => "busy").set(float(stats.busy));
        gauge!(WAITING, "engine" => engine).set(float(stats.waiting));
        for (number, replica) in (1..).zip(self.replicas()) {
            let number: i32 = number;
            gauge!(REPLICA_UP, "replica" => number.to_string()).set(f64::from(u8::from(replica.fault.is_none())));
            let behind = replica.behind.map_or(f64::INFINITY, |behind| behind.as_secs_f64());
            gauge!(REPLICA_BEHIND, "replica" => number.to_string()).set(behind);
        }
    }

    /// Finishes what was accepted and closes every connection.
    pub async fn close(&self) {
        if let Some(replicas) = &self.replicas {
            replicas.close().await;
        }
        match &self.engine {
            Engine::Sqlite(db) => db.close().await,
            Engine::Postgres(db) => db.close().await,
        }
    }
}

impl Engine {
    const fn dialect(&self) -> Dialect {
        match self {
            Self::Sqlite(_) => Dialect::Sqlite,
            Self::Postgres(_) => Dialect::Postgres,
        }
    }

    /// How a statement would be run.
    pub async fn explain(&self, sql: &str, is_forced: bool) -> Result<Plan> {
        let sql = sql.to_owned();
        match self {
            Self::Sqlite(db) => {
                db.run(Access::Read, move |tx| async move { tx.explain(&sql, is_forced).await }.boxed()).await
            }
            Self::Postgres(db) => {
                db.run(Access::Read, move |tx| async move { tx.explain(&sql, is_forced).await }.boxed()).await
            }
        }
    }
}

impl fmt::Debug for Db {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Db({:?})", self.dialect())
    }
}

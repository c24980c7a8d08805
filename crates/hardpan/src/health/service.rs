//! Rules of health: a probe costs at most one look at the database a second, however often it is asked.
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use kernel::{Permission, Result, Timestamp};
use platform::outbox::{Outbox, Standing};
use serde_json::{Value as Json, json};
use store::{Ctx, Source, db::ReplicaState};
use tokio::sync::Mutex;

/// How long an answer about the database is good for.
const FRESH: Duration = Duration::from_secs(1);

/// The state of the process and its parts. Cheap to clone.
#[derive(Clone)]
pub struct Health(Arc<Inner>);

struct Inner {
    source: Source,
    outbox: Outbox,
    started_at: Timestamp,
    is_draining: AtomicBool,
    /// When the database was last asked, and whether it answered.
    database: Mutex<Option<(Timestamp, bool)>>,
}

impl Health {
    pub fn new(source: Source, outbox: Outbox) -> Self {
        let started_at = source.clock.now();
        let (is_draining, database) = (AtomicBool::new(false), Mutex::new(None));
        Self(Arc::new(Inner { source, outbox, started_at, is_draining, database }))
    }

    /// From now on no new traffic should come.
    pub fn drain(&self) {
        self.0.is_draining.store(true, Ordering::SeqCst);
    }

    pub async fn is_ready(&self) -> bool {
        !self.0.is_draining.load(Ordering::SeqCst) && self.is_database_up().await
    }

    /// `{status}`, and for administrators the parts.
    pub async fn report(&self, ctx: &Ctx) -> Result<Json> {
        let is_up = self.is_database_up().await;
        let is_draining = self.0.is_draining.load(Ordering::SeqCst);
        let is_whole = is_up
            && self.0.source.db.replicas().iter().all(|replica| replica.fault.is_none())
            && !self.0.outbox.is_failing();
        let status = match (is_whole, is_draining) {
            (true, false) => "ok",
            (true, true) => "draining",
            (false, _) => "degraded",
        };
        if ctx.actor.require(Permission::ReadHealthDetail).is_err() {
            return Ok(json!({"status": status}));
        }
        let db = &self.0.source.db;
        let counts = db.stats();
        let mut parts = json!({
            "database": {
                "status": if is_up { "ok" } else { "down" },
                "engine": db.dialect().name(),
                "writes": counts.writes,
                "commits": counts.commits,
                "connections": counts.connections,
                "busy": counts.busy,
                "waiting": counts.waiting,
            },
        });
        let replicas = db.replicas();
        if !replicas.is_empty() {
            parts["replicas"] = replicas.iter().map(replica).collect();
        }
        if is_up {
            let standing = self.0.outbox.standing(ctx).await?;
            parts["outbox"] = standing.iter().map(|kind| (kind.kind.clone(), messages(ctx, kind))).collect();
        }
        Ok(json!({
            "status": status,
            "started_at": self.0.started_at,
            "uptime_seconds": ctx.now().since(self.0.started_at).as_secs(),
            "parts": parts,
        }))
    }

    async fn is_database_up(&self) -> bool {
        // Held while asking: a hundred probes at once wait for one answer.
        let mut last = self.0.database.lock().await;
        let now = self.0.source.clock.now();
        match *last {
            Some((at, is_up)) if now.since(at) < FRESH && now >= at => is_up,
            _ => {
                let is_up = self.0.source.db.ping().await.is_ok();
                // The answer is as fresh as its end: those who waited for it take it too.
                *last = Some((self.0.source.clock.now(), is_up));
                is_up
            }
        }
    }
}

/// Requests go on while the other side is down: what is to be told waits.
fn messages(ctx: &Ctx, standing: &Standing) -> Json {
    json!({
        "status": if standing.failing > 0 { "failing" } else { "ok" },
        "waiting": standing.waiting,
        "oldest_seconds": standing.oldest.map(|oldest| ctx.now().since(oldest).as_secs()),
        "dead": standing.dead,
        "failure": standing.failure,
    })
}

/// Reads go on without it: that is a server that is degraded, and one that may take traffic.
fn replica(state: &ReplicaState) -> Json {
    let behind = state.behind.map(|behind| u64::try_from(behind.as_millis()).unwrap_or(u64::MAX));
    match state.fault {
        None => json!({"status": "ok", "behind_ms": behind}),
        Some(why) => json!({"status": "down", "reason": why, "behind_ms": behind}),
    }
}

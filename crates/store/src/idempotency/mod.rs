//! Idempotency keys: what was done once under a key is not done again; its result is given again for 24 hours.
mod store;

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use aws_lc_rs::digest::{Context, SHA256};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result};

use crate::{Ctx, Tx};

/// How long a result is kept.
pub const KEPT: Duration = Duration::from_hours(24);

/// This slice's migrations.
pub const MIGRATIONS: [crate::Migration; 1] = [crate::Migration {
    id: "202611211000_create_idempotency_keys",
    sql: include_str!("migrations/202611211000_create_idempotency_keys.sql"),
}];

/// The key that a call came with.
#[derive(Debug)]
pub struct Once {
    /// Digest of who calls, what is called, and the key.
    id: [u8; 32],
    /// Digest of what was sent.
    body: [u8; 32],
    is_replayed: AtomicBool,
}

/// How the result of a write is kept, to be the same when it comes back.
pub trait Codec<T>: Clone + Send + Sync + 'static {
    fn encode(&self, result: &T) -> Result<Vec<u8>>;
    fn decode(&self, bytes: &[u8]) -> Result<T>;
}

impl Once {
    /// `scope` says who calls what under which key: everything that must be the same for two calls to be one.
    pub fn new(scope: &[&[u8]], body: &[u8]) -> Self {
        Self { id: digest(scope), body: digest(&[body]), is_replayed: AtomicBool::new(false) }
    }

    /// Whether the call was answered with the result of an earlier one.
    pub fn is_replayed(&self) -> bool {
        self.is_replayed.load(Ordering::Acquire)
    }

    /// The result of an earlier call, if there was one. A twin that is under way is waited for.
    ///
    /// Errors: 422 `idempotency_key_reused` when it was sent something else.
    pub(crate) async fn earlier(&self, tx: &mut Tx<'_>, ctx: &Ctx) -> Result<Option<Vec<u8>>> {
        let mut lock = "idempotency/".to_owned();
        for byte in self.id {
            let _ = write!(lock, "{byte:02x}");
        }
        tx.lock(&lock).await?;
        let Some((body, outcome)) = store::find(tx, &self.id, ctx.now().minus(KEPT)).await? else {
            self.is_replayed.store(false, Ordering::Release);
            return Ok(None);
        };
        if body != self.body {
            return Err(Error::new(Code::IdempotencyKeyReused));
        }
        self.is_replayed.store(true, Ordering::Release);
        Ok(Some(outcome))
    }

    pub(crate) async fn keep(&self, tx: &mut Tx<'_>, ctx: &Ctx, outcome: Vec<u8>) -> Result<()> {
        store::keep(tx, &self.id, &self.body, outcome, ctx.now()).await
    }
}

/// SHA-256 over the parts, each with its length before it, so that no two lists are one text.
fn digest(parts: &[&[u8]]) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

/// Removes the keys whose time is over, and says how many. For the server itself. Errors: 403; 503.
pub async fn purge(ctx: &Ctx) -> Result<u64> {
    ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now().minus(KEPT), limit).await }.boxed()).await
}

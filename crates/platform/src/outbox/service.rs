//! Rules of the outbox: written with its reason, sealed, delivered by whoever claims it first.
use std::{sync::Arc, time::Duration};

use ::store::{Ctx, Source, Tx};
use futures_util::{FutureExt as _, future::join_all};
use kernel::{Error, Id, Result, Uuid};
use metrics::{Unit, describe_counter, describe_gauge};
use tokio::{sync::watch, task::JoinHandle, time::timeout};

use super::{
    lane::{self, Lane},
    model::{Deliver, Message, OutboxId, Standing},
    store,
};
use crate::secrets::Keyring;

/// How long the row of a message that was given up stays, to be seen.
const DEAD_KEPT: Duration = Duration::from_hours(30 * 24);
/// Rows one transaction seals anew.
const CHUNK: i64 = 500;
/// Counting ends here: health and metrics need to know that there are many, not how many.
const MANY: i64 = 10_000;

/// The outbox of one process. Cheap to clone.
#[derive(Clone)]
pub struct Outbox {
    keyring: Keyring,
    lanes: Arc<[Arc<Lane>]>,
}

impl Outbox {
    /// `deliver` takes one kind each.
    pub fn new(keyring: &Keyring, deliver: Vec<Arc<dyn Deliver>>) -> Self {
        describe_counter!(lane::DELIVERIES, "Attempts to deliver a message, by its kind and by what came of it");
        describe_gauge!(lane::WAITING, "Messages that are not delivered yet");
        describe_gauge!(lane::OLDEST, Unit::Seconds, "Age of the oldest message that is not delivered yet");
        let lanes = deliver.into_iter().map(|deliver| Arc::new(Lane::new(keyring.clone(), deliver))).collect();
        Self { keyring: keyring.clone(), lanes }
    }

    /// Writes a message in the transaction that is its reason. It leaves after the commit, or not at all if there is none.
    ///
    /// Errors: internal, for a kind that nobody delivers.
    pub async fn add(&self, tx: &mut Tx<'_>, ctx: &Ctx, message: Message) -> Result<OutboxId> {
        let lane = self.lanes.iter().find(|lane| lane.kind() == message.kind);
        let lane = Arc::clone(lane.ok_or_else(|| Error::internal(format!("nobody delivers {}", message.kind)))?);
        let id: OutboxId = ctx.new_id();
        let payload = lane::seal(&self.keyring, ctx, id, message.kind, message.payload.expose())?;
        store::insert(tx, id, message.kind, payload, ctx.now(), message.expires_at).await?;
        tx.after_commit(move || lane.wake());
        Ok(id)
    }

    /// Delivers until it is told to stop.
    pub fn start(&self, source: &Source) -> Delivering {
        let ctx = source.system("outbox");
        let (stop, stopped) = watch::channel(false);
        let run = |lane: &Arc<Lane>| tokio::spawn(Arc::clone(lane).run(ctx.clone(), stopped.clone()));
        Delivering { stop, lanes: self.lanes.iter().map(run).collect() }
    }

    /// Tries everything that is due now once, and says how many messages were delivered. For the server itself; tests move the clock and
    /// call it in place of [`start`](Self::start). Errors: 403; 503.
    pub async fn deliver_now(&self, ctx: &Ctx) -> Result<u64> {
        ctx.actor.require_system()?;
        let mut delivered = 0;
        for lane in &*self.lanes {
            delivered += lane.deliver_due(ctx).await?;
        }
        Ok(delivered)
    }

    /// How each kind stands, for administrators.
    pub async fn standing(&self, ctx: &Ctx) -> Result<Vec<Standing>> {
        let kinds: Vec<&'static str> = self.lanes.iter().map(|lane| lane.kind()).collect();
        ctx.read(move |_, tx| {
            async move {
                let mut all = Vec::new();
                for kind in kinds {
                    all.push(store::standing(tx, kind, MANY).await?);
                }
                Ok(all)
            }
            .boxed()
        })
        .await
    }

    /// Whether the last attempt of this process at some kind failed for a reason that should pass.
    pub fn is_failing(&self) -> bool {
        self.lanes.iter().any(|lane| lane.is_failing())
    }
}

/// Removes the rows of what was given up long ago, and says how many. For the server itself. Errors: 403; 503.
pub async fn purge(ctx: &Ctx) -> Result<u64> {
    ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now().minus(DEAD_KEPT), limit).await }.boxed()).await
}

/// Seals under the current master key what waits under the previous one, before that one is forgotten.
pub async fn rewrap(ctx: &Ctx, keyring: &Keyring) -> Result<()> {
    let mut last = Id::from_uuid(Uuid::nil());
    loop {
        let keyring = keyring.clone();
        let chunk = ctx.write(move |ctx, tx| rewrap_chunk(keyring, last, ctx, tx).boxed()).await?;
        let Some(next) = chunk else { return Ok(()) };
        last = next;
    }
}

async fn rewrap_chunk(keyring: Keyring, last: OutboxId, ctx: Ctx, tx: &mut Tx<'_>) -> Result<Option<OutboxId>> {
    let rows = store::after(tx, last, CHUNK).await?;
    let next = rows.last().map(|(id, ..)| *id);
    for (id, kind, sealed) in rows {
        // What is dead has no payload.
        if sealed.is_empty() {
            continue;
        }
        match lane::renew(&keyring, &ctx, id, &kind, &sealed) {
            Ok(None) => {}
            Ok(Some(renewed)) => store::reseal(tx, id, renewed).await?,
            // It is under a key that is not here any more, and must not keep the server from starting.
            Err(error) => tracing::error!(?error, %id, "a message cannot be opened and stays as it is"),
        }
    }
    Ok(next)
}

/// The outbox at work.
pub struct Delivering {
    stop: watch::Sender<bool>,
    lanes: Vec<JoinHandle<()>>,
}

impl Delivering {
    /// Takes nothing new, and gives what is on its way `patience` to arrive. What does not is delivered again later.
    pub async fn stop(self, patience: Duration) {
        let _ = self.stop.send(true);
        let aborts: Vec<_> = self.lanes.iter().map(JoinHandle::abort_handle).collect();
        if timeout(patience, join_all(self.lanes)).await.is_err() {
            aborts.iter().for_each(tokio::task::AbortHandle::abort);
        }
    }
}

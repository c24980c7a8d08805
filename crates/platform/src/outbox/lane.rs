//! A lane: the messages of one kind on their way, so that an outage of one other side holds up no other.
use std::{
    borrow::Cow,
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ::store::Ctx;
use futures_util::{FutureExt as _, StreamExt as _, stream::FuturesUnordered};
use kernel::{Error, Result, Secret};
use metrics::{counter, gauge};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep, timeout},
};

use super::{
    backoff,
    model::{Deliver, Failure, OutboxId, Parcel},
    store::{self, Claimed},
};
use crate::secrets::Keyring;

/// `outcome` is `delivered`, `retried` or `dead`.
pub(super) const DELIVERIES: &str = "hardpan_outbox_deliveries_total";
pub(super) const WAITING: &str = "hardpan_outbox_waiting";
pub(super) const OLDEST: &str = "hardpan_outbox_oldest_seconds";

/// Messages of one kind that a process has on their way at once.
const ABREAST: usize = 8;
/// How much longer than an attempt its claim lasts: time for its bookkeeping, so that only a node that died loses it.
const BOOKKEEPING: Duration = Duration::from_secs(90);
/// How often what other nodes wrote, or a dead one left, is looked for.
const POLL: Duration = Duration::from_secs(2);
/// How often the gauges are set.
const MEASURED: Duration = Duration::from_secs(15);
/// Counting for the gauges ends here.
const MANY: i64 = 10_000;
/// What payloads are sealed for.
const PURPOSE: &str = "outbox";

pub(super) struct Lane {
    keyring: Keyring,
    deliver: Arc<dyn Deliver>,
    written: Notify,
    is_failing: AtomicBool,
}

/// What came of an attempt.
enum End {
    Delivered,
    PutOff(Duration, Cow<'static, str>),
    Dead(Cow<'static, str>),
}

impl End {
    const fn name(&self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::PutOff(..) => "retried",
            Self::Dead(_) => "dead",
        }
    }
}

impl Lane {
    pub(super) fn new(keyring: Keyring, deliver: Arc<dyn Deliver>) -> Self {
        Self { keyring, deliver, written: Notify::new(), is_failing: AtomicBool::new(false) }
    }

    pub(super) fn kind(&self) -> &'static str {
        self.deliver.kind()
    }

    pub(super) fn wake(&self) {
        self.written.notify_one();
    }

    pub(super) fn is_failing(&self) -> bool {
        self.is_failing.load(Ordering::Relaxed)
    }

    /// Delivers what is due until it is told to stop; then finishes what it has begun.
    pub(super) async fn run(self: Arc<Self>, ctx: Ctx, mut stopped: watch::Receiver<bool>) {
        let mut abreast = FuturesUnordered::new();
        let mut measured: Option<Instant> = None;
        while !*stopped.borrow() {
            let claimed = self.claim(&ctx, ABREAST - abreast.len()).await.unwrap_or_else(|error| {
                tracing::warn!(kind = self.kind(), ?error, "the outbox cannot be read; it is tried again");
                Vec::new()
            });
            abreast.extend(claimed.into_iter().map(|claimed| self.attempt(&ctx, claimed)));
            if measured.is_none_or(|last| last.elapsed() >= MEASURED) {
                self.measure(&ctx).await;
                measured = Some(Instant::now());
            }
            tokio::select! {
                Some(_) = abreast.next() => {}
                () = self.written.notified() => {}
                () = sleep(POLL) => {}
                _ = stopped.changed() => break,
            }
        }
        while abreast.next().await.is_some() {}
    }

    /// Tries what is due once, and says how many were delivered.
    pub(super) async fn deliver_due(&self, ctx: &Ctx) -> Result<u64> {
        let mut delivered = 0;
        loop {
            let claimed = self.claim(ctx, ABREAST).await?;
            if claimed.is_empty() {
                return Ok(delivered);
            }
            let mut abreast: FuturesUnordered<_> =
                claimed.into_iter().map(|claimed| self.attempt(ctx, claimed)).collect();
            while let Some(is_delivered) = abreast.next().await {
                delivered += u64::from(is_delivered);
            }
        }
    }

    async fn claim(&self, ctx: &Ctx, limit: usize) -> Result<Vec<Claimed>> {
        let (kind, limit) = (self.kind(), i64::try_from(limit).unwrap_or(i64::MAX));
        if limit == 0 {
            return Ok(Vec::new());
        }
        // A look costs less than a write, and mostly there is nothing.
        let due = ctx.read(move |_, tx| async move { store::next_due(tx, kind).await }.boxed()).await?;
        if due.is_none_or(|due| due > ctx.now()) {
            return Ok(Vec::new());
        }
        let lease = self.deliver.patience() + BOOKKEEPING;
        ctx.write(move |ctx, tx| {
            async move { store::claim(tx, kind, ctx.now(), ctx.now().plus(lease), limit).await }.boxed()
        })
        .await
    }

    /// Tries a message once, and says whether it was delivered.
    async fn attempt(&self, ctx: &Ctx, claimed: Claimed) -> bool {
        let (kind, id, attempt) = (self.kind(), claimed.id, claimed.attempt);
        let end = match self.try_once(ctx, &claimed).await {
            Ok(()) => {
                tracing::debug!(kind, %id, attempt, "delivered");
                End::Delivered
            }
            Err(Failure::Retry { reason, after }) if attempt < backoff::ATTEMPTS => {
                let wait = backoff::wait(ctx.random(), attempt, after);
                tracing::warn!(kind, %id, attempt, %reason, ?wait, "a message could not be delivered; it is tried again");
                End::PutOff(wait, reason)
            }
            Err(Failure::Retry { reason, .. } | Failure::Permanent { reason }) => {
                tracing::error!(kind, %id, attempt, %reason, "a message was given up");
                End::Dead(reason)
            }
        };
        // What cannot be delivered because of itself says nothing about the others.
        if !matches!(end, End::Dead(_)) {
            self.is_failing.store(!matches!(end, End::Delivered), Ordering::Relaxed);
        }
        counter!(DELIVERIES, "kind" => kind, "outcome" => end.name()).increment(1);
        let is_delivered = matches!(end, End::Delivered);
        let settled = ctx.write(move |ctx, tx| {
            async move {
                match end {
                    End::Delivered => store::delete(tx, id).await,
                    End::PutOff(wait, reason) => store::put_off(tx, &claimed, ctx.now().plus(wait), &reason).await,
                    End::Dead(reason) => store::bury(tx, &claimed, ctx.now(), &reason).await,
                }
            }
            .boxed()
        });
        if let Err(error) = settled.await {
            // The claim runs out, and the message is tried again.
            tracing::warn!(kind, %id, ?error, "what came of a message could not be written down");
        }
        is_delivered
    }

    async fn try_once(&self, ctx: &Ctx, claimed: &Claimed) -> Result<(), Failure> {
        if claimed.expires_at.is_some_and(|end| end <= ctx.now()) {
            return Err(Failure::permanent("it expired before it could be delivered"));
        }
        // Whoever tried it last did not live to count.
        if claimed.attempt > backoff::ATTEMPTS {
            return Err(Failure::permanent("it was tried too often"));
        }
        let sealed = &claimed.payload;
        let payload = open(&self.keyring, claimed.id, self.kind(), sealed).map_err(|error| {
            tracing::error!(?error, id = %claimed.id, "a message cannot be opened");
            Failure::retry("it cannot be opened with this master key")
        })?;
        let Claimed { id, created_at, attempt, .. } = *claimed;
        let parcel = Parcel { id, payload, created_at, attempt };
        // One message that nobody foresaw must not end the lane for all others.
        let attempt = AssertUnwindSafe(async { self.deliver.deliver(&parcel).await }).catch_unwind();
        match timeout(self.deliver.patience(), attempt).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(Failure::retry("the attempt panicked; the log says where")),
            Err(_) => Err(Failure::retry("it took too long")),
        }
    }

    async fn measure(&self, ctx: &Ctx) {
        let kind = self.kind();
        let read = ctx.read(move |_, tx| async move { store::standing(tx, kind, MANY).await }.boxed());
        let Ok(standing) = read.await else { return };
        #[allow(clippy::cast_precision_loss, reason = "gauges are floats, and counting ends far below 2^52")]
        gauge!(WAITING, "kind" => kind).set(standing.waiting as f64);
        let age = standing.oldest.map(|oldest| ctx.now().since(oldest)).unwrap_or_default();
        gauge!(OLDEST, "kind" => kind).set(age.as_secs_f64());
    }
}

/// Sealed for this row alone.
pub(super) fn seal(keyring: &Keyring, ctx: &Ctx, id: OutboxId, kind: &str, payload: &[u8]) -> Result<Vec<u8>> {
    keyring.seal(ctx.random(), PURPOSE, &bound(id, kind), payload)
}

pub(super) fn open(keyring: &Keyring, id: OutboxId, kind: &str, sealed: &[u8]) -> Result<Secret<Vec<u8>>, Error> {
    keyring.open(PURPOSE, &bound(id, kind), sealed)
}

pub(super) fn renew(keyring: &Keyring, ctx: &Ctx, id: OutboxId, kind: &str, sealed: &[u8]) -> Result<Option<Vec<u8>>> {
    keyring.renew(ctx.random(), PURPOSE, &bound(id, kind), sealed)
}

fn bound(id: OutboxId, kind: &str) -> Vec<u8> {
    [id.uuid().as_bytes(), kind.as_bytes()].concat()
}

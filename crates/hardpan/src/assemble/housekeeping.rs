//! What is removed for good once its time is over.
use std::time::{Duration, Instant};

use identity::Identity;
use kernel::Result;
use platform::outbox;
use resources::records::{self, Records};
use store::{Ctx, Source};

use super::Server;

/// How often what deleted accounts left behind and what is long over is looked for.
const PURGE_PAUSE: Duration = Duration::from_secs(30);
/// How often softly deleted records whose time is over are looked for.
const DELETED_PAUSE: Duration = Duration::from_hours(1);

impl Server {
    /// Looks after what no request waits for, until it is dropped.
    pub async fn keep_house(&self) {
        let purge = Purge::new(&self.source, &self.records, &self.identity);
        let mut deleted_at: Option<Instant> = None;
        loop {
            let is_due = deleted_at.is_none_or(|last| last.elapsed() >= DELETED_PAUSE);
            let parts = if is_due { &Part::ALL[..] } else { &Part::OFTEN[..] };
            match purge.run(parts, &|_, _| ()).await {
                Ok(_) if is_due => deleted_at = Some(Instant::now()),
                Ok(_) => {}
                Err(error) => tracing::warn!(?error, "what is over could not be purged; it is tried again"),
            }
            tokio::time::sleep(PURGE_PAUSE).await;
        }
    }
}

/// What is removed for good once its time is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    Accounts,
    /// Those whose rows were not found held a short while ago.
    DueAccounts,
    Sessions,
    IdempotencyKeys,
    Messages,
    Deleted,
}

impl Part {
    pub const ALL: [Self; 5] = [Self::Accounts, Self::Sessions, Self::IdempotencyKeys, Self::Messages, Self::Deleted];
    /// Those that are cheap to look for.
    pub const OFTEN: [Self; 4] = [Self::DueAccounts, Self::Sessions, Self::IdempotencyKeys, Self::Messages];
}

/// Removes what is over: `serve` does so by itself, `hardpan purge` when it is told to.
pub struct Purge<'s> {
    ctx: Ctx,
    records: &'s Records,
    identity: &'s Identity,
}

impl<'s> Purge<'s> {
    pub fn new(source: &Source, records: &'s Records, identity: &'s Identity) -> Self {
        Self { ctx: source.system("housekeeping"), records, identity }
    }

    /// Says how many rows went; `report` hears of each chunk, by table.
    pub async fn run(&self, parts: &[Part], report: records::Report<'_>) -> Result<u64> {
        let mut total = 0;
        for part in parts {
            total += match part {
                Part::Accounts => self.records.purge_accounts(&self.ctx, report).await?,
                Part::DueAccounts => self.records.purge_due_accounts(&self.ctx, report).await?,
                Part::Deleted => self.records.purge_deleted(&self.ctx, report).await?,
                Part::Sessions => told(report, "sessions", self.identity.purge(&self.ctx).await?),
                Part::Messages => told(report, "messages given up", outbox::purge(&self.ctx).await?),
                Part::IdempotencyKeys => told(report, "idempotency keys", store::idempotency::purge(&self.ctx).await?),
            };
        }
        Ok(total)
    }
}

fn told(report: records::Report<'_>, what: &str, rows: u64) -> u64 {
    if rows > 0 {
        report(what, rows);
    }
    rows
}

//! SQL of the outbox. A row that waits has `due_at`; a dead one has `dead_at` instead, and no payload.
use ::store::{Row, Tx};
use kernel::{Result, Timestamp, Value};

use super::model::{OutboxId, Standing};

/// A row that was claimed.
pub(super) struct Claimed {
    pub id: OutboxId,
    pub payload: Vec<u8>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub attempt: i64,
}

pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: OutboxId,
    kind: &str,
    payload: Vec<u8>,
    at: Timestamp,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "INSERT INTO outbox (id, kind, payload, created_at, expires_at, due_at, attempts) \
               VALUES ($1, $2, $3, $4, $5, $4, 0)";
    let params: [Value; 5] = [id.into(), kind.into(), payload.into(), at.into(), expires_at.into()];
    tx.execute(sql, &params).await.map(|_| ())
}

/// When the next message of a kind is due.
pub(super) async fn next_due(tx: &mut Tx<'_>, kind: &str) -> Result<Option<Timestamp>> {
    let sql = "SELECT due_at FROM outbox WHERE kind = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT 1";
    tx.query_opt(sql, &[kind.into()]).await?.map(|row| row.get(0)).transpose()
}

/// Takes up to `limit` messages that are due: nobody else gets them before `until`. The number of the attempt tells apart who has
/// a row now and who had it before.
pub(super) async fn claim(
    tx: &mut Tx<'_>,
    kind: &str,
    at: Timestamp,
    until: Timestamp,
    limit: i64,
) -> Result<Vec<Claimed>> {
    // Nodes that claim at once each take others. The outer condition holds for what was changed meanwhile.
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "UPDATE outbox SET due_at = $3, attempts = attempts + 1 WHERE due_at <= $2 AND id IN \
         (SELECT id FROM outbox WHERE kind = $1 AND due_at <= $2 ORDER BY due_at LIMIT $4 {skip}) \
         RETURNING id, payload, created_at, expires_at, attempts"
    );
    let rows = tx.query(&sql, &[kind.into(), at.into(), until.into(), limit.into()]).await?;
    let claimed = |row: &Row| {
        Ok(Claimed {
            id: row.get(0)?,
            payload: row.get(1)?,
            created_at: row.get(2)?,
            expires_at: row.get(3)?,
            attempt: row.get(4)?,
        })
    };
    rows.iter().map(claimed).collect()
}

/// What was delivered is gone.
pub(super) async fn delete(tx: &mut Tx<'_>, id: OutboxId) -> Result<()> {
    tx.execute("DELETE FROM outbox WHERE id = $1", &[id.into()]).await.map(|_| ())
}

/// Notes that an attempt failed, unless another has been begun since.
pub(super) async fn put_off(tx: &mut Tx<'_>, claimed: &Claimed, due_at: Timestamp, failure: &str) -> Result<()> {
    let sql = "UPDATE outbox SET due_at = $3, failure = $4 WHERE id = $1 AND attempts = $2 AND due_at IS NOT NULL";
    tx.execute(sql, &[claimed.id.into(), claimed.attempt.into(), due_at.into(), failure.into()]).await.map(|_| ())
}

/// Gives a message up. What it said does not stay.
pub(super) async fn bury(tx: &mut Tx<'_>, claimed: &Claimed, at: Timestamp, failure: &str) -> Result<()> {
    let sql =
        "UPDATE outbox SET due_at = NULL, dead_at = $3, failure = $4, payload = $5 WHERE id = $1 AND attempts = $2";
    let params: [Value; 5] =
        [claimed.id.into(), claimed.attempt.into(), at.into(), failure.into(), Vec::<u8>::new().into()];
    tx.execute(sql, &params).await.map(|_| ())
}

/// How a kind stands. Counting stops at `limit`, which stands for many.
pub(super) async fn standing(tx: &mut Tx<'_>, kind: &str, limit: i64) -> Result<Standing> {
    let sql = "SELECT COUNT(*), COUNT(failure), MIN(created_at) FROM \
               (SELECT failure, created_at FROM outbox WHERE kind = $1 AND due_at IS NOT NULL ORDER BY due_at LIMIT $2) AS waiting";
    let waiting = tx.query_one(sql, &[kind.into(), limit.into()]).await?;
    let sql = "SELECT COUNT(*) FROM \
               (SELECT 1 FROM outbox WHERE kind = $1 AND due_at IS NULL AND dead_at IS NOT NULL LIMIT $2) AS dead";
    let dead = tx.query_one(sql, &[kind.into(), limit.into()]).await?;
    // What may still be mended comes first. Two questions: the engines do not agree on where nulls are in an order.
    let sql = "SELECT failure FROM outbox WHERE kind = $1 AND due_at IS NOT NULL AND failure IS NOT NULL \
               ORDER BY due_at DESC LIMIT 1";
    let mut failure = tx.query_opt(sql, &[kind.into()]).await?;
    if failure.is_none() {
        let sql = "SELECT failure FROM outbox WHERE kind = $1 AND dead_at IS NOT NULL ORDER BY dead_at DESC LIMIT 1";
        failure = tx.query_opt(sql, &[kind.into()]).await?;
    }
    Ok(Standing {
        kind: kind.to_owned(),
        waiting: waiting.get(0)?,
        failing: waiting.get(1)?,
        oldest: waiting.get(2)?,
        dead: dead.get(0)?,
        failure: failure.map(|row| row.get(0)).transpose()?,
    })
}

/// Removes up to `limit` dead messages that died before `until`, the oldest first. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM outbox WHERE id IN \
         (SELECT id FROM outbox WHERE dead_at <= $1 ORDER BY dead_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

/// Up to `limit` messages after `after`, in the order of their ids.
pub(super) async fn after(tx: &mut Tx<'_>, after: OutboxId, limit: i64) -> Result<Vec<(OutboxId, String, Vec<u8>)>> {
    let sql = "SELECT id, kind, payload FROM outbox WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = tx.query(sql, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

pub(super) async fn reseal(tx: &mut Tx<'_>, id: OutboxId, payload: Vec<u8>) -> Result<()> {
    let sql = "UPDATE outbox SET payload = $2 WHERE id = $1 AND due_at IS NOT NULL";
    tx.execute(sql, &[id.into(), payload.into()]).await.map(|_| ())
}

//! SQL of the idempotency keys.
use kernel::{Result, Timestamp, Value};

use crate::Tx;

/// What was sent under a key, as a digest, and what came of it; unless that was before `since`.
pub(super) async fn find(tx: &mut Tx<'_>, id: &[u8], since: Timestamp) -> Result<Option<(Vec<u8>, Vec<u8>)>> {
    let sql = "SELECT body, outcome FROM idempotency_keys WHERE id = $1 AND created_at > $2";
    let row = tx.query_opt(sql, &[Value::Bytes(id.to_vec()), since.into()]).await?;
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Writes a result down, in place of one whose time is over.
pub(super) async fn keep(tx: &mut Tx<'_>, id: &[u8], body: &[u8], outcome: Vec<u8>, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO idempotency_keys (id, body, outcome, created_at) VALUES ($1, $2, $3, $4) \
               ON CONFLICT (id) DO UPDATE SET body = excluded.body, outcome = excluded.outcome, \
               created_at = excluded.created_at";
    let params = [Value::Bytes(id.to_vec()), Value::Bytes(body.to_vec()), Value::Bytes(outcome), at.into()];
    tx.execute(sql, &params).await.map(|_| ())
}

/// Removes up to `limit` keys that are as old as `until`, the oldest first. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM idempotency_keys WHERE id IN \
         (SELECT id FROM idempotency_keys WHERE created_at <= $1 ORDER BY created_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

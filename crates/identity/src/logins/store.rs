//! SQL of the log-ins.
use ::store::Tx;
use kernel::{Result, Timestamp};

/// Counts a failure by a name nobody has.
pub(super) async fn count_failure(tx: &mut Tx<'_>, bucket: i64, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO failed_logins (bucket, failures, last_at) VALUES ($1, 1, $2) \
               ON CONFLICT (bucket) DO UPDATE SET failures = failed_logins.failures + 1, last_at = excluded.last_at";
    tx.execute(sql, &[bucket.into(), at.into()]).await.map(|_| ())
}

//! SQL of the notices.
use ::store::Tx;
use kernel::{Result, Timestamp, Uuid};

/// How often may be sent.
pub(super) struct Limit {
    /// The last one must be as old as this.
    pub pause: Timestamp,
    /// The count begins anew when it began before this.
    pub since: Timestamp,
    pub most: i64,
}

/// What is to be waited for.
pub(super) struct Next {
    pub last_at: Timestamp,
    /// When the hour began in which there were as many as may be.
    pub full_since: Option<Timestamp>,
}

/// Counts one more, unless that is too many; one statement, so that of many at once one is counted.
pub(super) async fn count(tx: &mut Tx<'_>, recipient: Uuid, limit: &Limit, at: Timestamp) -> Result<bool> {
    let sql = "INSERT INTO sendings (recipient, since, sent, last_at) VALUES ($1, $2, 1, $2) \
               ON CONFLICT (recipient) DO UPDATE SET \
               since = CASE WHEN sendings.since <= $4 THEN excluded.since ELSE sendings.since END, \
               sent = CASE WHEN sendings.since <= $4 THEN 1 ELSE sendings.sent + 1 END, last_at = excluded.last_at \
               WHERE sendings.last_at <= $3 AND (sendings.since <= $4 OR sendings.sent < $5)";
    let params = [recipient.into(), at.into(), limit.pause.into(), limit.since.into(), limit.most.into()];
    Ok(tx.execute(sql, &params).await? == 1)
}

/// Counts one more, or begins anew when the last one was counted before `since`. A window that began with the first would end while
/// the link of a later one is good.
pub(super) async fn count_asked(tx: &mut Tx<'_>, recipient: Uuid, since: Timestamp, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO sendings (recipient, since, sent, last_at) VALUES ($1, $2, 1, $2) \
               ON CONFLICT (recipient) DO UPDATE SET last_at = excluded.last_at, \
               sent = CASE WHEN sendings.last_at <= $3 THEN 1 ELSE sendings.sent + 1 END";
    tx.execute(sql, &[recipient.into(), at.into(), since.into()]).await.map(|_| ())
}

/// How many were counted.
pub(super) async fn sent(tx: &mut Tx<'_>, recipient: Uuid) -> Result<i64> {
    let row = tx.query_opt("SELECT sent FROM sendings WHERE recipient = $1", &[recipient.into()]).await?;
    row.map_or(Ok(0), |row| row.get(0))
}

/// When what [`count`] refused would be counted.
pub(super) async fn next(tx: &mut Tx<'_>, recipient: Uuid, most: i64) -> Result<Option<Next>> {
    let sql = "SELECT last_at, CASE WHEN sent < $2 THEN NULL ELSE since END FROM sendings WHERE recipient = $1";
    let row = tx.query_opt(sql, &[recipient.into(), most.into()]).await?;
    row.map(|row| Ok(Next { last_at: row.get(0)?, full_since: row.get(1)? })).transpose()
}

/// Removes up to `limit` that count no more. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM sendings WHERE recipient IN \
         (SELECT recipient FROM sendings WHERE last_at <= $1 ORDER BY last_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

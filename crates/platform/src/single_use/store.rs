//! SQL of the single-use things.
use ::store::Tx;
use kernel::{Result, Timestamp, UserId, Uuid, Value};

/// A row to write.
pub(super) struct New<'a> {
    pub purpose: &'a str,
    pub subject: Uuid,
    pub digest: &'a [u8],
    pub payload: Vec<u8>,
    pub user_id: Option<UserId>,
    pub attempts: i64,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

/// Writes one, in place of an earlier one of the same purpose and subject.
pub(super) async fn put(tx: &mut Tx<'_>, new: New<'_>) -> Result<()> {
    let sql = "INSERT INTO single_use (purpose, subject, digest, payload, user_id, attempts_left, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (purpose, subject) DO UPDATE SET \
               digest = excluded.digest, payload = excluded.payload, user_id = excluded.user_id, \
               attempts_left = excluded.attempts_left, created_at = excluded.created_at, expires_at = excluded.expires_at";
    let params: [Value; 8] = [
        new.purpose.into(),
        new.subject.into(),
        Value::Bytes(new.digest.to_vec()),
        Value::Bytes(new.payload),
        new.user_id.map(UserId::uuid).into(),
        new.attempts.into(),
        new.created_at.into(),
        new.expires_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// What a try came to.
pub(super) struct Tried {
    pub is_right: bool,
    pub payload: Vec<u8>,
}

/// Compares, counts and ends in one statement: of any number that come at once with the right digest, one finds it alive,
/// and no more than the allowed number of wrong ones are ever compared.
pub(super) async fn consume(
    tx: &mut Tx<'_>,
    purpose: &str,
    subject: Uuid,
    digest: &[u8],
    at: Timestamp,
) -> Result<Option<Tried>> {
    let sql = "UPDATE single_use SET attempts_left = CASE WHEN digest = $3 THEN 0 ELSE attempts_left - 1 END \
               WHERE purpose = $1 AND subject = $2 AND attempts_left > 0 AND expires_at > $4 \
               RETURNING digest = $3, payload";
    tried(tx, sql, purpose, subject, digest, at).await
}

/// The same, but the right digest counts as a try, too, and ends nothing.
pub(super) async fn attempt(
    tx: &mut Tx<'_>,
    purpose: &str,
    subject: Uuid,
    digest: &[u8],
    at: Timestamp,
) -> Result<Option<Tried>> {
    let sql = "UPDATE single_use SET attempts_left = attempts_left - 1 \
               WHERE purpose = $1 AND subject = $2 AND attempts_left > 0 AND expires_at > $4 \
               RETURNING digest = $3, payload";
    tried(tx, sql, purpose, subject, digest, at).await
}

async fn tried(
    tx: &mut Tx<'_>,
    sql: &str,
    purpose: &str,
    subject: Uuid,
    digest: &[u8],
    at: Timestamp,
) -> Result<Option<Tried>> {
    let params = [purpose.into(), subject.into(), Value::Bytes(digest.to_vec()), at.into()];
    let row = tx.query_opt(sql, &params).await?;
    row.map(|row| Ok(Tried { is_right: row.get(0)?, payload: row.get(1)? })).transpose()
}

/// What is alive, without counting a try.
pub(super) async fn find(
    tx: &mut Tx<'_>,
    purpose: &str,
    subject: Uuid,
    digest: &[u8],
    at: Timestamp,
) -> Result<Option<Tried>> {
    let sql = "SELECT digest = $3, payload FROM single_use \
               WHERE purpose = $1 AND subject = $2 AND attempts_left > 0 AND expires_at > $4";
    tried(tx, sql, purpose, subject, digest, at).await
}

pub(super) async fn delete(tx: &mut Tx<'_>, purpose: &str, subject: Uuid) -> Result<bool> {
    let sql = "DELETE FROM single_use WHERE purpose = $1 AND subject = $2";
    Ok(tx.execute(sql, &[purpose.into(), subject.into()]).await? == 1)
}

/// All of an account but those of the purpose `kept`.
pub(super) async fn delete_of_user(tx: &mut Tx<'_>, user_id: UserId, kept: &str) -> Result<()> {
    let sql = "DELETE FROM single_use WHERE user_id = $1 AND purpose <> $2";
    tx.execute(sql, &[user_id.into(), kept.into()]).await.map(|_| ())
}

pub(super) async fn delete_since(tx: &mut Tx<'_>, purpose: &str, user_id: UserId, since: Timestamp) -> Result<()> {
    let sql = "DELETE FROM single_use WHERE user_id = $1 AND purpose = $2 AND created_at >= $3";
    tx.execute(sql, &[user_id.into(), purpose.into(), since.into()]).await.map(|_| ())
}

/// Removes up to `limit` that are over, the oldest first. It waits for nobody: two who wait for each other cost one of them the answer.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM single_use WHERE (purpose, subject) IN \
         (SELECT purpose, subject FROM single_use WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

/// Up to `limit` after one, in the order of their keys.
pub(super) async fn after(
    tx: &mut Tx<'_>,
    purpose: &str,
    subject: Uuid,
    limit: i64,
) -> Result<Vec<(String, Uuid, Vec<u8>)>> {
    let sql = "SELECT purpose, subject, payload FROM single_use WHERE (purpose, subject) > ($1, $2) \
               ORDER BY purpose, subject LIMIT $3";
    let rows = tx.query(sql, &[purpose.into(), subject.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?, row.get(2)?))).collect()
}

/// Unless another was issued in its place meanwhile.
pub(super) async fn reseal(
    tx: &mut Tx<'_>,
    purpose: &str,
    subject: Uuid,
    sealed: Vec<u8>,
    renewed: Vec<u8>,
) -> Result<()> {
    let sql = "UPDATE single_use SET payload = $4 WHERE purpose = $1 AND subject = $2 AND payload = $3";
    tx.execute(sql, &[purpose.into(), subject.into(), sealed.into(), renewed.into()]).await.map(|_| ())
}

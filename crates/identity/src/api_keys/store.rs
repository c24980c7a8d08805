//! SQL of the API keys.
use ::store::{Row, Tx};
use kernel::{ApiKeyId, Error, Result, Role, Scope, Timestamp, UserId, Uuid, Value};

use super::model::ApiKey;

pub(super) async fn insert(tx: &mut Tx<'_>, key: &ApiKey, digest: &[u8; 32]) -> Result<()> {
    let sql = "INSERT INTO api_keys (id, user_id, label, scopes, addresses, requests_per_minute, digest, created_at, \
               expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
    let params: [Value; 9] = [
        key.id.into(),
        key.user_id.into(),
        key.label.clone().into(),
        words(&key.scopes).into(),
        words(&key.addresses).into(),
        key.requests_per_minute.map(i64::from).into(),
        digest.to_vec().into(),
        key.created_at.into(),
        key.expires_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// How many keys an account has.
pub(super) async fn count(tx: &mut Tx<'_>, user_id: UserId) -> Result<i64> {
    tx.query_one("SELECT COUNT(*) FROM api_keys WHERE user_id = $1", &[user_id.into()]).await?.get(0)
}

pub(super) async fn get(tx: &mut Tx<'_>, user_id: UserId, id: ApiKeyId) -> Result<Option<ApiKey>> {
    let sql = "SELECT id, user_id, label, scopes, addresses, requests_per_minute, created_at, expires_at, rotated_at, \
               previous_until, last_used_at, last_address FROM api_keys WHERE user_id = $1 AND id = $2";
    tx.query_opt(sql, &[user_id.into(), id.into()]).await?.as_ref().map(key).transpose()
}

/// Keys of one account below `start`, newest first.
pub(super) async fn list(tx: &mut Tx<'_>, user_id: UserId, start: Uuid, rows: i64) -> Result<Vec<ApiKey>> {
    let sql = "SELECT id, user_id, label, scopes, addresses, requests_per_minute, created_at, expires_at, rotated_at, \
               previous_until, last_used_at, last_address FROM api_keys \
               WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    tx.query(sql, &[user_id.into(), start.into(), rows.into()]).await?.iter().map(key).collect()
}

/// Gives a key a new secret. The one before stays good until `previous_until`.
pub(super) async fn rotate(
    tx: &mut Tx<'_>,
    id: ApiKeyId,
    digest: &[u8; 32],
    at: Timestamp,
    previous_until: Option<Timestamp>,
    expires_at: Option<Timestamp>,
) -> Result<()> {
    let sql = "UPDATE api_keys SET previous_digest = CASE WHEN $6 THEN digest ELSE NULL END, \
               previous_until = $4, digest = $2, rotated_at = $3, expires_at = $5 WHERE id = $1";
    let overlaps = previous_until.is_some();
    let params: [Value; 6] =
        [id.into(), digest.to_vec().into(), at.into(), previous_until.into(), expires_at.into(), overlaps.into()];
    tx.execute(sql, &params).await.map(|_| ())
}

pub(super) async fn delete(tx: &mut Tx<'_>, user_id: UserId, id: ApiKeyId) -> Result<bool> {
    let sql = "DELETE FROM api_keys WHERE user_id = $1 AND id = $2";
    Ok(tx.execute(sql, &[user_id.into(), id.into()]).await? == 1)
}

/// How many keys an account had.
pub(super) async fn delete_all(tx: &mut Tx<'_>, user_id: UserId) -> Result<u64> {
    tx.execute("DELETE FROM api_keys WHERE user_id = $1", &[user_id.into()]).await
}

/// Removes up to `limit` keys that expired before `floor`. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, floor: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM api_keys WHERE id IN \
         (SELECT id FROM api_keys WHERE expires_at < $1 ORDER BY expires_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[floor.into(), limit.into()]).await
}

/// Whose key it is, which never changes.
pub(super) async fn owner(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<Option<UserId>> {
    let row = tx.query_opt("SELECT user_id FROM api_keys WHERE id = $1", &[id.into()]).await?;
    row.map(|row| row.get(0)).transpose()
}

/// Everything a request needs to know of its key.
pub(super) struct Standing {
    pub key: ApiKey,
    pub digest: Vec<u8>,
    pub previous_digest: Option<Vec<u8>>,
    pub roles: Vec<Role>,
}

/// One query over three slices' tables, because it runs for every key every second. None when there is no such key or the
/// account is not active.
pub(super) async fn standing(tx: &mut Tx<'_>, id: ApiKeyId) -> Result<Option<Standing>> {
    let sql = "SELECT k.id, k.user_id, k.label, k.scopes, k.addresses, k.requests_per_minute, k.created_at, k.expires_at, \
               k.rotated_at, k.previous_until, k.last_used_at, k.last_address, k.digest, k.previous_digest, r.role \
               FROM api_keys k JOIN users u ON u.id = k.user_id LEFT JOIN user_roles r ON r.user_id = k.user_id \
               WHERE k.id = $1 AND u.state = 'active' ORDER BY r.role";
    let rows = tx.query(sql, &[id.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let roles = rows.iter().map(|row| row.get::<Option<String>>(14)).collect::<Result<Vec<_>>>()?;
    Ok(Some(Standing {
        key: key(first)?,
        digest: first.get(12)?,
        previous_digest: first.get(13)?,
        roles: roles.into_iter().flatten().map(Role::from).collect(),
    }))
}

/// Notes a use, and the digest under the present master key where it was under the one before. Does nothing when a use after
/// `before` is noted.
pub(super) async fn touch(
    tx: &mut Tx<'_>,
    id: ApiKeyId,
    at: Timestamp,
    before: Timestamp,
    address: Option<String>,
    digests: [Vec<u8>; 2],
) -> Result<()> {
    let sql = "UPDATE api_keys SET last_used_at = $2, last_address = $4, \
               digest = CASE WHEN digest = $5 THEN $6 ELSE digest END \
               WHERE id = $1 AND (last_used_at IS NULL OR last_used_at <= $3)";
    let [old, new] = digests;
    let params = [id.into(), at.into(), before.into(), address.into(), old.into(), new.into()];
    tx.execute(sql, &params).await.map(|_| ())
}

fn key(row: &Row) -> Result<ApiKey> {
    let per_minute: Option<i64> = row.get(5)?;
    Ok(ApiKey {
        id: row.get(0)?,
        user_id: row.get(1)?,
        label: row.get(2)?,
        // A resource may be declared no more.
        scopes: parsed(&row.get::<String>(3)?, |word| Scope::parse(word, |_| true))?,
        addresses: parsed(&row.get::<String>(4)?, |word| word.parse().ok())?,
        requests_per_minute: per_minute.map(u32::try_from).transpose().map_err(Error::internal)?,
        created_at: row.get(6)?,
        expires_at: row.get(7)?,
        rotated_at: row.get(8)?,
        previous_until: row.get(9)?,
        last_used_at: row.get(10)?,
        last_address: row.get(11)?,
    })
}

fn words<T: ToString>(things: &[T]) -> String {
    things.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

/// A word that cannot be read fails: a key must not be good for more than was meant.
fn parsed<T>(words: &str, parse: impl Fn(&str) -> Option<T>) -> Result<Vec<T>> {
    let words = words.split(' ').filter(|word| !word.is_empty());
    words.map(|word| parse(word).ok_or_else(|| Error::internal(format!("an API key says {word:?}")))).collect()
}

//! SQL of the second factors.
use ::store::{Row, Tx};
use kernel::{Error, FactorId, Result, Timestamp, UserId, Value};

use super::model::{Factor, FactorKind};

pub(super) async fn insert(tx: &mut Tx<'_>, user_id: UserId, factor: &Factor) -> Result<()> {
    let sql = "INSERT INTO factors (id, user_id, kind, label, secret, last_step, created_at) \
               VALUES ($1, $2, $3, $4, $5, 0, $6)";
    let params: [Value; 6] = [
        factor.id.into(),
        user_id.into(),
        factor.kind.as_str().into(),
        factor.label.clone().into(),
        Value::Bytes(factor.secret.clone()),
        factor.created_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// All of an account, the oldest first.
pub(super) async fn list(tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<Factor>> {
    let sql = "SELECT id, kind, label, secret, created_at, confirmed_at, last_used_at FROM factors \
               WHERE user_id = $1 ORDER BY id";
    tx.query(sql, &[user_id.into()]).await?.iter().map(factor).collect()
}

/// Takes the code of `step`, unless one of it or of a later one was taken before. A factor is confirmed by its first code.
pub(super) async fn take_step(tx: &mut Tx<'_>, id: FactorId, step: i64, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE factors SET last_step = $2, last_used_at = $3, confirmed_at = COALESCE(confirmed_at, $3) \
               WHERE id = $1 AND last_step < $2";
    Ok(tx.execute(sql, &[id.into(), step.into(), at.into()]).await? == 1)
}

/// Notes that a code was taken. A factor is confirmed by its first one.
pub(super) async fn note_use(tx: &mut Tx<'_>, id: FactorId, at: Timestamp) -> Result<()> {
    let sql = "UPDATE factors SET last_used_at = $2, confirmed_at = COALESCE(confirmed_at, $2) WHERE id = $1";
    tx.execute(sql, &[id.into(), at.into()]).await.map(|_| ())
}

pub(super) async fn delete(tx: &mut Tx<'_>, user_id: UserId, id: FactorId) -> Result<()> {
    let sql = "DELETE FROM factors WHERE user_id = $1 AND id = $2";
    tx.execute(sql, &[user_id.into(), id.into()]).await.map(|_| ())
}

/// Removes the factors of a kind that were never confirmed.
pub(super) async fn delete_unconfirmed(tx: &mut Tx<'_>, user_id: UserId, kind: FactorKind) -> Result<()> {
    let sql = "DELETE FROM factors WHERE user_id = $1 AND kind = $2 AND confirmed_at IS NULL";
    tx.execute(sql, &[user_id.into(), kind.as_str().into()]).await.map(|_| ())
}

/// Those that were added since then, or all; the backup codes in any case.
pub(super) async fn delete_since(tx: &mut Tx<'_>, user_id: UserId, since: Option<Timestamp>) -> Result<()> {
    let since = since.unwrap_or(Timestamp::from_micros(0));
    tx.execute("DELETE FROM factors WHERE user_id = $1 AND created_at >= $2", &[user_id.into(), since.into()]).await?;
    delete_codes(tx, user_id).await
}

pub(super) async fn delete_codes(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.execute("DELETE FROM backup_codes WHERE user_id = $1", &[user_id.into()]).await.map(|_| ())
}

pub(super) async fn insert_code(tx: &mut Tx<'_>, user_id: UserId, digest: &[u8], at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO backup_codes (user_id, digest, created_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &[user_id.into(), Value::Bytes(digest.to_vec()), at.into()]).await.map(|_| ())
}

/// Uses a backup code up: whoever deletes it had it.
pub(super) async fn take_code(tx: &mut Tx<'_>, user_id: UserId, digest: &[u8]) -> Result<bool> {
    let sql = "DELETE FROM backup_codes WHERE user_id = $1 AND digest = $2";
    Ok(tx.execute(sql, &[user_id.into(), Value::Bytes(digest.to_vec())]).await? == 1)
}

pub(super) async fn codes_left(tx: &mut Tx<'_>, user_id: UserId) -> Result<i64> {
    let sql = "SELECT count(*) FROM backup_codes WHERE user_id = $1";
    tx.query_one(sql, &[user_id.into()]).await?.get(0)
}

fn factor(row: &Row) -> Result<Factor> {
    let kind: String = row.get(1)?;
    Ok(Factor {
        id: row.get(0)?,
        kind: FactorKind::parse(&kind).ok_or_else(|| Error::internal("a factor of no known kind"))?,
        label: row.get(2)?,
        secret: row.get(3)?,
        created_at: row.get(4)?,
        confirmed_at: row.get(5)?,
        last_used_at: row.get(6)?,
    })
}

/// Over another slice's table, so that one question tells what an account can prove.
pub(super) async fn has_passkey(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
    let sql = "SELECT 1 FROM passkeys WHERE user_id = $1 AND suspended_at IS NULL LIMIT 1";
    Ok(tx.query_opt(sql, &[user_id.into()]).await?.is_some())
}

/// Up to `limit` after `after`, in the order of their ids.
pub(super) async fn after(tx: &mut Tx<'_>, after: FactorId, limit: i64) -> Result<Vec<(FactorId, Vec<u8>)>> {
    let sql = "SELECT id, secret FROM factors WHERE id > $1 ORDER BY id LIMIT $2";
    let rows = tx.query(sql, &[after.into(), limit.into()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

pub(super) async fn reseal(tx: &mut Tx<'_>, id: FactorId, secret: Vec<u8>) -> Result<()> {
    tx.execute("UPDATE factors SET secret = $2 WHERE id = $1", &[id.into(), secret.into()]).await.map(|_| ())
}

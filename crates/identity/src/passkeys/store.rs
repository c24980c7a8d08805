//! SQL of the passkeys.
use ::store::{Row, Tx};
use kernel::{PasskeyId, Result, Timestamp, UserId, Uuid, Value};

use super::model::Passkey;

pub(super) async fn insert(tx: &mut Tx<'_>, passkey: &Passkey) -> Result<()> {
    let sql = "INSERT INTO passkeys (id, user_id, credential_id, credential, name, is_user_verified, transports, counter, \
               is_backed_up, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
    let params: [Value; 10] = [
        passkey.id.into(),
        passkey.user_id.into(),
        Value::Bytes(passkey.credential_id.clone()),
        Value::Json(passkey.credential.clone()),
        passkey.name.as_str().into(),
        passkey.is_user_verified.into(),
        passkey.transports.join(" ").into(),
        passkey.counter.into(),
        passkey.is_backed_up.into(),
        passkey.created_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// Passkeys of one account below `start`, newest first.
pub(super) async fn list(tx: &mut Tx<'_>, user_id: UserId, start: Uuid, rows: i64) -> Result<Vec<Passkey>> {
    let sql = "SELECT id, user_id, credential_id, credential, name, is_user_verified, transports, counter, is_backed_up, created_at, \
               last_used_at, suspended_at FROM passkeys WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3";
    tx.query(sql, &[user_id.into(), start.into(), rows.into()]).await?.iter().map(passkey).collect()
}

pub(super) async fn get(tx: &mut Tx<'_>, user_id: UserId, id: PasskeyId) -> Result<Option<Passkey>> {
    let sql = "SELECT id, user_id, credential_id, credential, name, is_user_verified, transports, counter, is_backed_up, created_at, \
               last_used_at, suspended_at FROM passkeys WHERE user_id = $1 AND id = $2";
    tx.query_opt(sql, &[user_id.into(), id.into()]).await?.as_ref().map(passkey).transpose()
}

pub(super) async fn of_credential(tx: &mut Tx<'_>, credential_id: &[u8]) -> Result<Option<Passkey>> {
    let sql = "SELECT id, user_id, credential_id, credential, name, is_user_verified, transports, counter, is_backed_up, created_at, \
               last_used_at, suspended_at FROM passkeys WHERE credential_id = $1";
    tx.query_opt(sql, &[Value::Bytes(credential_id.to_vec())]).await?.as_ref().map(passkey).transpose()
}

/// Counts a use that was proven: one statement, so that of two with the same count one is taken. An authenticator that does not
/// count says 0 each time.
pub(super) async fn count(
    tx: &mut Tx<'_>,
    id: PasskeyId,
    counter: i64,
    is_backed_up: bool,
    at: Timestamp,
) -> Result<bool> {
    let sql = "UPDATE passkeys SET counter = $2, is_backed_up = $3, last_used_at = $4 \
               WHERE id = $1 AND suspended_at IS NULL AND (counter < $2 OR (counter = 0 AND $2 = 0))";
    Ok(tx.execute(sql, &[id.into(), counter.into(), is_backed_up.into(), at.into()]).await? == 1)
}

/// Whether one in use was suspended.
pub(super) async fn suspend(tx: &mut Tx<'_>, id: PasskeyId, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE passkeys SET suspended_at = $2 WHERE id = $1 AND suspended_at IS NULL";
    Ok(tx.execute(sql, &[id.into(), at.into()]).await? == 1)
}

/// Lets one be used again, whatever it counts from: its owner has it in hand.
pub(super) async fn resume(tx: &mut Tx<'_>, id: PasskeyId) -> Result<()> {
    tx.execute("UPDATE passkeys SET suspended_at = NULL, counter = 0 WHERE id = $1", &[id.into()]).await.map(|_| ())
}

pub(super) async fn rename(tx: &mut Tx<'_>, id: PasskeyId, name: &str) -> Result<()> {
    tx.execute("UPDATE passkeys SET name = $2 WHERE id = $1", &[id.into(), name.into()]).await.map(|_| ())
}

pub(super) async fn delete(tx: &mut Tx<'_>, id: PasskeyId) -> Result<()> {
    tx.execute("DELETE FROM passkeys WHERE id = $1", &[id.into()]).await.map(|_| ())
}

/// Those that were added since then, or all.
pub(super) async fn delete_since(tx: &mut Tx<'_>, user_id: UserId, since: Option<Timestamp>) -> Result<()> {
    let since = since.unwrap_or(Timestamp::from_micros(0));
    let sql = "DELETE FROM passkeys WHERE user_id = $1 AND created_at >= $2";
    tx.execute(sql, &[user_id.into(), since.into()]).await.map(|_| ())
}

fn passkey(row: &Row) -> Result<Passkey> {
    let transports: String = row.get(6)?;
    Ok(Passkey {
        id: row.get(0)?,
        user_id: row.get(1)?,
        credential_id: row.get(2)?,
        credential: row.get(3)?,
        name: row.get(4)?,
        is_user_verified: row.get(5)?,
        transports: transports.split_whitespace().map(str::to_owned).collect(),
        counter: row.get(7)?,
        is_backed_up: row.get(8)?,
        created_at: row.get(9)?,
        last_used_at: row.get(10)?,
        suspended_at: row.get(11)?,
    })
}

//! SQL of the devices.
use ::store::{Row, Tx};
use kernel::{DeviceId, Result, Timestamp, UserId, Value};

use super::model::Device;

/// The device that `digest` stands for with this account.
pub(super) async fn find(tx: &mut Tx<'_>, user_id: UserId, digest: &[u8]) -> Result<Option<Device>> {
    let sql = "SELECT id, user_agent, address, created_at, last_seen_at, trusted_until FROM devices \
               WHERE user_id = $1 AND digest = $2";
    tx.query_opt(sql, &[user_id.into(), Value::Bytes(digest.to_vec())]).await?.as_ref().map(device).transpose()
}

/// Those of an account, the last seen first.
pub(super) async fn list(tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<Device>> {
    let sql = "SELECT id, user_agent, address, created_at, last_seen_at, trusted_until FROM devices \
               WHERE user_id = $1 ORDER BY last_seen_at DESC, id DESC";
    tx.query(sql, &[user_id.into()]).await?.iter().map(device).collect()
}

pub(super) async fn had_any(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
    let found = tx.query_opt("SELECT id FROM devices WHERE user_id = $1 LIMIT 1", &[user_id.into()]).await?;
    Ok(found.is_some())
}

pub(super) async fn insert(tx: &mut Tx<'_>, user_id: UserId, device: &Device, digest: &[u8]) -> Result<()> {
    let sql = "INSERT INTO devices (id, user_id, digest, user_agent, address, created_at, last_seen_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let params: [Value; 7] = [
        device.id.into(),
        user_id.into(),
        Value::Bytes(digest.to_vec()),
        device.user_agent.clone().into(),
        device.address.clone().into(),
        device.created_at.into(),
        device.last_seen_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

pub(super) async fn touch(
    tx: &mut Tx<'_>,
    id: DeviceId,
    user_agent: Option<String>,
    address: Option<String>,
    at: Timestamp,
) -> Result<()> {
    let sql = "UPDATE devices SET user_agent = $2, address = $3, last_seen_at = $4 WHERE id = $1";
    tx.execute(sql, &[id.into(), user_agent.into(), address.into(), at.into()]).await.map(|_| ())
}

pub(super) async fn trust(tx: &mut Tx<'_>, id: DeviceId, until: Timestamp) -> Result<()> {
    let sql = "UPDATE devices SET trusted_until = $2 WHERE id = $1";
    tx.execute(sql, &[id.into(), until.into()]).await.map(|_| ())
}

pub(super) async fn end_trust(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    let sql = "UPDATE devices SET trusted_until = NULL WHERE user_id = $1";
    tx.execute(sql, &[user_id.into()]).await.map(|_| ())
}

pub(super) async fn delete(tx: &mut Tx<'_>, user_id: UserId, id: DeviceId) -> Result<bool> {
    let sql = "DELETE FROM devices WHERE user_id = $1 AND id = $2";
    Ok(tx.execute(sql, &[user_id.into(), id.into()]).await? == 1)
}

pub(super) async fn delete_all(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
    tx.execute("DELETE FROM devices WHERE user_id = $1", &[user_id.into()]).await.map(|_| ())
}

pub(super) async fn delete_others(tx: &mut Tx<'_>, user_id: UserId, kept: DeviceId) -> Result<()> {
    let sql = "DELETE FROM devices WHERE user_id = $1 AND id <> $2";
    tx.execute(sql, &[user_id.into(), kept.into()]).await.map(|_| ())
}

/// Removes up to `limit` devices that were last seen before `until`, the oldest first. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM devices WHERE id IN \
         (SELECT id FROM devices WHERE last_seen_at < $1 ORDER BY last_seen_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

fn device(row: &Row) -> Result<Device> {
    Ok(Device {
        id: row.get(0)?,
        user_agent: row.get(1)?,
        address: row.get(2)?,
        created_at: row.get(3)?,
        last_seen_at: row.get(4)?,
        trusted_until: row.get(5)?,
    })
}

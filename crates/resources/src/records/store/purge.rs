//! SQL of accounts that are gone: whose rows are hidden, and their removal in chunks.
use ::store::Tx;
use kernel::{Result, Timestamp, UserId, Uuid};

use crate::schema::Resource;

pub(in crate::records) async fn hide_owner(tx: &mut Tx<'_>, owner: UserId, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO hidden_owners (owner_id, hidden_at) VALUES ($1, $2) ON CONFLICT (owner_id) DO NOTHING";
    tx.execute(sql, &[owner.into(), at.into()]).await.map(|_| ())
}

/// The next hidden owner after `after`, in the order of ids.
pub(in crate::records) async fn hidden_owner(tx: &mut Tx<'_>, after: Option<UserId>) -> Result<Option<UserId>> {
    let row = match after {
        None => tx.query_opt("SELECT owner_id FROM hidden_owners ORDER BY owner_id LIMIT 1", &[]).await?,
        Some(after) => {
            let sql = "SELECT owner_id FROM hidden_owners WHERE owner_id > $1 ORDER BY owner_id LIMIT 1";
            tx.query_opt(sql, &[after.into()]).await?
        }
    };
    row.map(|row| row.get(0)).transpose()
}

pub(in crate::records) async fn unhide_owner(tx: &mut Tx<'_>, owner: UserId) -> Result<()> {
    tx.execute("DELETE FROM hidden_owners WHERE owner_id = $1", &[owner.into()]).await.map(|_| ())
}

/// Removes up to `limit` rows of an owner, the newest first: what refers to others tends to be newer than they.
pub(in crate::records) async fn purge_chunk(
    tx: &mut Tx<'_>,
    resource: &Resource,
    owner: UserId,
    limit: i64,
) -> Result<u64> {
    let table = &resource.name;
    let sql = format!(
        "DELETE FROM \"{table}\" WHERE id IN (SELECT id FROM \"{table}\" WHERE owner_id = $1 ORDER BY id DESC LIMIT $2)"
    );
    tx.execute(&sql, &[owner.into(), limit.into()]).await
}

/// The ids such a chunk would remove.
pub(in crate::records) async fn owned(
    tx: &mut Tx<'_>,
    resource: &Resource,
    owner: UserId,
    limit: i64,
) -> Result<Vec<Uuid>> {
    let sql = format!("SELECT id FROM \"{}\" WHERE owner_id = $1 ORDER BY id DESC LIMIT $2", resource.name);
    tx.query(&sql, &[owner.into(), limit.into()]).await?.iter().map(|row| row.get(0)).collect()
}

pub(in crate::records) async fn purge_one(
    tx: &mut Tx<'_>,
    resource: &Resource,
    owner: UserId,
    id: Uuid,
) -> Result<u64> {
    let sql = format!("DELETE FROM \"{}\" WHERE owner_id = $1 AND id = $2", resource.name);
    tx.execute(&sql, &[owner.into(), id.into()]).await
}

//! SQL of what is to be removed for good: rows of accounts that are gone, and rows deleted long ago.
use ::store::Tx;
use kernel::{Result, Timestamp, UserId, Uuid};

use super::sql::Sql;
use crate::schema::Resource;

/// Which rows are to go.
#[derive(Clone, Copy, Debug)]
pub(in crate::records) enum Left {
    /// Those of a deleted account.
    By(UserId),
    /// Those softly deleted before this.
    Before(Timestamp),
}

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

/// One of them, and where the walk over them stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::records) struct Doomed {
    pub id: Uuid,
    deleted_at: Option<Timestamp>,
}

/// Up to `limit` rows to remove that come after `last`, the newest first: what refers to others tends to be newer than they.
pub(in crate::records) async fn left(
    tx: &mut Tx<'_>,
    resource: &Resource,
    left: Left,
    last: Option<Doomed>,
    limit: i64,
) -> Result<Vec<Doomed>> {
    let mut sql = Sql::new();
    match left {
        Left::By(owner) => {
            sql.push(&format!("SELECT id, NULL FROM \"{}\" WHERE owner_id = ", resource.name));
            sql.value(owner);
            if let Some(last) = last {
                sql.push(" AND id < ");
                sql.value(last.id);
            }
            sql.push(" ORDER BY id DESC LIMIT ");
        }
        Left::Before(at) => {
            sql.push(&format!("SELECT id, deleted_at FROM \"{}\" WHERE deleted_at < ", resource.name));
            sql.value(at);
            if let Some(last) = last {
                sql.push(" AND (deleted_at, id) < (");
                sql.value(last.deleted_at);
                sql.push(", ");
                sql.value(last.id);
                sql.push(")");
            }
            sql.push(" ORDER BY deleted_at DESC, id DESC LIMIT ");
        }
    }
    sql.value(limit);
    let rows = tx.query(&sql.text, &sql.params).await?;
    rows.iter().map(|row| Ok(Doomed { id: row.get(0)?, deleted_at: row.get(1)? })).collect()
}

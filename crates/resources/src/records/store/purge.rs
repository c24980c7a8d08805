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

/// Up to `limit` rows to remove whose ids come before `before`, the newest first: what refers to others tends to be newer than they.
pub(in crate::records) async fn left(
    tx: &mut Tx<'_>,
    resource: &Resource,
    left: Left,
    before: Option<Uuid>,
    limit: i64,
) -> Result<Vec<Uuid>> {
    let mut sql = Sql::new();
    sql.push(&format!("SELECT id FROM \"{}\" WHERE ", resource.name));
    match left {
        Left::By(owner) => {
            sql.push("owner_id = ");
            sql.value(owner);
        }
        Left::Before(at) => {
            sql.push("deleted_at < ");
            sql.value(at);
        }
    }
    if let Some(before) = before {
        sql.push(" AND id < ");
        sql.value(before);
    }
    sql.push(" ORDER BY id DESC LIMIT ");
    sql.value(limit);
    tx.query(&sql.text, &sql.params).await?.iter().map(|row| row.get(0)).collect()
}

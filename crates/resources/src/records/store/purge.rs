//! SQL of what is to be removed for good: rows of accounts that are gone, and rows deleted long ago.
use ::store::{Dialect, Tx};
use kernel::{Result, Timestamp, UserId, Uuid};

use super::{super::referrers::referrers, hold::chunks, sql::Sql, visible_in};
use crate::schema::{Declaration, OnDelete, Resource};

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

/// The next hidden owner after `after`, in the order of ids, who is to be tried again by `due`, and how often that was in vain.
pub(in crate::records) async fn hidden_owner(
    tx: &mut Tx<'_>,
    after: Option<UserId>,
    due: Timestamp,
) -> Result<Option<(UserId, i64)>> {
    let row = match after {
        None => {
            let sql = "SELECT owner_id, tries FROM hidden_owners WHERE retry_at <= $1 ORDER BY owner_id LIMIT 1";
            tx.query_opt(sql, &[due.into()]).await?
        }
        Some(after) => {
            let sql = "SELECT owner_id, tries FROM hidden_owners WHERE retry_at <= $1 AND owner_id > $2 \
                       ORDER BY owner_id LIMIT 1";
            tx.query_opt(sql, &[due.into(), after.into()]).await?
        }
    };
    row.map(|row| Ok((row.get(0)?, row.get(1)?))).transpose()
}

/// Notes that something of this owner could not be removed, and when to try again.
pub(in crate::records) async fn hold_owner(tx: &mut Tx<'_>, owner: UserId, retry_at: Timestamp) -> Result<()> {
    let sql = "UPDATE hidden_owners SET tries = tries + 1, retry_at = $2 WHERE owner_id = $1";
    tx.execute(sql, &[owner.into(), retry_at.into()]).await.map(|_| ())
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
/// Those are left out that something holds, as far as one look at what refers to them tells.
pub(in crate::records) async fn left(
    tx: &mut Tx<'_>,
    declaration: &Declaration,
    resource: &Resource,
    left: Left,
    last: Option<Doomed>,
    limit: i64,
) -> Result<Vec<Doomed>> {
    let mut sql = Sql::new();
    match left {
        Left::By(_) => sql.push("SELECT id, NULL"),
        Left::Before(_) => sql.push("SELECT id, deleted_at"),
    }
    push_left(&mut sql, resource, left);
    match (left, last) {
        (_, None) => {}
        (Left::By(_), Some(last)) => {
            sql.push(" AND id < ");
            sql.value(last.id);
        }
        (Left::Before(_), Some(last)) => {
            sql.push(" AND (deleted_at, id) < (");
            sql.value(last.deleted_at);
            sql.push(", ");
            sql.value(last.id);
            sql.push(")");
        }
    }
    push_free(&mut sql, declaration, resource, left);
    sql.push(match left {
        Left::By(_) => " ORDER BY id DESC LIMIT ",
        Left::Before(_) => " ORDER BY deleted_at DESC, id DESC LIMIT ",
    });
    sql.value(limit);
    let rows = tx.query(&sql.text, &sql.params).await?;
    rows.iter().map(|row| Ok(Doomed { id: row.get(0)?, deleted_at: row.get(1)? })).collect()
}

/// Whether any are left, held or not.
pub(in crate::records) async fn is_left(tx: &mut Tx<'_>, resource: &Resource, left: Left) -> Result<bool> {
    let mut sql = Sql::new();
    sql.push("SELECT 1");
    push_left(&mut sql, resource, left);
    sql.push(" LIMIT 1");
    Ok(tx.query_opt(&sql.text, &sql.params).await?.is_some())
}

/// Those of `ids` that are still to go, held until the transaction ends: one may have been restored since it was listed.
pub(in crate::records) async fn still_left(
    tx: &mut Tx<'_>,
    resource: &Resource,
    left: Left,
    ids: &[Uuid],
) -> Result<Vec<Uuid>> {
    let mut found = Vec::with_capacity(ids.len());
    for chunk in chunks(ids) {
        let mut sql = Sql::new();
        sql.push("SELECT id");
        push_left(&mut sql, resource, left);
        sql.push(" AND id IN ");
        sql.ids(&chunk);
        sql.push(" ORDER BY id");
        sql.push(match tx.dialect() {
            Dialect::Sqlite => "",
            Dialect::Postgres => " FOR UPDATE",
        });
        for row in tx.query(&sql.text, &sql.params).await? {
            found.push(row.get(0)?);
        }
    }
    Ok(found)
}

/// ` FROM "t" WHERE` the rows are to go.
fn push_left(sql: &mut Sql, resource: &Resource, left: Left) {
    sql.push(&format!(" FROM \"{}\" WHERE ", resource.name));
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
}

/// ` AND` nothing refers to the rows by `restrict`, nor, where they were deleted softly, what could have been deleted so and was
/// not by `cascade`. A row that refers to itself is for the database to judge.
fn push_free(sql: &mut Sql, declaration: &Declaration, resource: &Resource, left: Left) {
    let table = &resource.name;
    for (referrer, column, on_delete) in referrers(declaration, resource) {
        let is_living = match (on_delete, left) {
            (OnDelete::Restrict, _) => false,
            (OnDelete::Cascade, Left::Before(_)) if referrer.is_soft_deleted => true,
            _ => continue,
        };
        sql.push(&format!(
            " AND NOT EXISTS (SELECT 1 FROM \"{}\" AS referrer WHERE referrer.\"{column}\" = \"{table}\".id \
             AND referrer.id <> \"{table}\".id",
            referrer.name
        ));
        if is_living {
            visible_in(sql, referrer, "referrer");
        }
        sql.push(")");
    }
}

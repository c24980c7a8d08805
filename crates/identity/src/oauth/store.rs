//! SQL of the identities.
use ::store::{Row, Tx};
use kernel::{IdentityId, Result, Timestamp, UserId, Value};

use super::model::{IdentityView, Person, Stored};

pub(super) async fn insert(
    tx: &mut Tx<'_>,
    id: IdentityId,
    user_id: UserId,
    person: &Person,
    at: Timestamp,
) -> Result<()> {
    let sql = "INSERT INTO identities (id, user_id, provider, issuer, subject, email, created_at, last_used_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $7)";
    let params: [Value; 7] = [
        id.into(),
        user_id.into(),
        person.provider.as_str().into(),
        person.issuer.as_str().into(),
        person.subject.as_str().into(),
        person.email.clone().into(),
        at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

pub(super) async fn find(tx: &mut Tx<'_>, issuer: &str, subject: &str) -> Result<Option<Stored>> {
    let sql = "SELECT id, user_id FROM identities WHERE issuer = $1 AND subject = $2";
    let row = tx.query_opt(sql, &[issuer.into(), subject.into()]).await?;
    row.map(|row| Ok(Stored { id: row.get(0)?, user_id: row.get(1)? })).transpose()
}

/// Notes that it was used, and what the provider tells now.
pub(super) async fn touch(tx: &mut Tx<'_>, id: IdentityId, person: &Person, at: Timestamp) -> Result<()> {
    let sql = "UPDATE identities SET email = $2, last_used_at = $3 WHERE id = $1";
    tx.execute(sql, &[id.into(), person.email.clone().into(), at.into()]).await.map(|_| ())
}

/// All of an account, the oldest first.
pub(super) async fn list(tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<IdentityView>> {
    let sql = "SELECT id, provider, issuer, email, created_at, last_used_at FROM identities \
               WHERE user_id = $1 ORDER BY id";
    tx.query(sql, &[user_id.into()]).await?.iter().map(view).collect()
}

pub(super) async fn delete(tx: &mut Tx<'_>, user_id: UserId, id: IdentityId) -> Result<bool> {
    let sql = "DELETE FROM identities WHERE user_id = $1 AND id = $2";
    Ok(tx.execute(sql, &[user_id.into(), id.into()]).await? == 1)
}

/// Those that were added since then, or all.
pub(super) async fn delete_since(tx: &mut Tx<'_>, user_id: UserId, since: Option<Timestamp>) -> Result<()> {
    let since = since.unwrap_or(Timestamp::from_micros(0));
    let sql = "DELETE FROM identities WHERE user_id = $1 AND created_at >= $2";
    tx.execute(sql, &[user_id.into(), since.into()]).await.map(|_| ())
}

fn view(row: &Row) -> Result<IdentityView> {
    Ok(IdentityView {
        id: row.get(0)?,
        provider: row.get(1)?,
        issuer: row.get(2)?,
        email: row.get(3)?,
        created_at: row.get(4)?,
        last_used_at: row.get(5)?,
    })
}

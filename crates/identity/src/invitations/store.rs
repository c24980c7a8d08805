//! SQL of the invitations.
use ::store::{Row, Tx};
use kernel::{InvitationId, Result, Timestamp, Uuid, Value};

use super::model::Invitation;
use crate::accounts::canonical;

pub(super) async fn insert(tx: &mut Tx<'_>, invitation: &Invitation) -> Result<()> {
    let sql = "INSERT INTO invitations (id, email, email_key, roles, invited_by, created_at, expires_at) \
               VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let params: [Value; 7] = [
        invitation.id.into(),
        invitation.email.clone().into(),
        canonical(&invitation.email).into(),
        invitation.roles.join(" ").into(),
        invitation.invited_by.map(kernel::UserId::uuid).into(),
        invitation.created_at.into(),
        invitation.expires_at.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

pub(super) async fn get(tx: &mut Tx<'_>, id: InvitationId) -> Result<Option<Invitation>> {
    let sql = "SELECT id, email, roles, invited_by, created_at, expires_at FROM invitations WHERE id = $1";
    tx.query_opt(sql, &[id.into()]).await?.as_ref().map(invitation).transpose()
}

/// Those below `start` that are not over, newest first.
pub(super) async fn list(tx: &mut Tx<'_>, start: Uuid, at: Timestamp, rows: i64) -> Result<Vec<Invitation>> {
    let sql = "SELECT id, email, roles, invited_by, created_at, expires_at FROM invitations \
               WHERE id < $1 AND expires_at > $2 ORDER BY id DESC LIMIT $3";
    tx.query(sql, &[start.into(), at.into(), rows.into()]).await?.iter().map(invitation).collect()
}

/// Removes one and returns it.
pub(super) async fn delete(tx: &mut Tx<'_>, id: InvitationId) -> Result<Option<Invitation>> {
    let sql = "DELETE FROM invitations WHERE id = $1 RETURNING id, email, roles, invited_by, created_at, expires_at";
    tx.query_opt(sql, &[id.into()]).await?.as_ref().map(invitation).transpose()
}

/// Removes the one to this address, if there is one.
pub(super) async fn delete_to(tx: &mut Tx<'_>, email: &str) -> Result<Option<InvitationId>> {
    let sql = "DELETE FROM invitations WHERE email_key = $1 RETURNING id";
    tx.query_opt(sql, &[canonical(email).into()]).await?.map(|row| row.get(0)).transpose()
}

/// Removes up to `limit` that are over. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, until: Timestamp, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql = format!(
        "DELETE FROM invitations WHERE id IN \
         (SELECT id FROM invitations WHERE expires_at <= $1 ORDER BY expires_at LIMIT $2 {skip})"
    );
    tx.execute(&sql, &[until.into(), limit.into()]).await
}

fn invitation(row: &Row) -> Result<Invitation> {
    let roles: String = row.get(2)?;
    Ok(Invitation {
        id: row.get(0)?,
        email: row.get(1)?,
        roles: roles.split_whitespace().map(str::to_owned).collect(),
        invited_by: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
    })
}

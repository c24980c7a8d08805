//! SQL of the roles.
use ::store::Tx;
use kernel::{Result, Role, Timestamp, UserId};

pub(super) async fn of(tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<Role>> {
    let sql = "SELECT role FROM user_roles WHERE user_id = $1 ORDER BY role";
    let rows = tx.query(sql, &[user_id.into()]).await?;
    rows.iter().map(|row| row.get::<String>(0).map(Role::from)).collect()
}

/// The roles of every user from `low` to `high`, both included.
pub(super) async fn between(tx: &mut Tx<'_>, low: UserId, high: UserId) -> Result<Vec<(UserId, Role)>> {
    let sql = "SELECT user_id, role FROM user_roles WHERE user_id >= $1 AND user_id <= $2 ORDER BY user_id, role";
    let rows = tx.query(sql, &[low.into(), high.into()]).await?;
    rows.iter().map(|row| Ok((row.get(0)?, row.get::<String>(1)?.into()))).collect()
}

/// Whether anybody but `user_id` who may log in has this role.
pub(super) async fn has_other_holder(tx: &mut Tx<'_>, role: &str, user_id: UserId) -> Result<bool> {
    let sql = "SELECT 1 FROM user_roles r JOIN users u ON u.id = r.user_id \
               WHERE r.role = $1 AND r.user_id <> $2 AND u.state = 'active' LIMIT 1";
    Ok(tx.query_opt(sql, &[role.into(), user_id.into()]).await?.is_some())
}

pub(super) async fn insert(tx: &mut Tx<'_>, user_id: UserId, role: &str, at: Timestamp) -> Result<()> {
    let sql = "INSERT INTO user_roles (user_id, role, assigned_at) VALUES ($1, $2, $3)";
    tx.execute(sql, &[user_id.into(), role.into(), at.into()]).await.map(|_| ())
}

pub(super) async fn delete(tx: &mut Tx<'_>, user_id: UserId, role: &str) -> Result<()> {
    let sql = "DELETE FROM user_roles WHERE user_id = $1 AND role = $2";
    tx.execute(sql, &[user_id.into(), role.into()]).await.map(|_| ())
}

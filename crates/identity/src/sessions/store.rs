//! SQL of the sessions.
use std::time::Duration;

use ::store::{Row, Tx};
use kernel::{Error, Proof, Result, Role, SessionId, Timestamp, UserId, Uuid, Value};

use super::model::{Session, Transport, join_proofs, split_proofs};
use crate::places::Place;

pub(super) async fn insert(tx: &mut Tx<'_>, session: &Session) -> Result<()> {
    let sql = "INSERT INTO sessions (id, user_id, generation, transport, methods, user_agent, address, created_at, \
               authenticated_at, last_seen_at, expires_at, device_id, last_address, latitude, longitude, radius, country) \
               VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)";
    let place = session.place.as_ref();
    let params: [Value; 17] = [
        session.id.into(),
        session.user_id.into(),
        session.generation.into(),
        session.transport.as_str().into(),
        join_proofs(&session.proofs).into(),
        session.user_agent.clone().into(),
        session.address.clone().into(),
        session.created_at.into(),
        session.authenticated_at().into(),
        session.last_seen_at.into(),
        session.expires_at.into(),
        session.device_id.into(),
        session.last_address.clone().into(),
        place.map(|place| place.latitude).into(),
        place.map(|place| place.longitude).into(),
        place.map(|place| place.radius).into(),
        place.and_then(|place| place.country.clone()).into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

/// How long a rotated session lasts.
pub(super) struct Extension {
    pub until: Timestamp,
    /// After its creation.
    pub most: Duration,
    /// Where it is refreshed from.
    pub address: Option<String>,
}

/// Moves a live session from `generation` to the next. None when another was first, or it lives no more.
pub(super) async fn rotate(
    tx: &mut Tx<'_>,
    id: SessionId,
    generation: i64,
    at: Timestamp,
    extension: Extension,
) -> Result<Option<Session>> {
    let sql = "UPDATE sessions SET generation = generation + 1, rotated_at = $3, last_seen_at = $3, \
               last_address = COALESCE($6, last_address), \
               expires_at = CASE WHEN created_at + $5 < $4 THEN created_at + $5 ELSE $4 END \
               WHERE id = $1 AND generation = $2 AND revoked_at IS NULL AND expires_at > $3 AND created_at + $5 > $3 \
               RETURNING id, user_id, generation, transport, methods, user_agent, address, created_at, authenticated_at, \
               last_seen_at, rotated_at, expires_at, revoked_at, device_id, last_address, latitude, longitude, radius, country";
    let most = i64::try_from(extension.most.as_micros()).map_err(Error::internal)?;
    let params =
        [id.into(), generation.into(), at.into(), extension.until.into(), most.into(), extension.address.into()];
    tx.query_opt(sql, &params).await?.as_ref().map(session).transpose()
}

/// Notes a use, unless one was noted since `before`.
pub(super) async fn touch(
    tx: &mut Tx<'_>,
    id: SessionId,
    at: Timestamp,
    before: Timestamp,
    address: Option<String>,
) -> Result<()> {
    let sql = "UPDATE sessions SET last_seen_at = $2, last_address = COALESCE($4, last_address) \
               WHERE id = $1 AND last_seen_at <= $3 AND revoked_at IS NULL";
    tx.execute(sql, &[id.into(), at.into(), before.into(), address.into()]).await.map(|_| ())
}

/// Removes up to `limit` sessions whose ids are below `floor`, the oldest first: ids tell when they were made. It waits for nobody.
pub(super) async fn purge(tx: &mut Tx<'_>, floor: Uuid, limit: i64) -> Result<u64> {
    let skip = tx.dialect().skip_locked();
    let sql =
        format!("DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE id < $1 ORDER BY id LIMIT $2 {skip})");
    tx.execute(&sql, &[floor.into(), limit.into()]).await
}

pub(super) async fn get(tx: &mut Tx<'_>, id: SessionId) -> Result<Option<Session>> {
    let sql = "SELECT id, user_id, generation, transport, methods, user_agent, address, created_at, authenticated_at, \
               last_seen_at, rotated_at, expires_at, revoked_at, device_id, last_address, latitude, longitude, radius, country FROM sessions WHERE id = $1";
    tx.query_opt(sql, &[id.into()]).await?.as_ref().map(session).transpose()
}

/// The newest known place of a user's log-ins among sessions above `floor`: ids tell when they were made, those of fresh proofs later
/// than their log-in.
pub(super) async fn last_place(tx: &mut Tx<'_>, user_id: UserId, floor: Uuid) -> Result<Option<(Place, Timestamp)>> {
    let sql = "SELECT latitude, longitude, radius, country, created_at FROM sessions \
               WHERE user_id = $1 AND id >= $2 AND latitude IS NOT NULL ORDER BY created_at DESC LIMIT 1";
    let Some(row) = tx.query_opt(sql, &[user_id.into(), floor.into()]).await? else { return Ok(None) };
    let at = row.get(4)?;
    Ok(place(&row, 0)?.map(|place| (place, at)))
}

/// Whether a user has any session, live or over.
pub(super) async fn had_any(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
    let found = tx.query_opt("SELECT id FROM sessions WHERE user_id = $1 LIMIT 1", &[user_id.into()]).await?;
    Ok(found.is_some())
}

/// Live sessions of one user below `start` that began after `horizon`, newest first.
pub(super) async fn list(
    tx: &mut Tx<'_>,
    user_id: UserId,
    at: Timestamp,
    horizon: Timestamp,
    start: Uuid,
    rows: i64,
) -> Result<Vec<Session>> {
    let sql = "SELECT id, user_id, generation, transport, methods, user_agent, address, created_at, authenticated_at, \
               last_seen_at, rotated_at, expires_at, revoked_at, device_id, last_address, latitude, longitude, radius, country FROM sessions \
               WHERE user_id = $1 AND id < $3 AND revoked_at IS NULL AND expires_at > $2 AND created_at > $5 \
               ORDER BY id DESC LIMIT $4";
    let params = [user_id.into(), at.into(), start.into(), rows.into(), horizon.into()];
    let rows = tx.query(sql, &params).await?;
    rows.iter().map(session).collect()
}

/// Whether a live session of this user was revoked.
pub(super) async fn revoke(tx: &mut Tx<'_>, id: SessionId, user_id: UserId, at: Timestamp) -> Result<bool> {
    let sql = "UPDATE sessions SET revoked_at = $3 \
               WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3";
    Ok(tx.execute(sql, &[id.into(), user_id.into(), at.into()]).await? == 1)
}

/// How many live sessions of a user were revoked; `kept` is spared.
pub(super) async fn revoke_all(
    tx: &mut Tx<'_>,
    user_id: UserId,
    kept: Option<SessionId>,
    at: Timestamp,
) -> Result<u64> {
    let sql = "UPDATE sessions SET revoked_at = $3 \
               WHERE user_id = $1 AND id <> $2 AND revoked_at IS NULL AND expires_at > $3";
    let kept = kept.map_or(Uuid::nil(), SessionId::uuid);
    tx.execute(sql, &[user_id.into(), kept.into(), at.into()]).await
}

/// Everything a request needs to know of its session.
pub(super) struct Standing {
    pub user_id: UserId,
    pub proofs: Vec<Proof>,
    pub has_second_factor: bool,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub last_seen_at: Timestamp,
    pub roles: Vec<Role>,
}

/// One query over three slices' tables, because it runs for every session every second. None when the session was
/// revoked or the account is not active.
pub(super) async fn standing(tx: &mut Tx<'_>, id: SessionId) -> Result<Option<Standing>> {
    let sql = "SELECT s.user_id, s.authenticated_at, s.methods, s.expires_at, u.has_second_factor, r.role, s.created_at, s.last_seen_at \
               FROM sessions s \
               JOIN users u ON u.id = s.user_id LEFT JOIN user_roles r ON r.user_id = s.user_id \
               WHERE s.id = $1 AND s.revoked_at IS NULL AND u.state = 'active' ORDER BY r.role";
    let rows = tx.query(sql, &[id.into()]).await?;
    let Some(first) = rows.first() else { return Ok(None) };
    let roles = rows.iter().map(|row| row.get::<Option<String>>(5)).collect::<Result<Vec<_>>>()?;
    Ok(Some(Standing {
        user_id: first.get(0)?,
        proofs: split_proofs(&first.get::<String>(2)?, first.get(1)?),
        has_second_factor: first.get(4)?,
        created_at: first.get(6)?,
        last_seen_at: first.get(7)?,
        expires_at: first.get(3)?,
        roles: roles.into_iter().flatten().map(Role::from).collect(),
    }))
}

fn session(row: &Row) -> Result<Session> {
    let transport: String = row.get(3)?;
    Ok(Session {
        id: row.get(0)?,
        user_id: row.get(1)?,
        generation: row.get(2)?,
        transport: Transport::parse(&transport).ok_or_else(|| Error::internal("a session of no known transport"))?,
        proofs: split_proofs(&row.get::<String>(4)?, row.get(8)?),
        user_agent: row.get(5)?,
        address: row.get(6)?,
        created_at: row.get(7)?,
        last_seen_at: row.get(9)?,
        rotated_at: row.get(10)?,
        expires_at: row.get(11)?,
        revoked_at: row.get(12)?,
        device_id: row.get(13)?,
        last_address: row.get(14)?,
        place: place(row, 15)?,
    })
}

/// The place in four columns from `first` on.
fn place(row: &Row, first: usize) -> Result<Option<Place>> {
    let (latitude, longitude, radius) = (row.get(first)?, row.get(first + 1)?, row.get(first + 2)?);
    let (Some(latitude), Some(longitude), Some(radius)) = (latitude, longitude, radius) else { return Ok(None) };
    Ok(Some(Place { latitude, longitude, radius, country: row.get(first + 3)? }))
}

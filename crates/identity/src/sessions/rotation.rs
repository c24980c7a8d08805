//! The grammar of refresh tokens: each is good once, a lost answer may be asked for again, and a copy ends the session.
use std::time::Duration;

use ::store::{Ctx, Tx};
use kernel::{Result, SessionId};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    model::Session,
    service::Lifetimes,
    store::{self, Extension},
};

/// How long the parent of a token still yields it, so that an answer lost on the way does not end the session.
/// Counted from the one rotation, it cannot be extended.
const GRACE: Duration = Duration::from_secs(10);

/// What presenting a refresh token comes to.
pub enum Rotation {
    /// The session as it is now; its generation is the successor's. Everyone who asks in time gets the same.
    Successor(Session),
    /// The token was used before and someone else may hold its successor: the session is revoked with this transaction.
    Reused(Session),
    /// The session is not there, or not any more.
    Refused,
}

/// Takes the token of `generation`. One compare-and-set decides, so a family of tokens never forks.
pub(super) async fn rotate(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    lifetimes: Lifetimes,
    id: SessionId,
    generation: i64,
) -> Result<Rotation> {
    let now = ctx.now();
    let address = ctx.request.address.map(|address| address.to_string());
    let extension = Extension { until: now.plus(lifetimes.idle), most: lifetimes.most, address };
    if let Some(session) = store::rotate(tx, id, generation, now, extension).await? {
        return Ok(Rotation::Successor(session));
    }
    let stored = store::get(tx, id).await?.map(|session| session.within(lifetimes));
    let Some(session) = stored.filter(|session| session.is_live(now)) else { return Ok(Rotation::Refused) };
    let is_parent = generation.checked_add(1) == Some(session.generation);
    let is_in_grace = session.rotated_at.is_some_and(|rotated_at| now.since(rotated_at) <= GRACE);
    if is_parent && is_in_grace {
        return Ok(Rotation::Successor(session));
    }
    // A generation that is still to come means the database was restored from a backup, not that a token was stolen.
    if generation >= session.generation {
        return Ok(Rotation::Refused);
    }
    if !store::revoke(tx, id, session.user_id, now).await? {
        // Somebody else who showed a copy was quicker.
        return Ok(Rotation::Refused);
    }
    let entry = Entry::new("session.revoked", "session", id);
    let after = json!({"user_id": session.user_id, "reason": "refresh_reused", "generation": generation});
    audit::record(tx, ctx, entry.after(after)).await?;
    Ok(Rotation::Reused(session))
}

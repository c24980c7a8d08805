//! Rules of the audit trail: who acted is read from the context, never from the caller.
use ::store::{Ctx, Tx};
use kernel::{Actor, Result};

use super::{model::Entry, store};

/// Writes `entry` in the transaction of what it describes, so that neither exists without the other.
pub async fn record(tx: &mut Tx<'_>, ctx: &Ctx, entry: Entry) -> Result<()> {
    let (actor_type, actor_id, session_id) = match &ctx.actor {
        Actor::Anonymous => ("anonymous", None, None),
        Actor::PasswordOnly(user_id) => ("password_only", Some(*user_id), None),
        Actor::Full(principal) => ("user", Some(principal.user_id), Some(principal.session_id)),
        Actor::System(part) => (*part, None, None),
    };
    let actor = store::ActorColumns { actor_type, actor_id, session_id };
    store::insert(tx, ctx, &actor, entry).await
}

//! Rules of the audit trail: who acted is read from the context, never from the caller.
use ::store::{Ctx, Tx};
use kernel::{Actor, Principal, Result};

use super::{model::Entry, store};

/// Writes `entry` in the transaction of what it describes, so that neither exists without the other.
pub async fn record(tx: &mut Tx<'_>, ctx: &Ctx, entry: Entry) -> Result<()> {
    let (actor_type, actor_id) = match &ctx.actor {
        Actor::Anonymous => ("anonymous", None),
        Actor::PasswordOnly(user_id) => ("password_only", Some(*user_id)),
        Actor::Full(principal) => ("user", Some(principal.user_id)),
        Actor::System(part) => (*part, None),
    };
    let principal = ctx.actor.principal();
    let session_id = principal.and_then(Principal::session);
    let api_key_id = principal.and_then(Principal::api_key).map(|key| key.id);
    let actor = store::ActorColumns { actor_type, actor_id, session_id, api_key_id };
    store::insert(tx, ctx, &actor, entry).await
}

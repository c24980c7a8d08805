//! SQL of the audit trail.
use ::store::{Ctx, Tx};
use kernel::{ApiKeyId, AuditId, Result, SessionId, UserId, Value};

use super::model::Entry;

pub(super) struct ActorColumns {
    pub actor_type: &'static str,
    pub actor_id: Option<UserId>,
    pub session_id: Option<SessionId>,
    pub api_key_id: Option<ApiKeyId>,
}

pub(super) async fn insert(tx: &mut Tx<'_>, ctx: &Ctx, actor: &ActorColumns, entry: Entry) -> Result<()> {
    let sql = "INSERT INTO audit_log (id, at, action, actor_type, actor_id, session_id, target_type, target_id, address, \
               request_id, before, after, api_key_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)";
    let id: AuditId = ctx.new_id();
    let params: [Value; 13] = [
        id.into(),
        ctx.now().into(),
        entry.action.into(),
        actor.actor_type.into(),
        actor.actor_id.into(),
        actor.session_id.into(),
        entry.target_type.into(),
        entry.target_id.into(),
        ctx.request.address.map(|address| address.to_string()).into(),
        Some(ctx.request.id.clone()).filter(|id| !id.is_empty()).into(),
        entry.before,
        entry.after,
        actor.api_key_id.into(),
    ];
    tx.execute(sql, &params).await.map(|_| ())
}

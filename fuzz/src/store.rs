//! SQL of the targets: accounts without log-ins.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Result, UserId, Value};

pub async fn account(ctx: &Ctx, id: UserId) -> Result<u64> {
    ctx.write(move |ctx, tx| {
        async move {
            let sql = "INSERT INTO users (id, preferences, state, created_at, updated_at, version) \
                       VALUES ($1, $2, 'active', $3, $3, 1)";
            tx.execute(sql, &[id.into(), Value::Json("{}".into()), ctx.now().into()]).await
        }
        .boxed()
    })
    .await
}

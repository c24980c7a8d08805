//! Schemas of PostgreSQL as places to restore into, and the exchange of one for another.
use futures_util::FutureExt as _;
use kernel::{Error, Result};

use crate::{Ctx, Dialect};

/// Where unqualified names lead; nothing on SQLite.
pub async fn current_schema(ctx: &Ctx) -> Result<Option<String>> {
    if ctx.db().dialect() == Dialect::Sqlite {
        return Ok(None);
    }
    let schema = ctx.read(|_, tx| async move { tx.query_one("SELECT current_schema()", &[]).await?.get(0) }.boxed());
    let schema: Option<String> = schema.await?;
    schema.map(Some).ok_or_else(|| Error::internal("the PostgreSQL role has no schema to work in"))
}

/// Errors: the role may not create schemas.
pub async fn create_schema(ctx: &Ctx, name: &str) -> Result<()> {
    let sql = format!("CREATE SCHEMA \"{name}\"");
    ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await
}

pub async fn drop_schema(ctx: &Ctx, name: &str) -> Result<()> {
    let sql = format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
    ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await
}

/// Drops every schema whose name begins with `prefix`: what was left behind by work that was cut short.
pub async fn drop_schemas(ctx: &Ctx, prefix: &str) -> Result<()> {
    let prefix = prefix.to_owned();
    let names = ctx.read(move |_, tx| {
        async move {
            let sql = "SELECT nspname FROM pg_namespace WHERE starts_with(nspname::text, $1)";
            tx.query(sql, &[prefix.into()]).await?.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>>>()
        }
        .boxed()
    });
    for name in names.await? {
        drop_schema(ctx, &name).await?;
    }
    Ok(())
}

/// In one transaction: `old` tables go from the schema `home` to a new one called `before`, and every table of `scratch` comes home.
pub async fn swap_schema(ctx: &Ctx, home: String, old: Vec<String>, scratch: String, before: String) -> Result<()> {
    ctx.alter(move |_, tx| {
        async move {
            if !old.is_empty() {
                tx.batch(&format!("CREATE SCHEMA \"{before}\"")).await?;
            }
            for table in old {
                tx.batch(&format!("ALTER TABLE \"{home}\".\"{table}\" SET SCHEMA \"{before}\"")).await?;
            }
            let sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1";
            for row in tx.query(sql, &[scratch.as_str().into()]).await? {
                let table: String = row.get(0)?;
                tx.batch(&format!("ALTER TABLE \"{scratch}\".\"{table}\" SET SCHEMA \"{home}\"")).await?;
            }
            tx.batch(&format!("DROP SCHEMA \"{scratch}\"")).await
        }
        .boxed()
    })
    .await
}

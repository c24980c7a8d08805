//! Schemas of PostgreSQL as places to restore into, and the exchange of one for another.
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result};

use crate::{Ctx, Tx, claim::Hold, postgres::key_of_schema};

/// Errors: the role may not create schemas.
pub async fn create_schema(ctx: &Ctx, name: &str) -> Result<()> {
    let sql = format!("CREATE SCHEMA \"{name}\"");
    ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await
}

pub async fn drop_schema(ctx: &Ctx, name: &str) -> Result<()> {
    let sql = format!("DROP SCHEMA IF EXISTS \"{name}\" CASCADE");
    ctx.alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await
}

/// Drops every schema of this role whose name begins with `prefix` and which [`claim_schema`](crate::claim::claim_schema) holds for nobody:
/// what was left behind by work that was cut short. One that cannot be dropped stays.
pub async fn drop_abandoned(ctx: &Ctx, prefix: &str) -> Result<()> {
    let prefix = prefix.to_owned();
    let names = ctx.read(move |_, tx| {
        async move {
            let sql = "SELECT nspname FROM pg_namespace
                WHERE starts_with(nspname::text, $1) AND pg_get_userbyid(nspowner) = current_user";
            tx.query(sql, &[prefix.into()]).await?.iter().map(|row| row.get::<String>(0)).collect::<Result<Vec<_>>>()
        }
        .boxed()
    });
    for name in names.await? {
        let schema = name.clone();
        let dropped = ctx.alter(move |_, tx| {
            async move {
                let sql = "SELECT pg_try_advisory_xact_lock(hashtextextended($1, 0))";
                let is_abandoned = tx.query_one(sql, &[key_of_schema(&schema).into()]).await?.get::<bool>(0)?;
                if is_abandoned {
                    tx.batch(&format!("DROP SCHEMA IF EXISTS \"{schema}\" CASCADE")).await
                } else {
                    Ok(())
                }
            }
            .boxed()
        });
        if let Err(error) = dropped.await {
            tracing::warn!(schema = name, ?error, "what an interrupted command left stays");
        }
    }
    Ok(())
}

/// What outside of the tables `old` hangs on them: it would go on with them wherever they are moved.
pub async fn dependants(tx: &mut Tx<'_>, old: &[String]) -> Result<Vec<String>> {
    // The table of ours, the one it is used by, if that is in this schema too, and what it is to people.
    let sql = "SELECT t.relname::text,
            CASE u.relnamespace WHEN t.relnamespace THEN u.relname::text ELSE '' END,
            format('the foreign key %I of %s', f.conname, u.oid::regclass)
        FROM pg_constraint f JOIN pg_class t ON t.oid = f.confrelid JOIN pg_class u ON u.oid = f.conrelid
        WHERE f.contype = 'f' AND t.relnamespace = current_schema()::regnamespace
        UNION SELECT t.relname::text, '', format('the view %s', v.oid::regclass)
        FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
            JOIN pg_class t ON t.oid = d.refobjid
        WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND v.oid <> t.oid
            AND t.relnamespace = current_schema()::regnamespace
        ORDER BY 3";
    let mut found: Vec<String> = Vec::new();
    for row in tx.query(sql, &[]).await? {
        let (table, user, what): (String, String, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        if old.contains(&table) && !old.contains(&user) && found.last() != Some(&what) {
            found.push(what);
        }
    }
    Ok(found)
}

/// Tables that take the place of others.
pub struct Exchange {
    /// Those of the current schema that give way, to a new schema called `before`.
    pub old: Vec<String>,
    pub before: String,
    /// The schema whose tables take their place.
    pub scratch: String,
    /// Of the current schema's claim.
    pub hold: Hold,
}

/// Exchanges them in one transaction. The new tables get the owners of the old ones, and who was granted something on them has it still.
///
/// Errors: something else hangs on the old tables; the database is not held alone any more.
pub async fn exchange(ctx: &Ctx, exchange: Exchange) -> Result<()> {
    let Exchange { old, before, scratch, hold } = exchange;
    ctx.alter(move |_, tx| {
        async move {
            refuse_dependants(&dependants(tx, &old).await?)?;
            let rights = rights(tx).await?;
            let home: String = tx.query_one("SELECT quote_ident(current_schema())", &[]).await?.get(0)?;
            if !old.is_empty() {
                tx.batch(&format!("CREATE SCHEMA \"{before}\"")).await?;
            }
            for table in &old {
                tx.batch(&format!("ALTER TABLE {home}.\"{table}\" SET SCHEMA \"{before}\"")).await?;
            }
            let sql = "SELECT tablename FROM pg_tables WHERE schemaname = $1";
            for row in tx.query(sql, &[scratch.as_str().into()]).await? {
                let table: String = row.get(0)?;
                tx.batch(&format!("ALTER TABLE \"{scratch}\".\"{table}\" SET SCHEMA {home}")).await?;
                for (_, right) in rights.iter().filter(|(of, _)| *of == table) {
                    tx.batch(right).await?;
                }
            }
            tx.batch(&format!("DROP SCHEMA \"{scratch}\"")).await?;
            // Now that nobody else can reach the tables.
            hold.check(tx).await
        }
        .boxed()
    })
    .await
}

/// Errors: there are some.
pub fn refuse_dependants(dependants: &[String]) -> Result<()> {
    if dependants.is_empty() {
        return Ok(());
    }
    Err(Error::new(Code::Internal).with_detail(format!(
        "What is not Hardpan's hangs on the tables that give way: {}. Drop it first, and make it anew afterwards.",
        dependants.join(", ")
    )))
}

/// Table by table of the current schema, the statements that give the table of this name its owner and its grants.
async fn rights(tx: &mut Tx<'_>) -> Result<Vec<(String, String)>> {
    let sql =
        "SELECT c.relname::text, format('ALTER TABLE %s OWNER TO %I', c.oid::regclass, pg_get_userbyid(c.relowner)), 1
        FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = current_schema()::regnamespace
            AND pg_get_userbyid(c.relowner) <> current_user
        UNION ALL SELECT c.relname::text, format('GRANT %s ON %s TO %s%s', a.privilege_type, c.oid::regclass,
            CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END,
            CASE WHEN a.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END), 2
        FROM pg_class c CROSS JOIN aclexplode(c.relacl) a WHERE c.relkind = 'r' AND a.grantee <> c.relowner
            AND c.relnamespace = current_schema()::regnamespace
        ORDER BY 1, 3";
    tx.query(sql, &[]).await?.iter().map(|row| Ok((row.get(0)?, row.get(1)?))).collect()
}

//! Making a database what another one is: its tables first, then their rows.
use std::sync::Arc;

use futures_util::FutureExt as _;
use kernel::{Result, Value};
use resources::schema;
use store::{
    Ctx, Migration,
    claim::Hold,
    copy::{self, Digest, Progress as Came, Table},
    migrate,
};

use super::{
    Content,
    inventory::{Origin, inventory},
    refused,
};
use crate::assemble;

/// A database that is not whole yet, and says so to whoever would serve it.
pub(super) struct Build {
    pub ctx: Ctx,
    pub tables: Vec<Arc<Table>>,
}

impl Build {
    /// Makes the tables of `origin`. `source` names what is copied: a copy of the same goes on where it stands.
    ///
    /// Errors: something else is in the database, a newer Hardpan was at work at the origin.
    pub async fn begin(ctx: Ctx, source: String, origin: Origin) -> Result<Self> {
        match copy::source_of(&ctx).await? {
            None if is_empty(&ctx).await? => copy::begin(&ctx, source).await?,
            None => return Err(refused("The target is not empty.")),
            Some(begun) if begun == source => {}
            Some(_) => {
                return Err(refused("The target holds the beginning of a copy of something else; empty it first."));
            }
        }
        let known = assemble::migrations();
        let is_known = |id: &&String| known.iter().any(|migration| migration.id == id.as_str());
        if let Some(newer) = origin.migrations.iter().find(|id| !is_known(id)) {
            return Err(refused(format!(
                "The migration {newer} is not known here: a newer Hardpan was at work. Use that one, or a newer."
            )));
        }
        let applied: Vec<Migration> =
            known.into_iter().filter(|migration| origin.migrations.iter().any(|id| id == migration.id)).collect();
        migrate::apply(&ctx, &applied).await?;
        schema::make_recorded(&ctx, origin.declared).await?;
        let tables = ctx.read(|ctx, tx| async move { inventory(&ctx, tx).await }.boxed()).await?;
        copy::set_references_aside(&ctx, &tables).await?;
        Ok(Self { ctx, tables })
    }

    /// The table `name`, which has these columns at the origin too.
    pub fn table(&self, name: &str, columns: &[String]) -> Result<&Arc<Table>> {
        let table = self.tables.iter().find(|table| table.name == name);
        let table = table.ok_or_else(|| refused(format!("The table {name} is not known here.")))?;
        if table.columns().eq(columns.iter().map(String::as_str)) {
            return Ok(table);
        }
        Err(refused(format!("The table {name} has other columns here than where its rows come from.")))
    }

    /// Writes rows after `before` others.
    pub async fn load(&self, table: &Arc<Table>, rows: Vec<Vec<Value>>, before: u64, came: Came) -> Result<()> {
        copy::load(&self.ctx, table, rows, before, came).await
    }

    pub async fn digest(&self, table: &Arc<Table>) -> Result<Digest> {
        copy::digest(&self.ctx, table).await
    }

    /// Makes it a database like any other: references are checked, what is derived from rows is made. `hold` is of its claim.
    pub async fn finish(&self, hold: Hold) -> Result<()> {
        copy::finish(&self.ctx, move |ctx, tx| {
            async move {
                schema::make_searches(&ctx, tx).await?;
                hold.check(tx).await
            }
            .boxed()
        })
        .await?;
        let status = migrate::status(&self.ctx, &assemble::migrations()).await?;
        let strange = [migrate::State::Changed, migrate::State::Unknown];
        match status.iter().find(|status| strange.contains(&status.state)) {
            None => Ok(()),
            Some(status) => Err(refused(format!("The migration {} is another one than here.", status.id))),
        }
    }
}

/// On PostgreSQL others may have tables beside.
async fn is_empty(ctx: &Ctx) -> Result<bool> {
    let names = ctx.read(|ctx, tx| async move { copy::table_names(&ctx, tx).await }.boxed()).await?;
    Ok(match ctx.db().dialect() {
        store::Dialect::Sqlite => names.is_empty(),
        store::Dialect::Postgres => !names.iter().any(|name| name == super::inventory::FIRST[0]),
    })
}

/// Whether two databases hold the same: the tables that differ.
pub(super) fn differences<'c>(one: &'c [Content], other: &'c [Content]) -> Vec<&'c str> {
    let holds =
        |content: &Content| other.iter().any(|found| found.table == content.table && found.digest == content.digest);
    one.iter().filter(|content| !holds(content)).map(|content| content.table.as_str()).collect()
}

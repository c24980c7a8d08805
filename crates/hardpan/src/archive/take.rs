//! Taking a backup: one moment of the database, while it is served.
use std::{path::Path, sync::Arc};

use futures_util::FutureExt as _;
use kernel::{OsRandom, Result};
use platform::secrets::{self, Keyring};
use store::{
    Ctx, Tx,
    copy::{self, Hasher, Table, Walk},
};

use super::{
    Content, Head, Progress, Step,
    format::{Listed, Manifest, VERSION},
    inventory::inventory,
    refused,
    writer::Writer,
};

/// What was written.
#[derive(Debug)]
pub struct Taken {
    pub head: Head,
    pub tables: Vec<Content>,
    pub bytes: u64,
}

/// Writes a backup of the app `app` to `path`, which does not exist yet; sealed under the key of `seal`, which must be the database's.
///
/// Errors: there is nothing in the database, the key is another one.
pub async fn take(ctx: &Ctx, app: &str, path: &Path, seal: Option<&Keyring>, progress: Progress) -> Result<Taken> {
    let tables = ctx.read(|ctx, tx| async move { inventory(&ctx, tx).await }.boxed()).await?;
    if tables.is_empty() {
        return Err(refused("There is nothing to back up: the database has none of Hardpan's tables."));
    }
    if let Some(keyring) = seal {
        secrets::compare_master(ctx, keyring).await?;
    }
    let head = Head {
        format: VERSION,
        hardpan: env!("CARGO_PKG_VERSION").to_owned(),
        app: app.to_owned(),
        engine: ctx.db().dialect().name().to_owned(),
        created_at: ctx.now().to_string(),
        is_encrypted: seal.is_some(),
    };
    let seal = seal.map(|keyring| (keyring, &OsRandom as &dyn kernel::Random));
    let writer = Writer::create(path, &head, seal)?;
    let body = ctx.snapshot(move |ctx, tx| async move { write(&ctx, tx, writer, &progress).await }.boxed());
    let (writer, tables) = body.await?;
    Ok(Taken { head, tables, bytes: writer.finish()? })
}

async fn write(ctx: &Ctx, tx: &mut Tx<'_>, mut writer: Writer, progress: &Progress) -> Result<(Writer, Vec<Content>)> {
    let tables = inventory(ctx, tx).await?;
    let mut listed = Vec::with_capacity(tables.len());
    for table in &tables {
        let rows = copy::count(tx, table).await?;
        listed.push(Listed { name: table.name.clone(), columns: table.columns().map(str::to_owned).collect(), rows });
    }
    let manifest = Manifest { tables: listed };
    writer.manifest(&manifest)?;
    let mut contents = Vec::with_capacity(tables.len());
    for (table, listed) in tables.iter().zip(&manifest.tables) {
        contents.push(write_table(tx, table, listed.rows, &mut writer, progress).await?);
    }
    Ok((writer, contents))
}

async fn write_table(
    tx: &mut Tx<'_>,
    table: &Arc<Table>,
    of: u64,
    writer: &mut Writer,
    progress: &Progress,
) -> Result<Content> {
    let mut hasher = Hasher::new(table.columns());
    let mut walk = Walk::new(Arc::clone(table));
    let mut rows = 0;
    while let Some(chunk) = walk.next(tx).await? {
        hasher.update(chunk.rows.len(), &chunk.encoded);
        writer.chunk(&chunk)?;
        rows += chunk.rows.len() as u64;
        progress(Step { doing: "backed up", table: &table.name, rows, of });
    }
    if rows == 0 {
        progress(Step { doing: "backed up", table: &table.name, rows, of });
    }
    let digest = hasher.finish();
    writer.end_table(&digest)?;
    Ok(Content { table: table.name.clone(), digest })
}

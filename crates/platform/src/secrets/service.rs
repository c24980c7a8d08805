//! Rules of the master key: a database and its key belong together, and a change of the key is deliberate.
use ::store::Ctx;
use kernel::{Code, Error, Result};

use super::{keyring::Keyring, store};
use crate::audit;

/// Which master key a database was made with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Master {
    Current,
    /// The previous one: seal anew what is stored, then [`adopt_master`].
    Previous,
}

/// Notes the master key at the first start; at every other one refuses a key that does not match.
///
/// Errors: internal with a detail for the operator, when the database was made with neither key of the ring.
pub async fn check_master(ctx: &Ctx, keyring: &Keyring) -> Result<Master> {
    let fingerprint = *keyring.fingerprint();
    let noted = ctx.write(move |ctx, tx| Box::pin(async move { store::note(tx, &fingerprint, ctx.now()).await }));
    let noted = noted.await?;
    compare(&noted, keyring)
}

/// Refuses a key that does not match, as [`check_master`] does, and notes nothing.
pub async fn compare_master(ctx: &Ctx, keyring: &Keyring) -> Result<()> {
    let noted = ctx.read(|_, tx| Box::pin(async move { store::noted(tx).await })).await?;
    noted.map_or(Ok(()), |noted| compare(&noted, keyring).map(|_| ()))
}

fn compare(noted: &[u8], keyring: &Keyring) -> Result<Master> {
    if noted == keyring.fingerprint() {
        return Ok(Master::Current);
    }
    if keyring.previous_fingerprint().is_some_and(|previous| noted == previous) {
        return Ok(Master::Previous);
    }
    Err(Error::new(Code::Internal).with_detail(
        "The master key does not match the database. Give the key it was made with as HARDPAN_MASTER_KEY, or, to change \
         keys, the new one as HARDPAN_MASTER_KEY and the old one as HARDPAN_MASTER_KEY_PREVIOUS.",
    ))
}

/// Makes the current master key the database's. Call it when nothing is sealed under the previous one any more.
pub async fn adopt_master(ctx: &Ctx, keyring: &Keyring) -> Result<()> {
    let fingerprint = *keyring.fingerprint();
    ctx.write(move |ctx, tx| {
        Box::pin(async move {
            store::replace(tx, &fingerprint, ctx.now()).await?;
            audit::record(tx, &ctx, audit::Entry::new("master_key.changed", "master_key", None::<kernel::Uuid>)).await
        })
    })
    .await
}

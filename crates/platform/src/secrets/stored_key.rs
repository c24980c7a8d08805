//! The stored key: made once, kept sealed, and the same whatever the master key is.
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Result, Secret};

use super::{keyring::Keyring, mac::MacKey, store};

const PURPOSE: &str = "stored_key";
const LENGTH: usize = 32;

/// Gives the MAC keys of what is found by its MAC. A row is found by one value alone, and nobody can tell what it was made of: under the
/// master key, a change of that would lose every such row.
pub struct StoredKey(Secret<Vec<u8>>);

impl StoredKey {
    /// Reads it, makes it at the first start, and seals it anew when it is under the previous master key.
    ///
    /// Errors: internal, when it cannot be opened with this keyring.
    pub async fn load(ctx: &Ctx, keyring: &Keyring) -> Result<Self> {
        let keyring = keyring.clone();
        let key = ctx.write(move |ctx, tx| async move { load(tx, &ctx, &keyring).await }.boxed()).await?;
        Ok(Self(key))
    }

    /// The MAC key of `purpose`. Derive it once and keep it.
    pub fn mac_key(&self, purpose: &'static str) -> Result<MacKey> {
        MacKey::derive(&self.0, None, purpose)
    }
}

async fn load(tx: &mut Tx<'_>, ctx: &Ctx, keyring: &Keyring) -> Result<Secret<Vec<u8>>> {
    tx.lock(PURPOSE).await?;
    if let Some(sealed) = store::stored_key(tx).await? {
        if let Some(renewed) = keyring.renew(ctx.random(), PURPOSE, &[], &sealed)? {
            store::reseal_stored_key(tx, renewed).await?;
        }
        return keyring.open(PURPOSE, &[], &sealed);
    }
    let mut key = vec![0; LENGTH];
    ctx.random().fill(&mut key);
    let key = Secret::new(key);
    store::insert_stored_key(tx, keyring.seal(ctx.random(), PURPOSE, &[], key.expose())?, ctx.now()).await?;
    Ok(key)
}

//! Rules for signing keys: one signs, retired ones still verify, all are sealed under the keyring.
use std::{collections::HashMap, sync::Arc};

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Error, Result, Secret};
use platform::{
    audit::{self, Entry},
    secrets::Keyring,
};
use serde_json::{Value as Json, json};

use super::{
    model::{EDDSA, SigningKey},
    store::{self, Stored},
};

const PURPOSE: &str = "signing_key";
const SEED_LENGTH: usize = 32;

/// The signing keys of this process, cheap to clone.
#[derive(Clone)]
pub struct Keys(Arc<Inner>);

struct Inner {
    active: SigningKey,
    retired: HashMap<String, SigningKey>,
}

impl Keys {
    /// Reads the keys, makes the first, and seals anew what is under the previous master key. Two nodes that start
    /// at once end with the same key.
    ///
    /// Errors: internal, when a key cannot be opened with this keyring.
    pub async fn load(ctx: &Ctx, keyring: &Keyring) -> Result<Self> {
        let keyring = keyring.clone();
        let inner = ctx.write(move |ctx, tx| async move { load(tx, &ctx, &keyring).await }.boxed()).await?;
        Ok(Self(Arc::new(inner)))
    }

    /// The key that signs.
    pub(crate) fn active(&self) -> &SigningKey {
        &self.0.active
    }

    /// The key of this name, retired ones included.
    pub(crate) fn find(&self, kid: &str) -> Option<&SigningKey> {
        if self.0.active.kid == kid { Some(&self.0.active) } else { self.0.retired.get(kid) }
    }

    /// The public halves as a JWK set (RFC 7517).
    pub(super) fn jwks(&self) -> Json {
        let mut retired: Vec<_> = self.0.retired.values().collect();
        retired.sort_by(|one, other| one.kid.cmp(&other.kid));
        let keys: Vec<Json> = std::iter::once(&self.0.active).chain(retired).map(SigningKey::jwk).collect();
        json!({"keys": keys})
    }
}

async fn load(tx: &mut Tx<'_>, ctx: &Ctx, keyring: &Keyring) -> Result<Inner> {
    tx.lock("signing_keys").await?;
    let mut active = None;
    let mut retired = HashMap::new();
    for stored in store::all(tx).await? {
        let key = open(tx, ctx, keyring, &stored).await?;
        if stored.is_active {
            active = Some(key);
        } else {
            retired.insert(stored.kid, key);
        }
    }
    let active = match active {
        Some(key) => key,
        None => create(tx, ctx, keyring).await?,
    };
    Ok(Inner { active, retired })
}

async fn open(tx: &mut Tx<'_>, ctx: &Ctx, keyring: &Keyring, stored: &Stored) -> Result<SigningKey> {
    if stored.algorithm != EDDSA {
        return Err(Error::internal(format!("a signing key of an unknown algorithm, {}", stored.algorithm)));
    }
    let seed = keyring.open(PURPOSE, EDDSA.as_bytes(), &stored.sealed)?;
    let key = SigningKey::from_seed(&seed)?;
    if key.kid != stored.kid {
        return Err(Error::internal("a signing key does not have the name it is stored under"));
    }
    if !keyring.is_current(&stored.sealed)? {
        let sealed = keyring.seal(ctx.random(), PURPOSE, EDDSA.as_bytes(), seed.expose())?;
        store::reseal(tx, &key.kid, sealed).await?;
    }
    Ok(key)
}

async fn create(tx: &mut Tx<'_>, ctx: &Ctx, keyring: &Keyring) -> Result<SigningKey> {
    let mut seed = vec![0; SEED_LENGTH];
    ctx.random().fill(&mut seed);
    let seed = Secret::new(seed);
    let key = SigningKey::from_seed(&seed)?;
    let sealed = keyring.seal(ctx.random(), PURPOSE, EDDSA.as_bytes(), seed.expose())?;
    store::insert(tx, &key.kid, EDDSA, sealed, ctx.now()).await?;
    let entry = Entry::new("signing_key.created", "signing_key", None::<kernel::Uuid>).after(json!({"kid": key.kid}));
    audit::record(tx, ctx, entry).await?;
    Ok(key)
}

//! Rules for devices: one is known to an account by a secret that is good for that account alone.
use std::{collections::HashMap, sync::Arc, time::Duration};

use ::store::{Ctx, Tx};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use kernel::{Code, DeviceId, Error, Result, Timestamp, UserId};
use platform::{
    audit::{self, Entry},
    secrets::{MacKey, StoredKey},
};

use super::{
    model::{Device, DeviceView},
    store,
};

/// How long a trusted device needs no second factor.
pub const TRUSTED: Duration = Duration::from_hours(30 * 24);
/// How long a device that is not seen is remembered; longer than browsers keep a cookie is of no use.
const KEPT: Duration = Duration::from_hours(400 * 24);
/// Devices an account may have; clients that keep nothing make a new one with each log-in.
const MOST: usize = 50;
const USER_AGENT_MAX: usize = 256;

/// The devices; cheap to clone.
#[derive(Clone)]
pub struct Devices(Arc<MacKey>);

/// The device of a log-in.
pub struct Seen {
    pub id: DeviceId,
    /// What it is known by from now on, when it sent nothing to be known by.
    pub token: Option<String>,
}

/// The devices of an account, and until when each is trusted, if it is.
pub(crate) type Trust = HashMap<DeviceId, Option<Timestamp>>;

impl Devices {
    pub(crate) fn new(stored: &StoredKey) -> Result<Self> {
        Ok(Self(Arc::new(stored.mac_key("device")?)))
    }

    /// Whether the request comes from a device this account has logged in on before.
    pub(crate) async fn known(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<Option<DeviceId>> {
        Ok(self.current(tx, ctx, user_id).await?.map(|device| device.id))
    }

    /// Whether an account has logged in on any device, as far as that is remembered.
    pub(crate) async fn had_any(tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
        store::had_any(tx, user_id).await
    }

    /// Whether the request comes from a device that the account trusts.
    pub(crate) async fn is_trusted(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<bool> {
        Ok(self.current(tx, ctx, user_id).await?.is_some_and(|device| device.is_trusted(ctx.now())))
    }

    /// Notes a log-in that is complete. A device is told what it is known by once: to whoever proved everything.
    pub(crate) async fn see(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<Seen> {
        let now = ctx.now();
        let user_agent = ctx.request.user_agent.as_ref().map(|agent| agent.chars().take(USER_AGENT_MAX).collect());
        let address = ctx.request.address.map(|address| address.to_string());
        if let Some(device) = self.current(tx, ctx, user_id).await? {
            store::touch(tx, device.id, user_agent, address, now).await?;
            return Ok(Seen { id: device.id, token: None });
        }
        let others = store::list(tx, user_id).await?;
        for oldest in others.iter().skip(MOST - 1) {
            store::delete(tx, user_id, oldest.id).await?;
        }
        // One secret serves every account on a device, so that it is told apart for each and none is locked out by another.
        let sent = ctx.request.device.as_ref().map(|sent| sent.expose().clone()).filter(|sent| is_token(sent));
        let token = sent.clone().unwrap_or_else(|| {
            let mut secret = [0; 32];
            ctx.random().fill(&mut secret);
            URL_SAFE_NO_PAD.encode(secret)
        });
        let device =
            Device { id: ctx.new_id(), user_agent, address, created_at: now, last_seen_at: now, trusted_until: None };
        store::insert(tx, user_id, &device, &self.digest(user_id, &token)).await?;
        Ok(Seen { id: device.id, token: sent.is_none().then_some(token) })
    }

    /// Which devices an account has, and until when each is trusted.
    pub(crate) async fn trust_of(tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<Trust> {
        let devices = store::list(tx, user_id).await?.into_iter();
        Ok(devices.map(|device| (device.id, device.trusted_until.filter(|until| *until > ctx.now()))).collect())
    }

    /// Lets log-ins on a device do without the second factor for thirty days.
    pub(crate) async fn trust(&self, tx: &mut Tx<'_>, ctx: &Ctx, id: DeviceId) -> Result<()> {
        store::trust(tx, id, ctx.now().plus(TRUSTED)).await?;
        audit::record(tx, ctx, Entry::new("device.trusted", "device", id)).await
    }

    /// Trusts no device of an account any more, in the transaction that changes its credentials.
    pub(crate) async fn end_trust(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        store::end_trust(tx, user_id).await
    }

    /// Forgets the devices of an account that goes, or that may be in other hands: a known device has tries of its own, and its
    /// log-ins are no news.
    pub(crate) async fn forget_all(tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        store::delete_all(tx, user_id).await
    }

    /// The same but for the device `kept`.
    pub(crate) async fn forget_others(tx: &mut Tx<'_>, user_id: UserId, kept: Option<DeviceId>) -> Result<()> {
        match kept {
            Some(kept) => store::delete_others(tx, user_id, kept).await,
            None => store::delete_all(tx, user_id).await,
        }
    }

    /// The caller's devices, the last seen first. Errors: 401.
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<DeviceView>> {
        let user_id = ctx.actor.require_login()?.user_id;
        let devices = self.clone();
        ctx.read(move |ctx, tx| {
            async move {
                let current = devices.known(tx, &ctx, user_id).await?;
                let found = store::list(tx, user_id).await?.into_iter();
                Ok(found.map(|device| device.view(current, ctx.now())).collect())
            }
            .boxed()
        })
        .await
    }

    /// Forgets a device of the caller's: it is trusted no more, and its next log-in is one from a new device.
    ///
    /// Errors: 401; 404.
    pub async fn delete(&self, ctx: &Ctx, id: DeviceId) -> Result<()> {
        let user_id = ctx.actor.require_login()?.user_id;
        ctx.write(move |ctx, tx| {
            async move {
                if !store::delete(tx, user_id, id).await? {
                    return Err(Error::new(Code::NotFound));
                }
                audit::record(tx, &ctx, Entry::new("device.removed", "device", id)).await
            }
            .boxed()
        })
        .await
    }

    /// Removes devices that were not seen for long, and says how many. For the server itself. Errors: 403; 503.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        ctx.purge(|ctx, tx, limit| async move { store::purge(tx, ctx.now().minus(KEPT), limit).await }.boxed()).await
    }

    async fn current(&self, tx: &mut Tx<'_>, ctx: &Ctx, user_id: UserId) -> Result<Option<Device>> {
        let Some(sent) = ctx.request.device.as_ref().filter(|sent| is_token(sent.expose())) else { return Ok(None) };
        store::find(tx, user_id, &self.digest(user_id, sent.expose())).await
    }

    fn digest(&self, user_id: UserId, token: &str) -> [u8; 32] {
        self.0.sign(&[user_id.uuid().as_bytes(), token.as_bytes()].concat())
    }
}

/// Whether this can be one of ours: 256 bits. A device cannot choose something short that another may guess.
fn is_token(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

//! Rules for second factors: each is confirmed by its first use, and nothing that was used is good again.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Code, Error, FactorId, Result, Secret, StepUp, Timestamp, UserId, Uuid};
use platform::{
    audit::{self, Entry},
    secrets::{Keyring, MacKey, StoredKey},
};
use qrcode::{QrCode, render::svg};
use serde_json::json;

use super::{
    backup_codes,
    model::{Enrolment, Factor, FactorKind, FactorView},
    store, totp,
};
use crate::{
    accounts::{AccountKeeper, Accounts, User},
    devices::Devices,
    notices::{Notices, Told},
};

const SEALED: &str = "factor";
/// Factors an account may have; each is tried at every log-in.
const MOST: usize = 10;
/// Rows one transaction seals anew.
const CHUNK: i64 = 500;

/// The second factors; cheap to clone.
#[derive(Clone)]
pub struct Factors(Arc<Inner>);

struct Inner {
    accounts: Accounts,
    devices: Devices,
    keyring: Keyring,
    backup: MacKey,
    /// What authenticator apps call us.
    issuer: String,
    notices: Notices,
}

impl Factors {
    pub(crate) fn new(
        accounts: Accounts,
        devices: Devices,
        keyring: &Keyring,
        stored: &StoredKey,
        issuer: String,
        notices: Notices,
    ) -> Result<Self> {
        let backup = stored.mac_key("backup_code")?;
        Ok(Self(Arc::new(Inner { accounts, devices, keyring: keyring.clone(), backup, issuer, notices })))
    }

    /// The caller's factors, the oldest first. Errors: 401.
    pub async fn list(&self, ctx: &Ctx) -> Result<Vec<FactorView>> {
        let user_id = ctx.actor.require_login()?.user_id;
        let factors = ctx.read(move |_, tx| async move { store::list(tx, user_id).await }.boxed()).await?;
        let views = factors.into_iter().map(|factor| {
            let phone = self.phone(&factor)?.map(|phone| phone.masked());
            Ok(factor.view(phone))
        });
        views.collect()
    }

    /// Begins to add a generator of codes; it counts once its first code was confirmed. One that was begun before and not
    /// confirmed goes.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 409 `too_many`.
    pub(super) async fn enrol_totp(&self, ctx: &Ctx, label: Option<String>) -> Result<Enrolment> {
        ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?;
        let mut secret = vec![0; totp::SECRET_LENGTH];
        ctx.random().fill(&mut secret);
        let factor = self.unconfirmed(ctx, FactorKind::Totp, label, &secret)?;
        let (id, factors) = (factor.id, self.clone());
        let added = ctx.write(move |ctx, tx| async move { factors.add(tx, &ctx, &factor).await }.boxed());
        let (secret, otpauth_uri) = totp::describe(&secret, &self.0.issuer, &added.await?.email)?;
        let code = QrCode::new(&otpauth_uri).map_err(Error::internal)?;
        let qr_svg = code.render::<svg::Color<'_>>().min_dimensions(200, 200).build();
        Ok(Enrolment { id, secret, otpauth_uri, qr_svg })
    }

    /// A factor that counts for nothing yet.
    pub(super) fn unconfirmed(
        &self,
        ctx: &Ctx,
        kind: FactorKind,
        label: Option<String>,
        secret: &[u8],
    ) -> Result<Factor> {
        let id: FactorId = ctx.new_id();
        let secret = self.0.keyring.seal(ctx.random(), SEALED, id.uuid().as_bytes(), secret)?;
        Ok(Factor { id, kind, label, secret, created_at: ctx.now(), confirmed_at: None, last_used_at: None })
    }

    /// Adds a factor in the place of one of its kind that was begun before and not confirmed, and holds the account.
    ///
    /// Errors: 401; 409 `too_many`.
    pub(super) async fn add(&self, tx: &mut Tx<'_>, ctx: &Ctx, factor: &Factor) -> Result<User> {
        let user = self.0.accounts.lock_own(tx, ctx).await?;
        let user_id = user.id;
        store::delete_unconfirmed(tx, user_id, factor.kind).await?;
        let others = store::list(tx, user_id).await?;
        // One place at most that codes of a kind go to: nobody has to say which.
        let is_there = FactorKind::SENT.contains(&factor.kind) && others.iter().any(|other| other.kind == factor.kind);
        if is_there || others.len() >= MOST {
            return Err(Error::new(Code::TooMany));
        }
        store::insert(tx, user_id, factor).await?;
        Ok(user)
    }

    /// Whether `code` confirms the factor `id`. The caller holds the account's lock, and forgets the user's sessions after the commit.
    ///
    /// Errors: 404; 409 `already_confirmed`.
    pub(crate) async fn confirm(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        id: FactorId,
        code: &str,
    ) -> Result<Option<FactorKind>> {
        let user_id = user.id;
        let found = store::list(tx, user_id).await?.into_iter().find(|factor| factor.id == id);
        let factor = found.ok_or_else(|| Error::new(Code::NotFound))?;
        if factor.confirmed_at.is_some() {
            return Err(Error::new(Code::AlreadyConfirmed));
        }
        if !self.takes(tx, ctx, user, &factor, id.uuid(), code).await? {
            return Ok(None);
        }
        // The code came by that address.
        if factor.kind == FactorKind::Email && self.0.accounts.verify_email(tx, ctx, user_id, &user.email).await? {
            audit::record(tx, ctx, Entry::new("email.verified", "user", user_id)).await?;
        }
        self.0.accounts.recount_factors(tx, user_id).await?;
        self.0.notices.tell(tx, ctx, user, Told::FactorAdded(factor.kind.describe())).await?;
        let entry = Entry::new("factor.added", "factor", id).after(json!({"user_id": user_id, "kind": factor.kind}));
        audit::record(tx, ctx, entry).await?;
        Ok(Some(factor.kind))
    }

    /// Removes a factor of the caller. With the last one the backup codes go, too.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 404.
    pub async fn delete(&self, ctx: &Ctx, id: FactorId) -> Result<()> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let factors = self.clone();
        let deleted = ctx.write(move |ctx, tx| {
            async move {
                let user = factors.0.accounts.lock_own(tx, &ctx).await?;
                let found = store::list(tx, user_id).await?.into_iter().find(|factor| factor.id == id);
                let factor = found.ok_or_else(|| Error::new(Code::NotFound))?;
                store::delete(tx, user_id, id).await?;
                if factor.confirmed_at.is_some() {
                    factors.0.notices.tell(tx, &ctx, &user, Told::FactorRemoved(factor.kind.describe())).await?;
                }
                factors.settle(tx, user_id).await?;
                let entry = Entry::new("factor.removed", "factor", id).after(json!({"user_id": user_id}));
                audit::record(tx, &ctx, entry).await
            }
            .boxed()
        });
        deleted.await?;
        self.0.accounts.sessions().forget_user(user_id);
        Ok(())
    }

    /// Notes what is left after a factor was removed, of whichever slice: no device is trusted any more, and with the last one the
    /// backup codes go. Returns whether a factor stands. The caller holds the account's lock, and forgets the user's sessions after the
    /// commit.
    pub(crate) async fn settle(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
        self.0.accounts.recount_factors(tx, user_id).await?;
        self.0.devices.end_trust(tx, user_id).await?;
        let user = self.0.accounts.find(tx, user_id).await?;
        let stands = user.is_some_and(|user| user.has_second_factor);
        if !stands {
            store::delete_codes(tx, user_id).await?;
        }
        Ok(stands)
    }

    /// Ten new backup codes for the caller; those before are good no more.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 409 `no_second_factor`.
    pub async fn create_backup_codes(&self, ctx: &Ctx) -> Result<Vec<String>> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let codes: Vec<String> =
            std::iter::repeat_with(|| backup_codes::new(ctx.random())).take(backup_codes::COUNT).collect();
        let digests: Vec<_> = codes.iter().map(|code| backup_codes::digest(&self.0.backup, user_id, code)).collect();
        let (accounts, notices) = (self.0.accounts.clone(), self.0.notices.clone());
        let made = ctx.write(move |ctx, tx| {
            async move {
                let user = accounts.lock_own(tx, &ctx).await?;
                if !user.has_second_factor {
                    return Err(Error::new(Code::NoSecondFactor));
                }
                store::delete_codes(tx, user_id).await?;
                for digest in &digests {
                    store::insert_code(tx, user_id, digest, ctx.now()).await?;
                }
                notices.tell(tx, &ctx, &user, Told::BackupCodesMade).await?;
                audit::record(tx, &ctx, Entry::new("backup_codes.created", "user", user_id)).await
            }
            .boxed()
        });
        made.await?;
        Ok(codes)
    }

    /// How many of the caller's backup codes are left. Errors: 401.
    pub async fn backup_codes_left(&self, ctx: &Ctx) -> Result<i64> {
        let user_id = ctx.actor.require_login()?.user_id;
        ctx.read(move |_, tx| async move { store::codes_left(tx, user_id).await }.boxed()).await
    }

    /// What an account can be asked for besides its first factor: no SMS where none can be sent.
    pub(crate) async fn kinds(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<Vec<FactorKind>> {
        let mut kinds: Vec<FactorKind> = Vec::new();
        for factor in store::list(tx, user_id).await? {
            let can_be_asked = factor.kind != FactorKind::Sms || self.0.notices.has_sms();
            if factor.confirmed_at.is_some() && can_be_asked && !kinds.contains(&factor.kind) {
                kinds.push(factor.kind);
            }
        }
        if store::has_passkey(tx, user_id).await? {
            kinds.push(FactorKind::Passkey);
        }
        if store::codes_left(tx, user_id).await? > 0 {
            kinds.push(FactorKind::BackupCode);
        }
        Ok(kinds)
    }

    /// Whether `code` proves `kind`, and uses it up. One that was sent is good for `request` alone: the challenge that it answers or
    /// the session that it proves anew. The caller holds the account's lock and commits either way.
    pub(crate) async fn prove(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        kind: FactorKind,
        request: Uuid,
        code: &str,
    ) -> Result<bool> {
        let user_id = user.id;
        if kind == FactorKind::BackupCode {
            let is_right = store::take_code(tx, user_id, &backup_codes::digest(&self.0.backup, user_id, code)).await?;
            if is_right {
                audit::record(tx, ctx, Entry::new("backup_code.used", "user", user_id)).await?;
            }
            return Ok(is_right);
        }
        for factor in store::list(tx, user_id).await? {
            if factor.kind == kind
                && factor.confirmed_at.is_some()
                && self.takes(tx, ctx, user, &factor, request, code).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn takes(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user: &User,
        factor: &Factor,
        request: Uuid,
        code: &str,
    ) -> Result<bool> {
        let Some(to) = self.recipient(factor, user)? else { return self.is_totp(tx, ctx, factor, code).await };
        let is_right = self.0.notices.take_code(tx, ctx, &to, request, code).await?;
        if is_right {
            store::note_use(tx, factor.id, ctx.now()).await?;
        }
        Ok(is_right)
    }

    async fn is_totp(&self, tx: &mut Tx<'_>, ctx: &Ctx, factor: &Factor, code: &str) -> Result<bool> {
        let secret = self.open(factor)?;
        match totp::matching_step(secret.expose(), code, ctx.now())? {
            Some(step) => store::take_step(tx, factor.id, step, ctx.now()).await,
            None => Ok(false),
        }
    }

    pub(super) fn open(&self, factor: &Factor) -> Result<Secret<Vec<u8>>> {
        self.0.keyring.open(SEALED, factor.id.uuid().as_bytes(), &factor.secret)
    }

    pub(super) fn notices(&self) -> &Notices {
        &self.0.notices
    }
}

/// Seals under the current master key what lies under the previous one, before that one is forgotten.
pub async fn rewrap(ctx: &Ctx, keyring: &Keyring) -> Result<()> {
    let mut last = FactorId::from_uuid(Uuid::nil());
    loop {
        let keyring = keyring.clone();
        let chunk = ctx.write(move |ctx, tx| rewrap_chunk(keyring, last, ctx, tx).boxed()).await?;
        let Some(next) = chunk else { return Ok(()) };
        last = next;
    }
}

async fn rewrap_chunk(keyring: Keyring, last: FactorId, ctx: Ctx, tx: &mut Tx<'_>) -> Result<Option<FactorId>> {
    let rows = store::after(tx, last, CHUNK).await?;
    let next = rows.last().map(|(id, _)| *id);
    for (id, sealed) in rows {
        match keyring.renew(ctx.random(), SEALED, id.uuid().as_bytes(), &sealed) {
            Ok(None) => {}
            Ok(Some(renewed)) => store::reseal(tx, id, renewed).await?,
            // It is under a key that is not here any more, and must not keep the server from starting.
            Err(error) => tracing::error!(?error, %id, "a second factor cannot be opened and stays as it is"),
        }
    }
    Ok(next)
}

/// Keeps the factors and the devices of accounts.
pub struct Keeper;

impl AccountKeeper for Keeper {
    fn hide<'t>(&'t self, tx: &'t mut Tx<'_>, _: &'t Ctx, user_id: UserId) -> BoxFuture<'t, Result<()>> {
        async move {
            Devices::forget_all(tx, user_id).await?;
            store::delete_since(tx, user_id, None).await
        }
        .boxed()
    }

    fn is_factor(&self) -> bool {
        true
    }

    fn disown<'t>(&'t self, tx: &'t mut Tx<'_>, id: UserId, since: Option<Timestamp>) -> BoxFuture<'t, Result<()>> {
        store::delete_since(tx, id, since).boxed()
    }
}

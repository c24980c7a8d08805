//! Rules for sessions: who may see and end them, and that what is ended here is forgotten here at once.
use std::{sync::Arc, time::Duration};

use ::store::{Ctx, RequestInfo, Source, Tx};
use futures_util::FutureExt as _;
use kernel::{
    Code, DeviceId, Error, Limit, Method, Page, Permission, Principal, Proof, Result, SessionId, Timestamp, UserId, id,
};
use platform::audit::{self, Entry};
use serde_json::json;

use super::{
    model::{NewSession, Session, SessionView, user_agent},
    rotation::{self, Rotation},
    state::States,
    store::{self, Standing},
};
use crate::{
    cursor::{self, Cursors},
    devices::Devices,
    places::{Place, Travel},
    recent::Changes,
    roles::Roles,
};

/// How long a session that is over is kept, for whoever looks into what happened.
const KEPT: Duration = Duration::from_hours(30 * 24);

/// How long sessions last.
#[derive(Clone, Copy, Debug)]
pub struct Lifetimes {
    /// From the log-in, or from the last refresh.
    pub idle: Duration,
    /// From the log-in, however often it is refreshed.
    pub most: Duration,
}

impl Lifetimes {
    /// When a session ends that was last refreshed at `refreshed_at`.
    pub(super) fn end(self, created_at: Timestamp, refreshed_at: Timestamp) -> Timestamp {
        self.cut(created_at, refreshed_at.plus(self.idle))
    }

    /// The same for one that was to end at `expires_at` when sessions might last longer.
    pub(super) fn cut(self, created_at: Timestamp, expires_at: Timestamp) -> Timestamp {
        created_at.plus(self.most).min(expires_at)
    }

    /// Sessions that began then or before are over.
    pub(super) fn horizon(self, now: Timestamp) -> Timestamp {
        now.minus(self.most)
    }
}

/// The sessions; cheap to clone.
#[derive(Clone)]
pub struct Sessions(Arc<Inner>);

struct Inner {
    lifetimes: Lifetimes,
    states: States,
    cursors: Cursors,
}

impl Sessions {
    /// `changes` hears of what is changed here.
    pub(crate) fn new(lifetimes: Lifetimes, roles: Roles, changes: Changes, cursors: Cursors) -> Self {
        Self(Arc::new(Inner { lifetimes, states: States::new(roles, changes, lifetimes), cursors }))
    }

    /// Removes sessions that have been over for a month at least, and says how many. Safe to stop and to run twice.
    pub(crate) async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        let floor = id::uuid_v7_floor(self.0.lifetimes.horizon(ctx.now()).minus(KEPT));
        ctx.purge(move |_, tx, limit| async move { store::purge(tx, floor, limit).await }.boxed()).await
    }

    /// Begins the session of a log-in that was proven.
    pub(crate) async fn create(&self, tx: &mut Tx<'_>, ctx: &Ctx, new: NewSession) -> Result<Session> {
        let now = ctx.now();
        let session = Session {
            id: ctx.new_id(),
            user_id: new.user_id,
            generation: 0,
            transport: new.transport,
            proofs: new.proofs,
            device_id: Some(new.device_id),
            place: new.place,
            user_agent: user_agent(&ctx.request),
            address: ctx.request.address.map(|address| address.to_string()),
            last_address: None,
            created_at: now,
            last_seen_at: now,
            rotated_at: None,
            expires_at: self.0.lifetimes.end(now, now),
            revoked_at: None,
        };
        store::insert(tx, &session).await?;
        let after = json!({"user_id": session.user_id, "transport": session.transport, "methods": session.methods()});
        let entry = Entry::new("session.created", "session", session.id).after(after);
        audit::record(tx, &ctx.with_actor(session.holder()), entry).await?;
        Ok(session)
    }

    /// Whether an account had a session before, as far as that is remembered.
    pub(crate) async fn had_any(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<bool> {
        store::had_any(tx, user_id).await
    }

    /// Where an account last logged in from, as far as that is known, and when; not longer ago than matters to a [`Travel`].
    pub(crate) async fn last_place(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
    ) -> Result<Option<(Place, Timestamp)>> {
        store::last_place(tx, user_id, id::uuid_v7_floor(ctx.now().minus(Travel::LONGEST))).await
    }

    /// The device a session was begun on.
    pub(crate) async fn device(&self, tx: &mut Tx<'_>, id: SessionId) -> Result<Option<DeviceId>> {
        Ok(store::get(tx, id).await?.and_then(|session| session.device_id))
    }

    /// The caller's session with one more proof, under a new id: what was handed out before for the old one is void, so
    /// that nobody who saw it gains by the proof (CVE-2024-28197). Call [`Sessions::forget`] of the old id after the commit.
    ///
    /// Errors: 401 when the session has ended meanwhile.
    pub(crate) async fn elevate(&self, tx: &mut Tx<'_>, ctx: &Ctx, method: Method) -> Result<Session> {
        let (old_id, now) = (ctx.actor.require_session()?.1, ctx.now());
        let ended = || Error::new(Code::InvalidToken);
        let old = store::get(tx, old_id).await?.map(|session| session.within(self.0.lifetimes));
        let old = old.filter(|session| session.is_live(now)).ok_or_else(ended)?;
        if !store::revoke(tx, old_id, old.user_id, now).await? {
            return Err(ended());
        }
        let mut proofs = old.proofs.clone();
        proofs.retain(|proof| proof.method != method);
        proofs.push(Proof { method, at: now });
        // The first log-in counts for how long it may last: ids tell when they were made, so `created_at` is kept beside.
        let session = Session { id: ctx.new_id(), generation: 0, rotated_at: None, last_seen_at: now, proofs, ..old };
        store::insert(tx, &session).await?;
        let after = json!({"user_id": session.user_id, "from": old_id, "methods": session.methods()});
        let entry = Entry::new("session.elevated", "session", session.id).after(after);
        audit::record(tx, ctx, entry).await?;
        Ok(session)
    }

    /// Takes the refresh token of `generation`. After a [`Rotation::Reused`] is committed, [`Sessions::forget`] it.
    pub(crate) async fn rotate(&self, tx: &mut Tx<'_>, ctx: &Ctx, id: SessionId, generation: i64) -> Result<Rotation> {
        rotation::rotate(tx, ctx, self.0.lifetimes, id, generation).await
    }

    /// Who holds a session, when it stands: at most one second old, and never older than what this process changed.
    /// That `request` uses it is noted.
    pub(crate) async fn principal(
        &self,
        source: &Source,
        id: SessionId,
        user_id: UserId,
        request: &RequestInfo,
    ) -> Result<Option<Principal>> {
        self.0.states.principal(source, id, user_id, request).await
    }

    /// Makes the next request read this session anew. Call it after the commit.
    pub(crate) fn forget(&self, id: SessionId) {
        self.0.states.forget_session(id);
    }

    /// Keeps everyone else who changes an account, or begins something for it, waiting until the transaction ends.
    pub(crate) async fn hold_account(&self, tx: &mut Tx<'_>, user_id: UserId) -> Result<()> {
        tx.lock(&format!("account:{user_id}")).await
    }

    /// Errors: 401 when the caller's session has ended meanwhile. The caller holds the account's lock.
    pub(crate) async fn confirm(&self, tx: &mut Tx<'_>, ctx: &Ctx) -> Result<()> {
        let (_, id) = ctx.actor.require_session()?;
        let now = ctx.now();
        let is_live = |standing: &Standing| self.0.lifetimes.cut(standing.created_at, standing.expires_at) > now;
        let standing = store::standing(tx, id).await?.filter(is_live);
        standing.map(|_| ()).ok_or_else(|| Error::new(Code::InvalidToken))
    }

    /// Makes the next request of each of this user's sessions and keys read it anew. Call it after the commit.
    pub(crate) fn forget_user(&self, user_id: UserId) {
        self.0.states.forget_user(user_id);
    }

    /// Live sessions of `user_id`, newest first. Errors: 401; 403 for those of others; 400 `bad_cursor`.
    pub async fn list(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        limit: Limit,
        after: Option<&str>,
    ) -> Result<Page<SessionView>> {
        require_own_or_managed(ctx, user_id)?;
        let start = self.0.cursors.start("sessions", after)?;
        let (lifetimes, rows) = (self.0.lifetimes, cursor::rows(limit));
        let found = ctx.read(move |ctx, tx| {
            let now = ctx.now();
            async move {
                let sessions = store::list(tx, user_id, now, lifetimes.horizon(now), start, rows).await?;
                Ok((sessions, Devices::trust_of(tx, &ctx, user_id).await?))
            }
            .boxed()
        });
        let current = ctx.actor.principal().and_then(Principal::session);
        let (sessions, trust) = found.await?;
        let views = sessions.into_iter().map(|session| session.within(lifetimes).view(current, &trust)).collect();
        Ok(self.0.cursors.page("sessions", views, limit, |session: &SessionView| session.id.uuid()))
    }

    /// Ends one session of the caller. Errors: 401; 404 when it is not the caller's, or over already.
    pub async fn revoke(&self, ctx: &Ctx, id: SessionId) -> Result<()> {
        let user_id = ctx.actor.require_login()?.user_id;
        let is_revoked = self.end(ctx, id, user_id, "revoked").await?;
        if is_revoked { Ok(()) } else { Err(Error::new(Code::NotFound)) }
    }

    /// Ends a session because its holder leaves. It may be over already.
    pub(crate) async fn log_out(&self, ctx: &Ctx, id: SessionId) -> Result<()> {
        let found = ctx.read(move |_, tx| async move { store::get(tx, id).await }.boxed()).await?;
        if let Some(session) = found {
            self.end(&ctx.with_actor(session.holder()), id, session.user_id, "logout").await?;
        }
        Ok(())
    }

    async fn end(&self, ctx: &Ctx, id: SessionId, user_id: UserId, reason: &'static str) -> Result<bool> {
        let is_revoked = ctx.write(move |ctx, tx| {
            async move {
                let is_revoked = store::revoke(tx, id, user_id, ctx.now()).await?;
                if is_revoked {
                    let after = json!({"user_id": user_id, "reason": reason});
                    audit::record(tx, &ctx, Entry::new("session.revoked", "session", id).after(after)).await?;
                }
                Ok(is_revoked)
            }
            .boxed()
        });
        let is_revoked = is_revoked.await?;
        self.forget(id);
        Ok(is_revoked)
    }

    /// Ends every session of the caller but the one that asks. Errors: 401.
    pub async fn revoke_others(&self, ctx: &Ctx) -> Result<()> {
        let (principal, kept) = ctx.actor.require_session()?;
        let user_id = principal.user_id;
        let revoked =
            ctx.write(move |ctx, tx| async move { revoke_all(tx, &ctx, user_id, Some(kept), "revoked").await }.boxed());
        revoked.await?;
        self.forget_user(user_id);
        Ok(())
    }

    /// Ends every session of a user in the transaction of why. Call [`Sessions::forget_user`] after the commit.
    pub(crate) async fn revoke_all(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        reason: &'static str,
    ) -> Result<()> {
        revoke_all(tx, ctx, user_id, None, reason).await
    }

    /// The same but for the session `kept`.
    pub(crate) async fn revoke_all_but(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        kept: SessionId,
        reason: &'static str,
    ) -> Result<()> {
        revoke_all(tx, ctx, user_id, Some(kept), reason).await
    }
}

/// One row tells of all of them: a person may have more sessions than a transaction should write.
async fn revoke_all(
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    user_id: UserId,
    kept: Option<SessionId>,
    reason: &'static str,
) -> Result<()> {
    let count = store::revoke_all(tx, user_id, kept, ctx.now()).await?;
    if count == 0 {
        return Ok(());
    }
    let after = json!({"count": count, "kept": kept, "reason": reason});
    audit::record(tx, ctx, Entry::new("session.revoked", "user", user_id).after(after)).await
}

fn require_own_or_managed(ctx: &Ctx, user_id: UserId) -> Result<()> {
    if ctx.actor.user_id() == Some(user_id) { Ok(()) } else { ctx.actor.require(Permission::ManageSessions) }
}

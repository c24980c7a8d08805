//! Rules for log-ins: strangers learn nothing from an answer or from how long it takes, and half a log-in is none.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Result, Secret, SessionId, UserId, Uuid, Value};
use platform::{
    audit::{self, Entry},
    secrets::MacKey,
    single_use::SingleUse,
};

use super::{
    arrival,
    challenge::Begun,
    cookies::CookieNames,
    model::{Grant, OnSuspicion, Outcome, Registration},
    store,
};
use crate::{
    accounts::{Accounts, Credentials, Identifier, User},
    devices::Devices,
    factors::Factors,
    guard::{Guard, Subject, Try},
    notices::Notices,
    places::Places,
    sessions::{Rotation, Session, Transport},
    tokens::Tokens,
};

/// A right password may be tried so often against a hash that changes meanwhile: a log-in at the same moment renews it.
const TRIES: usize = 3;
/// Stands for nobody where somebody costs a look at the devices.
const NOBODY: UserId = UserId::from_uuid(Uuid::nil());
/// Rows that failures by unknown names may take.
const BUCKETS: u8 = 64;

/// The log-ins; cheap to clone.
#[derive(Clone)]
pub struct Logins(Arc<Parts>);

/// What log-ins are made of.
pub(crate) struct Parts {
    pub accounts: Accounts,
    pub tokens: Tokens,
    pub cookies: CookieNames,
    pub registration: Registration,
    pub factors: Factors,
    pub devices: Devices,
    pub guard: Guard,
    pub single_use: SingleUse,
    pub notices: Notices,
    pub places: Places,
    pub on_suspicion: OnSuspicion,
    /// Signs the names that failed log-ins are counted under.
    pub buckets: MacKey,
}

impl Logins {
    pub(crate) fn new(parts: Parts) -> Self {
        arrival::describe_metrics();
        Self(Arc::new(parts))
    }

    /// Errors: 401 `invalid_credentials`, the same for every reason; 429 after too many tries; 503.
    pub(super) async fn log_in(
        &self,
        ctx: &Ctx,
        identifier: Identifier,
        password: Secret<String>,
        transport: Transport,
    ) -> Result<Outcome> {
        // In a storm what cannot be hashed costs the database nothing.
        self.accounts().passwords().check_room()?;
        let found = self.accounts().credentials(ctx, identifier.clone()).await?;
        let counted = self.admit(ctx, found.as_ref().map(|found| found.user_id), &identifier).await?;
        let tried = self.try_password(ctx, identifier, found, password, transport).await;
        let (counted, begun) = counted.judge(tried)?;
        let begun = begun.ok_or_else(|| Error::new(Code::InvalidCredentials))?;
        counted.succeeded();
        self.outcome(ctx, begun)
    }

    /// Begins the session if the password is the one of the account that was found; notes the failure if not.
    async fn try_password(
        &self,
        ctx: &Ctx,
        identifier: Identifier,
        mut found: Option<Credentials>,
        password: Secret<String>,
        transport: Transport,
    ) -> Result<Option<Begun>> {
        let mut failed = None;
        for _ in 0..TRIES {
            let (user_id, hash) = found.map_or((None, None), |found| (Some(found.user_id), found.password_hash));
            failed = user_id;
            let passwords = self.accounts().passwords();
            let tried = passwords.verify_and_renew(ctx.random(), password.clone(), hash.as_deref()).await?;
            let (true, Some(user_id), Some(hash)) = (tried.is_right, user_id, hash) else { break };
            let begun = self.begin_with_password(ctx, user_id, hash, tried.renewed, transport).await?;
            if begun.is_some() {
                return Ok(begun);
            }
            found = self.accounts().credentials(ctx, identifier.clone()).await?;
        }
        self.note_failure(ctx, failed, &identifier, self.bucket(&identifier)).await?;
        Ok(None)
    }

    /// Begins the session, unless the account changed while its password was tried, and stores the hash made anew.
    async fn begin_with_password(
        &self,
        ctx: &Ctx,
        user_id: UserId,
        hash: String,
        renewed: Option<String>,
        transport: Transport,
    ) -> Result<Option<Begun>> {
        let logins = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                let Some(user) = logins.accounts().confirm(tx, user_id, &hash).await? else { return Ok(None) };
                if let Some(renewed) = renewed {
                    logins.accounts().renew_hash(tx, &ctx, user_id, &hash, &renewed).await?;
                }
                logins.begin(tx, &ctx, user, Method::Password, transport).await.map(Some)
            }
            .boxed()
        })
        .await
    }

    /// Counts a try of a password, for an account as for a name that nobody has.
    async fn admit(&self, ctx: &Ctx, user_id: Option<UserId>, identifier: &Identifier) -> Result<Try> {
        let device = self.subject(ctx, user_id.unwrap_or(NOBODY)).await?;
        let (Identifier::Email(name) | Identifier::Username(name)) = identifier;
        let subject = if user_id.is_some() { device } else { Subject::Name(name) };
        self.guard().admit(subject, ctx.now())
    }

    /// Whose tries are counted when somebody tries to be `user_id`.
    pub(crate) async fn subject(&self, ctx: &Ctx, user_id: UserId) -> Result<Subject<'static>> {
        if ctx.request.device.is_none() {
            return Ok(Subject::Account(user_id));
        }
        let devices = self.devices().clone();
        let known = ctx.read(move |ctx, tx| async move { devices.known(tx, &ctx, user_id).await }.boxed()).await?;
        Ok(known.map_or(Subject::Account(user_id), Subject::Device))
    }

    /// One small write either way, so that the time of an answer does not tell whether there is an account: an audit
    /// row where there is one, a counter where there is none.
    async fn note_failure(
        &self,
        ctx: &Ctx,
        user_id: Option<UserId>,
        identifier: &Identifier,
        bucket: i64,
    ) -> Result<()> {
        tracing::warn!(target: "security", event = "login_failed", address = address(ctx), request_id = ctx.request.id,
            "a log-in failed");
        let (Identifier::Email(name) | Identifier::Username(name)) = identifier;
        let subject = user_id.map_or(Subject::Name(name), Subject::Account);
        let is_stuffing = self.guard().is_stuffing(subject, ctx.request.address);
        if is_stuffing {
            tracing::warn!(target: "security", event = "credential_stuffing", address = address(ctx),
                request_id = ctx.request.id, "log-ins to many accounts failed from one network");
        }
        ctx.write(move |ctx, tx| {
            async move {
                if is_stuffing {
                    audit::record(tx, &ctx, Entry::new("threat.credential_stuffing", "network", Value::Null)).await?;
                }
                match user_id {
                    Some(id) => audit::record(tx, &ctx, Entry::new("login.failed", "user", id)).await,
                    None => store::count_failure(tx, bucket, ctx.now()).await,
                }
            }
            .boxed()
        })
        .await
    }

    fn bucket(&self, identifier: &Identifier) -> i64 {
        let (Identifier::Email(name) | Identifier::Username(name)) = identifier;
        let [first, ..] = self.0.buckets.sign(name.to_ascii_lowercase().as_bytes());
        i64::from(first % BUCKETS)
    }

    /// Takes a refresh token. Errors: 401 `invalid_token`, and `refresh_reused` after its session was ended; 503.
    pub(super) async fn refresh(&self, ctx: &Ctx, token: &str) -> Result<Grant> {
        let refused = || Error::new(Code::InvalidToken);
        let (id, generation) = self.tokens().read_refresh(token).ok_or_else(refused)?;
        let accounts = self.accounts().clone();
        let rotation = ctx.write(move |ctx, tx| {
            async move {
                let rotation = accounts.sessions().rotate(tx, &ctx, id, generation).await?;
                let user = match &rotation {
                    Rotation::Successor(session) => accounts.find(tx, session.user_id).await?,
                    Rotation::Reused(_) | Rotation::Refused => None,
                };
                // Returned, not failed with: what was revoked is to be committed.
                Ok((rotation, user))
            }
            .boxed()
        });
        match rotation.await? {
            (Rotation::Successor(session), Some(user)) if user.is_active() => self.grant(ctx, user, session),
            (Rotation::Reused(session), _) => {
                self.accounts().sessions().forget(session.id);
                tracing::warn!(target: "security", event = "refresh_reused", address = address(ctx),
                    request_id = ctx.request.id, session = %session.id, "a refresh token was used again");
                Err(Error::new(Code::RefreshReused))
            }
            _ => Err(refused()),
        }
    }

    /// Ends a session, if it is not over already.
    pub(super) async fn log_out(&self, ctx: &Ctx, id: SessionId) -> Result<()> {
        self.accounts().sessions().log_out(ctx, id).await
    }

    pub(crate) fn grant(&self, ctx: &Ctx, user: User, session: Session) -> Result<Grant> {
        let tokens = self.tokens();
        let (access_token, expires_in) = tokens.issue_access(&session, ctx.now())?;
        Ok(Grant {
            access_token,
            refresh_token: tokens.issue_refresh(&session),
            expires_in,
            device_token: None,
            user,
            session,
        })
    }

    pub(crate) fn notices(&self) -> &Notices {
        &self.0.notices
    }

    pub(crate) fn accounts(&self) -> &Accounts {
        &self.0.accounts
    }

    pub(super) fn tokens(&self) -> &Tokens {
        &self.0.tokens
    }

    pub(crate) fn cookies(&self) -> &CookieNames {
        &self.0.cookies
    }

    pub(crate) fn factors(&self) -> &Factors {
        &self.0.factors
    }

    pub(crate) fn devices(&self) -> &Devices {
        &self.0.devices
    }

    pub(crate) fn guard(&self) -> &Guard {
        &self.0.guard
    }

    pub(crate) fn single_use(&self) -> &SingleUse {
        &self.0.single_use
    }

    pub(super) fn places(&self) -> &Places {
        &self.0.places
    }

    pub(super) fn on_suspicion(&self) -> OnSuspicion {
        self.0.on_suspicion
    }

    pub(crate) fn registration(&self) -> Registration {
        self.0.registration
    }
}

pub(super) fn address(ctx: &Ctx) -> String {
    ctx.request.address.map(|address| address.to_string()).unwrap_or_default()
}

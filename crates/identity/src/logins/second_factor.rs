//! Giving a second factor: to complete a log-in, to confirm the factor itself, or to prove oneself anew.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, FactorId, Method, Proof, Result, Secret};
use platform::{
    audit::{self, Entry},
    single_use::{Purpose, Ticket},
};
use serde_json::json;

use super::{arrival::Arrival, challenge::Half, model::Grant, service::Logins};
use crate::{
    accounts::User,
    devices::Seen,
    factors::FactorKind,
    notices::{Recipient, mailbox},
    sessions::Session,
};

/// What a code came to. Returned from the transaction, not failed with: what was counted is to be committed.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
enum Verdict {
    /// With the token of a device that was not known before.
    Right(User, Session, Option<String>),
    Wrong,
    /// The challenge is none, or no more.
    Over,
}

/// What is given to prove oneself anew.
pub(super) enum StepUpFactor {
    Password(Secret<String>),
    Code(FactorKind, String),
}

impl Logins {
    /// Completes a log-in. With `trusts` the device needs no second factor for thirty days.
    ///
    /// Errors: 401 `invalid_token` for a challenge that is over, `invalid_code`; 429 after too many tries; 503.
    pub(super) async fn verify(
        &self,
        ctx: &Ctx,
        ticket: Ticket,
        kind: FactorKind,
        code: String,
        trusts: bool,
    ) -> Result<Grant> {
        let half = self.half_of(ctx, &ticket).await?;
        let user_id = half.and_then(|half| half.user_id()).ok_or_else(|| Error::new(Code::InvalidToken))?;
        let counted = self.guard().admit(self.subject(ctx, user_id).await?, ctx.now())?;
        let logins = self.clone();
        let verdict = ctx.write(move |ctx, tx| {
            async move { logins.answer_challenge(tx, &ctx, &ticket, kind, &code, trusts).await }.boxed()
        });
        let (counted, verdict) = counted.judge(verdict.await)?;
        if matches!(verdict, Verdict::Right(..)) {
            counted.succeeded();
        }
        self.granted(ctx, verdict)
    }

    /// The log-in that is not complete, if it is alive.
    pub(crate) async fn half_of(&self, ctx: &Ctx, ticket: &Ticket) -> Result<Option<Half>> {
        let (logins, ticket) = (self.clone(), ticket.clone());
        ctx.read(move |ctx, tx| async move { logins.half(tx, &ctx, &ticket).await }.boxed()).await
    }

    async fn answer_challenge(
        &self,
        tx: &mut ::store::Tx<'_>,
        ctx: &Ctx,
        ticket: &Ticket,
        kind: FactorKind,
        code: &str,
        trusts: bool,
    ) -> Result<Verdict> {
        // The account first, as everyone who ends challenges does.
        let Some(half) = self.half(tx, ctx, ticket).await? else { return Ok(Verdict::Over) };
        let Some(user_id) = half.user_id() else { return Ok(Verdict::Over) };
        let user = self.accounts().lock(tx, user_id).await?.filter(User::is_active);
        let Some(user) = user else { return Ok(Verdict::Over) };
        if self.single_use().attempt(tx, ctx, Purpose::MFA, ticket).await?.is_none() {
            return Ok(Verdict::Over);
        }
        if !self.proves(tx, ctx, &user, &half, ticket, kind, code).await? {
            self.note_wrong_code(tx, ctx, user_id, kind).await?;
            return Ok(Verdict::Wrong);
        }
        let arrived = self.complete(tx, ctx, &user, ticket, &half, kind.method(), trusts).await?;
        Ok(arrived.map_or(Verdict::Over, |(session, seen)| Verdict::Right(user, session, seen.token)))
    }

    #[allow(clippy::too_many_arguments, reason = "a log-in has so many parts")]
    async fn proves(
        &self,
        tx: &mut ::store::Tx<'_>,
        ctx: &Ctx,
        user: &User,
        half: &Half,
        ticket: &Ticket,
        kind: FactorKind,
        code: &str,
    ) -> Result<bool> {
        match kind {
            _ if !half.admits(kind) => Ok(false),
            FactorKind::Email if half.by_mail => {
                let to = Recipient::Mailbox(mailbox(user)?);
                self.notices().take_code(tx, ctx, &to, ticket.subject, code).await
            }
            _ => self.factors().prove(tx, ctx, user, kind, ticket.subject, code).await,
        }
    }

    /// Begins the session of a challenge whose second factor was proven. The caller holds the account's lock and has counted the try.
    #[allow(clippy::too_many_arguments, reason = "a log-in has so many parts")]
    pub(crate) async fn complete(
        &self,
        tx: &mut ::store::Tx<'_>,
        ctx: &Ctx,
        user: &User,
        ticket: &Ticket,
        half: &Half,
        method: Method,
        trusts: bool,
    ) -> Result<Option<(Session, Seen)>> {
        let Some(first) = half.proof() else { return Ok(None) };
        self.single_use().end(tx, Purpose::MFA, ticket.subject).await?;
        let mut proofs = vec![first];
        // Asked for because something was odd, it makes a log-in no stronger than others of the account, and trusts nothing.
        let (is_factor, trusts) = (!half.by_mail, trusts && !half.by_mail);
        if is_factor {
            proofs.push(Proof { method, at: ctx.now() });
        }
        self.arrive(tx, ctx, user, Arrival { transport: half.transport, proofs, trusts }).await.map(Some)
    }

    /// Confirms a factor by its first code, which proves it in this session, too.
    ///
    /// Errors: 401, `invalid_code`; 404; 409 `already_confirmed`; 503.
    pub(super) async fn confirm_factor(&self, ctx: &Ctx, id: FactorId, code: String) -> Result<Grant> {
        let principal = ctx.actor.require_fresh(ctx.now(), kernel::StepUp::FRESH)?;
        let (user_id, (_, old)) = (principal.user_id, ctx.actor.require_session()?);
        let counted = self.guard().admit(self.subject(ctx, user_id).await?, ctx.now())?;
        let logins = self.clone();
        let verdict = ctx.write(move |ctx, tx| {
            async move {
                let user = logins.accounts().lock(tx, user_id).await?;
                let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
                let Some(kind) = logins.factors().confirm(tx, &ctx, &user, id, &code).await? else {
                    return Ok(Verdict::Wrong);
                };
                let session = logins.accounts().sessions().elevate(tx, &ctx, kind.method()).await?;
                // As it is now: with a factor more, and perhaps a proven address.
                let user = logins.accounts().find(tx, user_id).await?;
                let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
                Ok(Verdict::Right(user, session, None))
            }
            .boxed()
        });
        let (counted, verdict) = counted.judge(verdict.await)?;
        self.accounts().sessions().forget(old);
        self.accounts().sessions().forget_user(user_id);
        if matches!(verdict, Verdict::Right(..)) {
            counted.succeeded();
        }
        self.granted(ctx, verdict)
    }

    /// Proves the caller anew; the session goes on under another id.
    ///
    /// Errors: 401, `invalid_credentials` or `invalid_code`; 503.
    pub(super) async fn step_up(&self, ctx: &Ctx, factor: StepUpFactor) -> Result<Grant> {
        let principal = ctx.actor.require_login()?;
        let (user_id, (_, old)) = (principal.user_id, ctx.actor.require_session()?);
        let counted = self.guard().admit(self.subject(ctx, user_id).await?, ctx.now())?;
        let wrong = match factor {
            StepUpFactor::Password(_) => Code::InvalidCredentials,
            StepUpFactor::Code(..) => Code::InvalidCode,
        };
        let hash = match &factor {
            StepUpFactor::Password(password) => self.accounts().try_password(ctx, user_id, password.clone()).await,
            StepUpFactor::Code(..) => Ok(None),
        };
        let (counted, hash) = counted.judge(hash)?;
        let logins = self.clone();
        let verdict = ctx.write(move |ctx, tx| {
            async move {
                let user = logins.accounts().lock(tx, user_id).await?.filter(User::is_active);
                let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
                let (is_right, method) = match (&factor, hash) {
                    (StepUpFactor::Password(_), Some(hash)) => {
                        (logins.accounts().confirm(tx, user_id, &hash).await?.is_some(), Method::Password)
                    }
                    (StepUpFactor::Password(_), None) => (false, Method::Password),
                    (StepUpFactor::Code(kind, code), _) => {
                        (logins.factors().prove(tx, &ctx, &user, *kind, old.uuid(), code).await?, kind.method())
                    }
                };
                if !is_right {
                    audit::record(tx, &ctx, Entry::new("step_up.failed", "user", user_id)).await?;
                    return Ok(Verdict::Wrong);
                }
                let session = logins.accounts().sessions().elevate(tx, &ctx, method).await?;
                Ok(Verdict::Right(user, session, None))
            }
            .boxed()
        });
        let (counted, verdict) = counted.judge(verdict.await)?;
        self.accounts().sessions().forget(old);
        match verdict {
            Verdict::Wrong => Err(Error::new(wrong)),
            verdict => {
                counted.succeeded();
                self.granted(ctx, verdict)
            }
        }
    }

    fn granted(&self, ctx: &Ctx, verdict: Verdict) -> Result<Grant> {
        match verdict {
            Verdict::Right(user, session, device_token) => {
                Ok(Grant { device_token, ..self.grant(ctx, user, session)? })
            }
            Verdict::Wrong => Err(Error::new(Code::InvalidCode)),
            Verdict::Over => Err(Error::new(Code::InvalidToken)),
        }
    }

    async fn note_wrong_code(
        &self,
        tx: &mut ::store::Tx<'_>,
        ctx: &Ctx,
        user_id: kernel::UserId,
        kind: FactorKind,
    ) -> Result<()> {
        let entry = Entry::new("second_factor.failed", "user", user_id).after(json!({"kind": kind}));
        audit::record(tx, ctx, entry).await
    }
}

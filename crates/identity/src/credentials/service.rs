//! What the changes of credentials have in common: links are taken once, and what was handed out before ends.
use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, Secret, UserId};
use platform::single_use::{Purpose, SingleUse, Ticket};
use serde_json::Value as Json;

use crate::{
    accounts::{Accounts, User},
    devices::Devices,
    logins::Logins,
    notices::{Notices, read},
    passwords::Assurance,
};

/// Changes of addresses and passwords; cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    logins: Logins,
}

impl Credentials {
    pub(crate) const fn new(logins: Logins) -> Self {
        Self { logins }
    }

    /// What a link was issued with, if it is alive; it stays so.
    pub(super) async fn peek(&self, ctx: &Ctx, purpose: Purpose, ticket: &Ticket) -> Result<Option<Json>> {
        let (single_use, ticket) = (self.single_use().clone(), ticket.clone());
        let found = ctx.read(move |ctx, tx| async move { single_use.find(tx, &ctx, purpose, &ticket).await }.boxed());
        found.await?.map(|payload| read(&payload)).transpose()
    }

    /// Uses a link up, and gives what it was issued with and the account it is about, held. The account comes first, as wherever links
    /// end. None when the link or the account is over: commit that, too.
    pub(super) async fn take(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        purpose: Purpose,
        ticket: &Ticket,
    ) -> Result<Option<(Json, User)>> {
        let Some(payload) = self.single_use().find(tx, ctx, purpose, ticket).await? else { return Ok(None) };
        let Some(user_id) = user_id(&read(&payload)?) else { return Ok(None) };
        // A link that outlasts a suspension is not used up by it.
        let Some(user) = self.accounts().lock(tx, user_id).await?.filter(User::is_active) else { return Ok(None) };
        let taken = self.single_use().consume(tx, ctx, purpose, ticket.subject, ticket.secret.expose()).await?;
        let Some(payload) = taken else { return Ok(None) };
        Ok(Some((read(&payload)?, user)))
    }

    /// Ends every session and API key of an account and everything that was sent out for it, and forgets its devices. Call [`Self::forget`] after the commit.
    pub(super) async fn end_everything(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        reason: &'static str,
    ) -> Result<()> {
        self.accounts().sessions().revoke_all(tx, ctx, user_id, reason).await?;
        Devices::forget_all(tx, user_id).await?;
        self.end_handed_out(tx, ctx, user_id, reason).await
    }

    /// Ends the API keys of an account and what was sent out for it.
    pub(super) async fn end_handed_out(
        &self,
        tx: &mut Tx<'_>,
        ctx: &Ctx,
        user_id: UserId,
        reason: &'static str,
    ) -> Result<()> {
        self.accounts().api_keys().revoke_all(tx, ctx, user_id, reason).await?;
        self.single_use().end_all_of(tx, user_id).await
    }

    pub(super) fn forget(&self, user_id: UserId) {
        self.accounts().sessions().forget_user(user_id);
    }

    /// Hashes a new password for an account. Errors: 422 naming `field`; 503.
    pub(super) async fn hash(&self, ctx: &Ctx, user: &User, field: &str, password: Secret<String>) -> Result<String> {
        let assurance = if user.has_second_factor { Assurance::SecondFactor } else { Assurance::PasswordAlone };
        let context = [Some(user.email.as_str()), user.username.as_deref(), user.name.as_deref()];
        let context: Vec<&str> = context.into_iter().flatten().collect();
        let passwords = self.accounts().passwords();
        let wrong = passwords.check(&password, assurance, &context).await?;
        let wrong: Vec<_> = wrong.into_iter().map(|error| FieldError { field: field.to_owned(), ..error }).collect();
        if wrong.is_empty() { passwords.hash(ctx.random(), password).await } else { Err(Error::invalid(wrong)) }
    }

    pub(super) fn devices(&self) -> &Devices {
        self.logins.devices()
    }

    pub(super) fn logins(&self) -> &Logins {
        &self.logins
    }

    pub(super) fn notices(&self) -> &Notices {
        self.logins.notices()
    }

    pub(super) fn accounts(&self) -> &Accounts {
        self.logins.accounts()
    }

    pub(super) fn single_use(&self) -> &SingleUse {
        self.logins.single_use()
    }
}

/// The ticket a link carries. Errors: 401 `invalid_token`.
pub(super) fn ticket(token: &str) -> Result<Ticket> {
    Ticket::parse(token).ok_or_else(over)
}

/// A link that is none, or no more.
pub(super) fn over() -> Error {
    Error::new(Code::InvalidToken)
}

/// The account a link is about.
pub(super) fn user_id(payload: &Json) -> Option<UserId> {
    payload["user_id"].as_str().and_then(UserId::parse)
}

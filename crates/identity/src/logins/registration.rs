//! Registering: an account and its first session in one transaction, or nothing until a mailed link is followed.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Result};
use platform::{
    notifications::{Mailbox, Notifications, Template},
    single_use::{Purpose, Ticket},
};
use serde::{Deserialize, Serialize};

use super::{
    model::{Grant, Outcome, Registered, Registration},
    service::Logins,
};
use crate::{
    accounts::{NewAccount, Prepared},
    notices::{Letter, Page, mailbox},
    sessions::Transport,
};

/// How often an account was asked for with an address, whether a mail went there or not.
const ASKED: &str = "register_asked";

/// An account that somebody asked for, as its link keeps it.
#[derive(Serialize, Deserialize)]
struct Pending {
    email: String,
    username: Option<String>,
    name: Option<String>,
    password_hash: String,
}

impl Logins {
    /// Creates an account for whoever asks, and logs them in; or mails a link that creates it.
    ///
    /// Errors: 403 `registration_closed`; 409 `email_taken` and `username_taken`, where the answer is at once; 422; 503.
    pub(super) async fn register(&self, ctx: &Ctx, new: NewAccount, transport: Transport) -> Result<Registered> {
        match self.registration() {
            Registration::Open => self.register_now(ctx, new, transport).await.map(Registered::Granted),
            Registration::VerifyFirst => self.register_by_mail(ctx, new).await.map(|()| Registered::Mailed),
            Registration::Invite | Registration::Closed => Err(Error::new(Code::RegistrationClosed)),
        }
    }

    async fn register_now(&self, ctx: &Ctx, new: NewAccount, transport: Transport) -> Result<Grant> {
        let password_hash = self.accounts().prepare(ctx, &new).await?;
        let logins = self.clone();
        let created = ctx.write(move |ctx, tx| {
            async move {
                let user = logins.accounts().insert(tx, &ctx, &Prepared::of(&new, &password_hash)).await?;
                let notices = logins.notices();
                if notices.may_send(tx, &ctx, Purpose::VERIFY_EMAIL.name, &user.email).await? {
                    notices.ask_to_verify(tx, &ctx, &user).await?;
                }
                logins.begin(tx, &ctx, user, Method::Password, transport).await
            }
            .boxed()
        });
        match self.outcome(ctx, created.await?)? {
            Outcome::Granted(grant) => Ok(grant),
            Outcome::Challenged(_) => Err(Error::internal("an account that was just created has a second factor")),
        }
    }

    /// Mails the link, or that there is an account already. The same work either way, and for a user name that somebody has: whoever
    /// asks learns nothing of either.
    async fn register_by_mail(&self, ctx: &Ctx, new: NewAccount) -> Result<()> {
        let to = Mailbox::new(None, &new.email)?;
        let password_hash = self.accounts().prepare(ctx, &new).await?;
        let logins = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                let notices = logins.notices();
                notices.count_asked(tx, &ctx, ASKED, &new.email).await?;
                if !notices.may_send(tx, &ctx, Purpose::REGISTER.name, &new.email).await? {
                    return Ok(());
                }
                let owner = logins.accounts().by_email(tx, &new.email).await?;
                let exists_to = owner.as_ref().map_or_else(|| Ok(to.clone()), mailbox)?;
                notices.tell_account_exists(tx, &ctx, exists_to, owner.is_none()).await?;
                let NewAccount { email, username, name, .. } = new;
                let subject = notices.subject(Purpose::REGISTER.name, &email);
                // What a stranger calls their device is not for somebody else's mailbox.
                let mut values = Notifications::event(&ctx);
                values["device"] = serde_json::Value::Null;
                let pending = Pending { email, username, name, password_hash };
                let letter = Letter {
                    to,
                    template: Template::Register,
                    page: Page::Verify,
                    purpose: Purpose::REGISTER,
                    subject,
                    user_id: None,
                    payload: &serde_json::to_vec(&pending).map_err(Error::internal)?,
                    values,
                    is_pretence: owner.is_some(),
                };
                notices.send(tx, &ctx, letter).await
            }
            .boxed()
        })
        .await
    }

    /// Creates the account that a mailed link was asked for, its address proven. A user name that somebody took meanwhile, or had, is
    /// left out. Returns whether the link was one.
    ///
    /// Errors: 409 `email_taken`, where somebody else was faster; 503.
    pub(crate) async fn finish_registration(&self, ctx: &Ctx, ticket: Ticket) -> Result<bool> {
        if self.registration() != Registration::VerifyFirst {
            return Ok(false);
        }
        let logins = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                let secret = ticket.secret.expose();
                let taken = logins.single_use().consume(tx, &ctx, Purpose::REGISTER, ticket.subject, secret).await?;
                let Some(payload) = taken else { return Ok(false) };
                let pending: Pending = serde_json::from_slice(payload.expose()).map_err(Error::internal)?;
                // Somebody else may have asked for the same address: then nobody's password counts, and its owner sets one.
                let is_contested = logins.notices().asked(tx, ASKED, &pending.email).await? > 1;
                let mut username = pending.username.as_deref();
                if let Some(wanted) = username
                    && logins.accounts().has_username(tx, wanted).await?
                {
                    username = None;
                }
                let new = Prepared {
                    email: &pending.email,
                    username,
                    name: pending.name.as_deref(),
                    password_hash: Some(pending.password_hash.as_str()).filter(|_| !is_contested),
                    is_email_proven: true,
                };
                let user = logins.accounts().insert(tx, &ctx, &new).await?;
                if is_contested {
                    logins.notices().send_reset(tx, &ctx, mailbox(&user)?, &user.email, Some(&user)).await?;
                }
                Ok(true)
            }
            .boxed()
        })
        .await
    }
}

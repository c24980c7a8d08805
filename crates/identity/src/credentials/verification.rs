//! Proving that an address is one's own: by the link that was mailed there.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::Result;
use platform::{
    audit::{self, Entry},
    notifications::{Mailbox, Template},
    single_use::{Purpose, Ticket},
};
use serde_json::json;

use super::service::{Credentials, over, ticket};
use crate::notices::{Letter, Page};

impl Credentials {
    /// Takes the link of a mail that asked for it, whether the address is the account's or is to be, or the account is.
    ///
    /// Errors: 401 `invalid_token`; 409 `email_taken`; 503.
    pub(super) async fn verify(&self, ctx: &Ctx, token: &str) -> Result<()> {
        let ticket = ticket(token)?;
        if self.peek(ctx, Purpose::CHANGE_EMAIL, &ticket).await?.is_some() {
            return self.confirm_change(ctx, ticket).await;
        }
        if self.peek(ctx, Purpose::REGISTER, &ticket).await?.is_some() {
            let is_made = self.logins().finish_registration(ctx, ticket).await?;
            return if is_made { Ok(()) } else { Err(over()) };
        }
        self.verify_own(ctx, ticket).await
    }

    async fn verify_own(&self, ctx: &Ctx, ticket: Ticket) -> Result<()> {
        let credentials = self.clone();
        let is_taken = ctx.write(move |ctx, tx| {
            async move {
                let taken = credentials.take(tx, &ctx, Purpose::VERIFY_EMAIL, &ticket).await?;
                let Some((payload, user)) = taken else { return Ok(false) };
                let email = payload["email"].as_str().unwrap_or_default();
                if credentials.accounts().verify_email(tx, &ctx, user.id, email).await? {
                    audit::record(tx, &ctx, Entry::new("email.verified", "user", user.id)).await?;
                }
                Ok(true)
            }
            .boxed()
        });
        if is_taken.await? { Ok(()) } else { Err(over()) }
    }

    /// Mails the link again, where there is an account with this address that is not verified. The answer is always the same.
    ///
    /// Errors: 422; 503.
    pub(super) async fn resend(&self, ctx: &Ctx, email: String) -> Result<()> {
        let to = Mailbox::new(None, &email)?;
        let credentials = self.clone();
        ctx.write(move |ctx, tx| {
            async move {
                let notices = credentials.notices();
                if !notices.may_send(tx, &ctx, Purpose::VERIFY_EMAIL.name, &email).await? {
                    return Ok(());
                }
                let user = credentials.accounts().active_by_email(tx, &email).await?;
                if let Some(user) = user.filter(|user| !user.email_verified) {
                    return notices.ask_to_verify(tx, &ctx, &user).await;
                }
                let letter = Letter {
                    to,
                    template: Template::VerifyEmail,
                    page: Page::Verify,
                    purpose: Purpose::VERIFY_EMAIL,
                    subject: notices.subject(Purpose::VERIFY_EMAIL.name, &email),
                    user_id: None,
                    payload: b"{}",
                    values: json!({}),
                    is_pretence: true,
                };
                notices.send(tx, &ctx, letter).await
            }
            .boxed()
        })
        .await
    }
}

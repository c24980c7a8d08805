//! Changing one's address: the new one confirms it, the old one is told and can undo it.
use std::time::Duration;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Result, StepUp, Timestamp};
use platform::{
    audit::{self, Entry},
    notifications::{Mailbox, Template},
    single_use::{Purpose, Ticket},
};
use serde_json::json;

use super::service::{Credentials, over, ticket};
use crate::{
    accounts::User,
    notices::{Letter, Page, mailbox},
};

/// What was added so long before a change of the address that is undone goes with it.
const BEFORE_CHANGE: Duration = Duration::from_hours(24);

impl Credentials {
    /// Mails a link to the new address, which becomes the account's when it is followed. Where another account has it, its owner is told
    /// and the caller is not.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 422; 429; 503.
    pub(super) async fn begin_change(&self, ctx: &Ctx, email: String) -> Result<()> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let to = Mailbox::new(None, &email)?;
        let credentials = self.clone();
        let asked = ctx.write(move |ctx, tx| {
            async move {
                let user = credentials.accounts().lock_own(tx, &ctx).await?;
                let notices = credentials.notices();
                notices.admit(tx, &ctx, Purpose::CHANGE_EMAIL.name, &user_id.to_string()).await?;
                // Many accounts together cannot flood an address either; who asks is not told what others asked.
                if !notices.may_send(tx, &ctx, Purpose::CHANGE_EMAIL.name, &email).await? {
                    return Ok(());
                }
                let is_taken = credentials.accounts().is_taken(tx, &ctx, &email, user_id).await?;
                let values = json!({"new_email": email});
                let payload = json!({"user_id": user_id, "from": user.email, "to": email}).to_string();
                let letter = Letter {
                    to: to.clone(),
                    template: Template::EmailChangeNew,
                    page: Page::Verify,
                    purpose: Purpose::CHANGE_EMAIL,
                    subject: user_id.uuid(),
                    user_id: Some(user_id),
                    payload: payload.as_bytes(),
                    values,
                    is_pretence: is_taken,
                };
                notices.send(tx, &ctx, letter).await?;
                notices.tell_account_exists(tx, &ctx, to, !is_taken).await?;
                audit::record(tx, &ctx, Entry::new("email.change_requested", "user", user_id)).await
            }
            .boxed()
        });
        asked.await
    }

    /// Makes the new address the account's.
    pub(super) async fn confirm_change(&self, ctx: &Ctx, ticket: Ticket) -> Result<()> {
        let credentials = self.clone();
        let changed = ctx.write(move |ctx, tx| {
            async move {
                let taken = credentials.take(tx, &ctx, Purpose::CHANGE_EMAIL, &ticket).await?;
                let Some((payload, user)) = taken else { return Ok(None) };
                let (from, to) = (payload["from"].as_str().unwrap_or_default(), payload["to"].as_str());
                let (true, Some(to)) = (user.email == from, to) else { return Ok(None) };
                credentials.accounts().change_email(tx, &ctx, user.id, to).await?;
                credentials.single_use().end_all_of(tx, user.id).await?;
                credentials.offer_undo(tx, &ctx, &user, to).await?;
                audit::record(tx, &ctx, Entry::new("email.changed", "user", user.id)).await?;
                Ok(Some(user.id))
            }
            .boxed()
        });
        let user_id = changed.await?.ok_or_else(over)?;
        self.forget(user_id);
        Ok(())
    }

    /// Mails the former address a link that gives it back, and keeps it from everybody else for so long. Only to one that was proven: of any
    /// other nobody knows whose it is.
    async fn offer_undo(&self, tx: &mut Tx<'_>, ctx: &Ctx, user: &User, new: &str) -> Result<()> {
        // An imported address may be none that mail can be sent to.
        let (true, Ok(to)) = (user.email_verified, mailbox(user)) else { return Ok(()) };
        let until = ctx.now().plus(Purpose::UNDO_EMAIL.ttl);
        self.accounts().keep_email(tx, user.id, &user.email, until).await?;
        let payload = json!({"user_id": user.id, "to": user.email, "at": ctx.now().micros()}).to_string();
        let undo = Letter {
            to,
            template: Template::EmailChangedOld,
            page: Page::Undo,
            purpose: Purpose::UNDO_EMAIL,
            // Each change has its own: a second one must not take the first one's link away.
            subject: ticket_subject(ctx),
            user_id: Some(user.id),
            payload: payload.as_bytes(),
            values: json!({"new_email": new}),
            is_pretence: false,
        };
        self.notices().send(tx, ctx, undo).await
    }

    /// Gives an account the address back that it had. Whoever changed it is out: every session and key ends, the password is good no
    /// more, what proves who one is and was added since a day before the change goes, and a link to set another password goes to the address.
    ///
    /// Errors: 401 `invalid_token`; 409 `email_taken`; 503.
    pub(super) async fn undo_change(&self, ctx: &Ctx, token: &str) -> Result<()> {
        let ticket = ticket(token)?;
        let credentials = self.clone();
        let undone = ctx.write_retried(move |ctx, tx| {
            async move {
                let taken = credentials.take(tx, &ctx, Purpose::UNDO_EMAIL, &ticket).await?;
                let Some((payload, user)) = taken else { return Ok(None) };
                let (Some(email), Some(at)) = (payload["to"].as_str(), payload["at"].as_i64()) else { return Ok(None) };
                let accounts = credentials.accounts();
                accounts.change_email(tx, &ctx, user.id, email).await?;
                accounts.set_password(tx, &ctx, user.id, None).await?;
                credentials.end_everything(tx, &ctx, user.id, "email_change_undone").await?;
                // Whoever changed it may have added ways of their own, before or after.
                accounts.disown(tx, user.id, Some(Timestamp::from_micros(at).minus(BEFORE_CHANGE))).await?;
                // Links of later changes would hand the account back to whoever made them.
                let since = Timestamp::from_micros(at);
                credentials.single_use().end_since(tx, Purpose::UNDO_EMAIL, user.id, since).await?;
                let user = accounts.lock(tx, user.id).await?.ok_or_else(over)?;
                credentials.notices().send_reset(tx, &ctx, mailbox(&user)?, email, Some(&user)).await?;
                audit::record(tx, &ctx, Entry::new("email.change_undone", "user", user.id)).await?;
                Ok(Some(user.id))
            }
            .boxed()
        });
        let user_id = undone.await?.ok_or_else(over)?;
        self.forget(user_id);
        Ok(())
    }
}

/// A subject of its own.
fn ticket_subject(ctx: &Ctx) -> kernel::Uuid {
    let mut bytes = [0; 16];
    ctx.random().fill(&mut bytes);
    kernel::Uuid::from_bytes(bytes)
}

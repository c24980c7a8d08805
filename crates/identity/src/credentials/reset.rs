//! A password that was forgotten: a link by mail, and nothing but that link, sets another.
use std::time::Duration;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Result, Secret};
use platform::{
    audit::{self, Entry},
    notifications::Mailbox,
    single_use::Purpose,
};
use tokio::time::{Instant, sleep_until};

use super::service::{Credentials, over, ticket, user_id};
use crate::notices::Told;

/// Answers to who forgot a password leave at whole multiples of this.
const GRID: Duration = Duration::from_millis(5);

impl Credentials {
    /// Mails a link that sets a password, if there is an account with this address. Nobody can tell from the answer, nor from what it
    /// costs, whether there is (CVE-2026-26185): the work is the same but for a row that is found or not, and the answer waits for
    /// the next [`GRID`], which hides those microseconds.
    ///
    /// Errors: 422; 503.
    pub(super) async fn forgot(&self, ctx: &Ctx, email: String) -> Result<()> {
        let to = Mailbox::new(None, &email)?;
        let (begun, credentials) = (Instant::now(), self.clone());
        let asked = ctx.write(move |ctx, tx| {
            async move {
                let notices = credentials.notices();
                if !notices.may_send(tx, &ctx, Purpose::RESET_PASSWORD.name, &email).await? {
                    return Ok(());
                }
                let user = credentials.accounts().active_by_email(tx, &email).await?;
                notices.send_reset(tx, &ctx, to, &email, user.as_ref()).await
            }
            .boxed()
        });
        let asked = asked.await;
        let passed = begun.elapsed().as_millis() / GRID.as_millis();
        sleep_until(begun + GRID * u32::try_from(passed + 1).unwrap_or(1)).await;
        asked
    }

    /// Sets the password of the account that the link was mailed to. Second factors stay in force, everything else that was handed out
    /// ends, and nobody is logged in by it.
    ///
    /// Errors: 401 `invalid_token`; 422; 503.
    pub(super) async fn reset(&self, ctx: &Ctx, token: &str, password: Secret<String>) -> Result<()> {
        let ticket = ticket(token)?;
        // Whoever has no link gets no hash computed.
        let payload = self.peek(ctx, Purpose::RESET_PASSWORD, &ticket).await?.ok_or_else(over)?;
        let (accounts, user_id) = (self.accounts().clone(), user_id(&payload).ok_or_else(over)?);
        let user = ctx.read(move |_, tx| async move { accounts.find(tx, user_id).await }.boxed()).await?;
        let mut user = user.ok_or_else(over)?;
        // A stranger's factor on an address nobody proved makes no shorter password enough.
        user.has_second_factor &= user.email_verified;
        let hash = self.hash(ctx, &user, "password", password).await?;
        let credentials = self.clone();
        let user_id = ctx.write_retried(move |ctx, tx| {
            async move {
                let taken = credentials.take(tx, &ctx, Purpose::RESET_PASSWORD, &ticket).await?;
                let Some((payload, user)) = taken else { return Ok(None) };
                if payload["email"] != user.email.as_str() {
                    return Ok(None);
                }
                let accounts = credentials.accounts();
                accounts.set_password(tx, &ctx, user.id, Some(&hash)).await?;
                let mut stands = user.has_second_factor;
                if !user.email_verified {
                    // Whoever made the account may have added ways in; nobody but the owner of the address comes in now.
                    accounts.end_ways_in(tx, user.id).await?;
                    stands = credentials.logins().factors().settle(tx, user.id).await?;
                }
                if !stands {
                    // The link came by that address; a factor that stands may still be somebody else's.
                    accounts.verify_email(tx, &ctx, user.id, &user.email).await?;
                }
                credentials.end_everything(tx, &ctx, user.id, "password_reset").await?;
                credentials.notices().tell(tx, &ctx, &user, Told::PasswordChanged).await?;
                audit::record(tx, &ctx, Entry::new("password.reset", "user", user.id)).await?;
                Ok(Some(user.id))
            }
            .boxed()
        });
        let user_id = user_id.await?.ok_or_else(over)?;
        self.forget(user_id);
        Ok(())
    }
}

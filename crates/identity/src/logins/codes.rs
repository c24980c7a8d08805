//! Asking for a code that travels: for a log-in that is to be completed, or a session that is to be proven anew.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result};
use platform::single_use::Ticket;

use super::service::Logins;
use crate::{
    accounts::User,
    factors::FactorKind,
    notices::{Recipient, mailbox},
};

impl Logins {
    /// Sends a code that answers this challenge and nothing else.
    ///
    /// Errors: 401 `invalid_token` for a challenge that is over; 404 when the account has no such factor; 422 where no SMS can be sent;
    /// 429; 503.
    pub(super) async fn send_challenge_code(&self, ctx: &Ctx, ticket: Ticket, kind: FactorKind) -> Result<()> {
        let logins = self.clone();
        let sent = ctx.write(move |ctx, tx| {
            async move {
                let over = || Error::new(Code::InvalidToken);
                let half = logins.half(tx, &ctx, &ticket).await?.ok_or_else(over)?;
                let user_id = half.user_id().ok_or_else(over)?;
                if !half.admits(kind) {
                    return Err(Error::new(Code::NotFound));
                }
                let user = logins.accounts().lock(tx, user_id).await?.filter(User::is_active).ok_or_else(over)?;
                if half.by_mail {
                    return match kind {
                        FactorKind::Email => {
                            let to = Recipient::Mailbox(mailbox(&user)?);
                            logins.notices().send_code(tx, &ctx, user_id, to, ticket.subject).await
                        }
                        _ => Err(Error::new(Code::NotFound)),
                    };
                }
                logins.factors().send_code(tx, &ctx, &user, kind, ticket.subject).await
            }
            .boxed()
        });
        sent.await
    }

    /// Sends a code that proves the caller's session anew and nothing else.
    ///
    /// Errors: 401; 404 when the account has no such factor; 422 where no SMS can be sent; 429; 503.
    pub(super) async fn send_step_up_code(&self, ctx: &Ctx, kind: FactorKind) -> Result<()> {
        let (principal, session_id) = ctx.actor.require_session()?;
        let (user_id, logins) = (principal.user_id, self.clone());
        let sent = ctx.write(move |ctx, tx| {
            async move {
                let user = logins.accounts().lock(tx, user_id).await?.filter(User::is_active);
                let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
                logins.factors().send_code(tx, &ctx, &user, kind, session_id.uuid()).await
            }
            .boxed()
        });
        sent.await
    }
}

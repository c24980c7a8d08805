//! Registering: an account and its first session in one transaction.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Result};

use super::{
    model::{Grant, Outcome, Registration},
    service::Logins,
};
use crate::{accounts::NewAccount, sessions::Transport};

impl Logins {
    /// Creates an account for whoever asks, and logs them in.
    ///
    /// Errors: 403 `registration_closed`; 409 `email_taken` and `username_taken`; 422; 503.
    pub(super) async fn register(&self, ctx: &Ctx, new: NewAccount, transport: Transport) -> Result<Grant> {
        if self.registration() == Registration::Closed {
            return Err(Error::new(Code::RegistrationClosed));
        }
        let password_hash = self.accounts().prepare(ctx, &new).await?;
        let logins = self.clone();
        let created = ctx.write(move |ctx, tx| {
            async move {
                let user = logins.accounts().insert(tx, &ctx, &new, &password_hash).await?;
                logins.notices().ask_to_verify(tx, &ctx, &user).await?;
                logins.begin(tx, &ctx, user, Method::Password, transport).await
            }
            .boxed()
        });
        match self.outcome(ctx, created.await?)? {
            Outcome::Granted(grant) => Ok(grant),
            Outcome::Challenged(_) => Err(Error::internal("an account that was just created has a second factor")),
        }
    }
}

//! Registering: an account and its first session in one transaction.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Proof, Result};

use super::{
    model::{Grant, Registration},
    service::Logins,
};
use crate::{
    accounts::NewAccount,
    sessions::{NewSession, Transport},
};

impl Logins {
    /// Creates an account for whoever asks, and logs them in.
    ///
    /// Errors: 403 `registration_closed`; 409 `email_taken` and `username_taken`; 422; 503.
    pub(super) async fn register(&self, ctx: &Ctx, new: NewAccount, transport: Transport) -> Result<Grant> {
        if self.registration() == Registration::Closed {
            return Err(Error::new(Code::RegistrationClosed));
        }
        let accounts = self.accounts().clone();
        let password_hash = accounts.prepare(ctx, &new).await?;
        let created = ctx.write(move |ctx, tx| {
            async move {
                let user = accounts.insert(tx, &ctx, &new, &password_hash).await?;
                let new = NewSession {
                    user_id: user.id,
                    transport,
                    proofs: vec![Proof { method: Method::Password, at: ctx.now() }],
                };
                let session = accounts.sessions().create(tx, &ctx, new).await?;
                Ok((user, session))
            }
            .boxed()
        });
        let (user, session) = created.await?;
        self.grant(ctx, user, session)
    }
}

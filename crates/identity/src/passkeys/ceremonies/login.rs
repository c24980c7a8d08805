//! A passkey as the whole log-in: no name is typed, and nothing is told of who has an account.
use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Result, UserId, Uuid};
use platform::single_use::Purpose;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use webauthn_rs::prelude::{DiscoverableAuthentication, PublicKeyCredential};

use super::{
    assertion::{self, Assertion},
    ceremony::{self, Ceremonies, Started},
};
use crate::{
    User,
    accounts::Identifier,
    logins::{Begun, Outcome},
    passkeys::model::Passkey,
    sessions::Transport,
};

const PURPOSE: Purpose = Purpose::PASSKEY_LOGIN;

#[derive(Deserialize, Serialize)]
struct State {
    /// The only account that may finish it, where one was named.
    user_id: Option<Uuid>,
    authentication: DiscoverableAuthentication,
}

impl Ceremonies {
    /// Asks for whichever passkey the person chooses. With `email` only a passkey of that account is taken; the answer is the same
    /// whether or not there is one, and names no credential: authenticators find theirs by the server's name.
    pub(super) async fn start_login(&self, ctx: &Ctx, email: Option<String>) -> Result<Started> {
        let user_id = match email {
            Some(email) => Some(self.named(ctx, email).await?.uuid()),
            None => None,
        };
        let (options, authentication) = self.webauthn().start_discoverable_authentication().map_err(Error::internal)?;
        let public_key = serde_json::to_value(options.public_key).map_err(Error::internal)?;
        self.start(ctx, PURPOSE, None, &State { user_id, authentication }, public_key).await
    }

    /// The account of an address, or one that nobody has.
    async fn named(&self, ctx: &Ctx, email: String) -> Result<UserId> {
        let found = self.passkeys().accounts().credentials(ctx, Identifier::Email(email)).await?;
        Ok(found.map_or_else(|| ctx.new_id(), |found| found.user_id))
    }

    /// Logs in. Errors: 401, `invalid_token` for a ceremony that is over, `invalid_passkey` for every other reason; 422; 503.
    pub(super) async fn finish_login(
        &self,
        ctx: &Ctx,
        ceremony_id: &str,
        sent: Json,
        transport: Transport,
    ) -> Result<Outcome> {
        let sent: PublicKeyCredential = ceremony::credential(sent)?;
        let (ticket, state): (_, State) = self.state(ctx, PURPOSE, ceremony_id).await?;
        let found = self.registered(ctx, &sent.raw_id).await?;
        let judged = found.clone().map(|passkey| self.judge(passkey, state, &sent)).transpose()?.flatten();
        let Some(assertion) = judged else {
            self.refuse(ctx, PURPOSE, ticket, found.as_ref()).await?;
            return Err(Error::new(Code::InvalidPasskey));
        };
        let ceremonies = self.clone();
        let begun = ctx.write(move |ctx, tx| {
            async move {
                let passkeys = ceremonies.passkeys();
                let user = passkeys.accounts().lock(tx, assertion.passkey.user_id).await?.filter(User::is_active);
                let secret = ticket.secret.expose();
                passkeys
                    .single_use()
                    .consume(tx, &ctx, PURPOSE, ticket.subject, secret)
                    .await?
                    .ok_or_else(ceremony::over)?;
                let Some(user) = user else { return Ok(None) };
                if !ceremonies.uses(tx, &ctx, &assertion).await? {
                    return Ok(None);
                }
                passkeys.logins().begin(tx, &ctx, user, Method::Passkey, transport).await.map(Some)
            }
            .boxed()
        });
        let begun: Option<Begun> = begun.await?;
        self.passkeys().logins().outcome(ctx, begun.ok_or_else(|| Error::new(Code::InvalidPasskey))?)
    }

    /// Whether the answer is the account's that it names, by a passkey that is a whole log-in.
    fn judge(&self, passkey: Passkey, state: State, sent: &PublicKeyCredential) -> Result<Option<Assertion>> {
        let user_id = passkey.user_id.uuid();
        let is_meant = state.user_id.is_none_or(|meant| meant == user_id);
        let is_whose = sent.get_user_unique_id() == Some(user_id.as_bytes().as_slice());
        if !is_meant || !is_whose || !passkey.is_user_verified || passkey.suspended_at.is_some() {
            return Ok(None);
        }
        let credential = assertion::read(&passkey)?;
        let result = self.webauthn().finish_discoverable_authentication_v2(sent, state.authentication, &credential);
        Ok(result.ok().map(|result| Assertion::new(passkey, &result)).filter(|made| made.method() == Method::Passkey))
    }
}

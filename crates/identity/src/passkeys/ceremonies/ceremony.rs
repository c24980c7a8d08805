//! Ceremonies: a challenge that is answered once, by whom and for what it was made.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, FieldError, Result, UserId};
use platform::single_use::{Issue, Purpose, Ticket};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value as Json;

use webauthn_rs::prelude::Webauthn;

use super::RelyingParty;
use crate::passkeys::service::Passkeys;

/// The ceremonies; cheap to clone.
#[derive(Clone)]
pub(crate) struct Ceremonies {
    passkeys: Passkeys,
    webauthn: Arc<Webauthn>,
}

/// What a browser is told: `public_key` is for `parseCreationOptionsFromJSON` or `parseRequestOptionsFromJSON`.
#[derive(Debug, Serialize)]
pub struct Started {
    /// Names the ceremony and proves the right to finish it.
    pub ceremony_id: String,
    pub public_key: Json,
    /// Seconds until the ceremony is over.
    pub expires_in: u64,
}

impl Ceremonies {
    pub(crate) fn new(passkeys: &Passkeys, party: RelyingParty) -> Self {
        Self { passkeys: passkeys.clone(), webauthn: Arc::new(party.0) }
    }

    pub(super) const fn passkeys(&self) -> &Passkeys {
        &self.passkeys
    }

    pub(super) fn webauthn(&self) -> &Webauthn {
        &self.webauthn
    }

    /// Keeps `state` until the ceremony is finished.
    pub(super) async fn start(
        &self,
        ctx: &Ctx,
        purpose: Purpose,
        user_id: Option<UserId>,
        state: &impl Serialize,
        public_key: Json,
    ) -> Result<Started> {
        let payload = serde_json::to_vec(state).map_err(Error::internal)?;
        let single_use = self.passkeys.single_use().clone();
        let issued = ctx.write(move |ctx, tx| {
            async move { single_use.issue(tx, &ctx, Issue { purpose, user_id, payload: &payload }).await }.boxed()
        });
        let ceremony_id = issued.await?.reveal();
        Ok(Started { ceremony_id, public_key, expires_in: purpose.ttl.as_secs() })
    }

    /// What was kept, without using it up: an answer is checked first, and the transaction it leads to takes the ceremony.
    ///
    /// Errors: 401 `invalid_token` when it is over, was finished, or is another purpose's.
    pub(super) async fn state<T: DeserializeOwned>(
        &self,
        ctx: &Ctx,
        purpose: Purpose,
        ceremony_id: &str,
    ) -> Result<(Ticket, T)> {
        let ticket = Ticket::parse(ceremony_id).ok_or_else(over)?;
        let asked = ticket.clone();
        let single_use = self.passkeys.single_use().clone();
        let found = ctx
            .read(move |ctx, tx| async move { single_use.find(tx, &ctx, purpose, &asked).await }.boxed())
            .await?
            .ok_or_else(over)?;
        Ok((ticket, serde_json::from_slice(found.expose()).map_err(Error::internal)?))
    }

    /// Ends a ceremony whose answer was wrong: there is no second try.
    pub(super) async fn give_up(&self, ctx: &Ctx, purpose: Purpose, ticket: Ticket) -> Result<()> {
        let single_use = self.passkeys.single_use().clone();
        let ended = ctx.write(move |_, tx| async move { single_use.end(tx, purpose, ticket.subject).await }.boxed());
        ended.await.map(|_| ())
    }
}

/// The ceremony is over, was finished, or never was.
pub(super) fn over() -> Error {
    Error::new(Code::InvalidToken).with_detail("The ceremony is over or was finished before; start another.")
}

/// What `toJSON()` of a browser's `PublicKeyCredential` gives. Errors: 422 for anything else.
pub(super) fn credential<T: DeserializeOwned>(sent: Json) -> Result<T> {
    let wrong = || FieldError::new("credential", "format", "must be what toJSON() of a PublicKeyCredential gives");
    if sent["type"] != "public-key" {
        return Err(Error::invalid(vec![wrong()]));
    }
    serde_json::from_value(sent).map_err(|error| Error::invalid(vec![wrong()]).with_source(error))
}

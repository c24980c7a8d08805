//! Answers of authenticators to a challenge: the signature first, then, in the transaction that uses it, the count.
use std::sync::Arc;

use ::store::{Ctx, Tx};
use futures_util::FutureExt as _;
use kernel::{Error, Method, Result};
use platform::{
    audit::{self, Entry},
    single_use::{Purpose, Ticket},
};
use serde_json::json;
use webauthn_rs::prelude::{AuthenticationResult, Credential};

use super::ceremony::Ceremonies;
use crate::passkeys::{model::Passkey, store};

/// An answer whose signature is right. Whether its count is, [`Ceremonies::uses`] decides.
pub(super) struct Assertion {
    pub passkey: Passkey,
    counter: i64,
    is_backed_up: bool,
    is_user_verified: bool,
}

impl Assertion {
    pub fn new(passkey: Passkey, result: &AuthenticationResult) -> Self {
        Self {
            passkey,
            counter: result.counter().into(),
            is_backed_up: result.backup_state(),
            is_user_verified: result.user_verified(),
        }
    }

    /// What it proves. One that was registered without verifying its user stays something that is touched, whatever it says later.
    pub const fn method(&self) -> Method {
        if self.passkey.is_user_verified && self.is_user_verified { Method::Passkey } else { Method::SecurityKey }
    }
}

/// The credential as the library knows it, its counter at 0, so that the count is judged here and not there.
pub(super) fn read(passkey: &Passkey) -> Result<Credential> {
    serde_json::from_str(&passkey.credential).map_err(Error::internal)
}

impl Ceremonies {
    /// The passkey of what was sent, if it is registered.
    pub(super) async fn registered(&self, ctx: &Ctx, credential_id: &[u8]) -> Result<Option<Passkey>> {
        let id = credential_id.to_vec();
        ctx.read(move |_, tx| async move { store::of_credential(tx, &id).await }.boxed()).await
    }

    /// Whether the answer may be used; it is counted. A count that goes back suspends the passkey: there may be a copy of it. The
    /// caller holds the account's lock, and commits either way.
    pub(super) async fn uses(&self, tx: &mut Tx<'_>, ctx: &Ctx, assertion: &Assertion) -> Result<bool> {
        let (id, user_id) = (assertion.passkey.id, assertion.passkey.user_id);
        if store::count(tx, id, assertion.counter, assertion.is_backed_up, ctx.now()).await? {
            return Ok(true);
        }
        if store::suspend(tx, id, ctx.now()).await? {
            let request = Arc::clone(&ctx.request);
            tx.after_commit(move || {
                tracing::warn!(target: "security", event = "passkey_cloned", passkey = %id, request_id = request.id,
                    "the counter of a passkey went back; it is suspended");
            });
            let after = json!({"user_id": user_id, "counter": assertion.counter, "before": assertion.passkey.counter});
            audit::record(tx, ctx, Entry::new("passkey.cloned", "passkey", id).after(after)).await?;
        }
        Ok(false)
    }

    /// Ends the ceremony of a log-in whose answer was refused. Of strangers there is a line in the log, of accounts a row in the trail.
    pub(super) async fn refuse(
        &self,
        ctx: &Ctx,
        purpose: Purpose,
        ticket: Ticket,
        passkey: Option<&Passkey>,
    ) -> Result<()> {
        let address = ctx.request.address.map(|address| address.to_string()).unwrap_or_default();
        tracing::warn!(target: "security", event = "passkey_refused", address, request_id = ctx.request.id,
            "a passkey was refused");
        let (single_use, whose) =
            (self.passkeys().single_use().clone(), passkey.map(|passkey| (passkey.id, passkey.user_id)));
        let noted = ctx.write(move |ctx, tx| {
            async move {
                single_use.end(tx, purpose, ticket.subject).await?;
                let Some((id, user_id)) = whose else { return Ok(()) };
                let after = json!({"kind": "passkey", "passkey_id": id});
                audit::record(tx, &ctx, Entry::new("login.failed", "user", user_id).after(after)).await
            }
            .boxed()
        });
        noted.await
    }
}

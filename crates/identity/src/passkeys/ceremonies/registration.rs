//! Registering a passkey: by whom is logged in, freshly, in the session that began it.
use ::store::{Ctx, Tx, violated};
use futures_util::FutureExt as _;
use kernel::{Code, Error, Result, StepUp, UserId, Uuid};
use platform::{
    audit::{self, Entry},
    single_use::{Purpose, Ticket},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use webauthn_rs::prelude::{Credential, RegisterPublicKeyCredential, SecurityKeyRegistration};

use super::ceremony::{self, Ceremonies, Started};
use crate::{
    notices::Told,
    passkeys::{
        model::{MAX_PER_ACCOUNT, NAME_DEFAULT, Passkey, PasskeyView, name},
        service::all,
        store,
    },
};

const PURPOSE: Purpose = Purpose::PASSKEY_REGISTRATION;
/// Bytes, WebAuthn Level 3, 4.
const CREDENTIAL_ID_MAX: usize = 1023;

/// Whose ceremony it is.
#[derive(Deserialize, Serialize)]
struct State {
    user_id: Uuid,
    session_id: Uuid,
    registration: SecurityKeyRegistration,
}

impl Ceremonies {
    /// Asks an authenticator for a new credential.
    ///
    /// Errors: 401, also for a log-in that is not fresh; 409 `too_many`; 503.
    pub(super) async fn start_registration(&self, ctx: &Ctx) -> Result<Started> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let (_, session_id) = ctx.actor.require_session()?;
        let accounts = self.passkeys().accounts().clone();
        let read = ctx
            .read(move |_, tx| async move { Ok((accounts.find(tx, user_id).await?, all(tx, user_id).await?)) }.boxed());
        let (user, registered) = read.await?;
        let user = user.ok_or_else(|| Error::new(Code::InvalidToken))?;
        if registered.len() >= MAX_PER_ACCOUNT {
            return Err(Error::new(Code::TooMany));
        }
        let excluded = registered.into_iter().map(|passkey| passkey.credential_id).collect();
        let shown = user.name.as_deref().filter(|name| !name.is_empty()).unwrap_or(&user.email);
        // The library's word for "verify the user if you can". What it registers is told apart by whether that was done.
        let (options, registration) = self
            .webauthn()
            .start_securitykey_registration(user_id.uuid(), &user.email, shown, Some(excluded), None, None)
            .map_err(Error::internal)?;
        let state = State { user_id: user_id.uuid(), session_id: session_id.uuid(), registration };
        let public_key = creation_options(serde_json::to_value(options.public_key).map_err(Error::internal)?);
        self.start(ctx, PURPOSE, Some(user_id), &state, public_key).await
    }

    /// Keeps the credential that was made.
    ///
    /// Errors: 401, `invalid_token` for a ceremony that is over or another session's, `invalid_passkey`; 409 `passkey_taken` and
    /// `too_many`; 422; 503.
    pub(super) async fn finish_registration(
        &self,
        ctx: &Ctx,
        ceremony_id: &str,
        sent: Json,
        given_name: Option<String>,
    ) -> Result<PasskeyView> {
        let user_id = ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)?.user_id;
        let (_, session_id) = ctx.actor.require_session()?;
        let name = given_name.as_deref().map_or_else(|| Ok(NAME_DEFAULT.to_owned()), name)?;
        let sent: RegisterPublicKeyCredential = ceremony::credential(sent)?;
        let (ticket, state): (_, State) = self.state(ctx, PURPOSE, ceremony_id).await?;
        if state.user_id != user_id.uuid() || state.session_id != session_id.uuid() {
            return Err(ceremony::over());
        }
        let made = self.webauthn().finish_securitykey_registration(&sent, &state.registration).map(Credential::from);
        let credential = match made {
            Ok(made) if made.cred_id.len() <= CREDENTIAL_ID_MAX && *made.cred_id == *sent.raw_id => made,
            refused => {
                self.give_up(ctx, PURPOSE, ticket).await?;
                let error = Error::new(Code::InvalidPasskey);
                return Err(match refused {
                    Ok(_) => error,
                    Err(why) => error.with_source(why),
                });
            }
        };
        let passkey = passkey(ctx, user_id, name, credential, &sent)?;
        let ceremonies = self.clone();
        let kept = ctx.write(move |ctx, tx| {
            async move { ceremonies.keep(tx, &ctx, &ticket, &passkey).await.map(|()| passkey) }.boxed()
        });
        let kept = kept.await?;
        self.passkeys().accounts().sessions().forget_user(user_id);
        Ok(kept.view())
    }

    async fn keep(&self, tx: &mut Tx<'_>, ctx: &Ctx, ticket: &Ticket, passkey: &Passkey) -> Result<()> {
        let user_id = passkey.user_id;
        let user = self.passkeys().accounts().lock_own(tx, ctx).await?;
        let secret = ticket.secret.expose();
        self.passkeys()
            .single_use()
            .consume(tx, ctx, PURPOSE, ticket.subject, secret)
            .await?
            .ok_or_else(ceremony::over)?;
        if all(tx, user_id).await?.len() >= MAX_PER_ACCOUNT {
            return Err(Error::new(Code::TooMany));
        }
        store::insert(tx, passkey).await.map_err(taken)?;
        self.passkeys().accounts().recount_factors(tx, user_id).await?;
        let added = Told::FactorAdded(passkey.describe());
        self.passkeys().logins().notices().tell(tx, ctx, &user, added).await?;
        let after = json!({"user_id": user_id, "name": passkey.name, "kind": passkey.kind()});
        audit::record(tx, ctx, Entry::new("passkey.registered", "passkey", passkey.id).after(after)).await
    }
}

fn passkey(
    ctx: &Ctx,
    user_id: UserId,
    name: String,
    credential: Credential,
    sent: &RegisterPublicKeyCredential,
) -> Result<Passkey> {
    let transports = sent.response.transports.iter().flatten();
    let mut transports: Vec<String> = transports.map(ToString::to_string).filter(|name| name != "unknown").collect();
    transports.sort();
    transports.dedup();
    Ok(Passkey {
        id: ctx.new_id(),
        user_id,
        name,
        is_user_verified: credential.user_verified,
        transports,
        counter: credential.counter.into(),
        is_backed_up: credential.backup_state,
        credential_id: credential.cred_id.clone(),
        // What it counts to is kept beside.
        credential: serde_json::to_string(&Credential { counter: 0, ..credential }).map_err(Error::internal)?,
        created_at: ctx.now(),
        last_used_at: None,
        suspended_at: None,
    })
}

/// What the library asks of security keys, for passkeys as well: found without a user name where the authenticator can, and without its
/// user's verification only by whoever names it.
fn creation_options(mut options: Json) -> Json {
    if let Some(options) = options.as_object_mut() {
        options.remove("hints");
    }
    options["authenticatorSelection"]["residentKey"] = json!("preferred");
    options["extensions"]["credentialProtectionPolicy"] = json!("userVerificationOptionalWithCredentialIDList");
    options
}

fn taken(error: Error) -> Error {
    match violated(&error) {
        Some("passkeys_credential_id") => Error::new(Code::PasskeyTaken).with_source(error),
        _ => error,
    }
}

//! `Identity`: this crate as one piece, for `assemble` and the command line.
use std::{sync::Arc, time::Duration};

use futures_util::{FutureExt as _, future::BoxFuture};
use kernel::{Actor, Code, Error, Limit, Page, Result, SessionId, UserId};
use platform::{
    notifications::Notifications,
    secrets::{Keyring, StoredKey},
    single_use::SingleUse,
};
use serde_json::{Map, Value as Json};
use store::{Ctx, RequestInfo, Source};
use web::{Authenticate, Credentials, Outbound, Routes};

#[cfg(feature = "oidc")]
use crate::oauth::Oauth;
use crate::{
    accounts::{self, AccountKeeper, Accounts, Imported, NewAccount, Seen, State, User},
    api_keys::{self, ApiKeys},
    credentials::{self, Credentials as CredentialChanges},
    cursor::Cursors,
    devices::{self, Devices},
    factors::{self, Factors},
    guard::Guard,
    invitations::{self, Invitations},
    keys::{self, Keys},
    logins::{self, CookieNames, Logins, OnSuspicion, Registration},
    notices::{Notices, Pages},
    oauth,
    passkeys::{self, Passkeys},
    passwords::{BreachedRange, Passwords, Policy},
    places::Places,
    recent::Changes,
    roles::{self, RoleTerms, Roles},
    sessions::{self, Lifetimes, Sessions},
    tokens::Tokens,
};

#[cfg(feature = "passkeys")]
use crate::passkeys::ceremonies::{Ceremonies, RelyingParty};

/// What identity is told by the app file.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The issuer of access tokens. On loopback http cookies lose their prefix and `Secure`.
    pub public_url: String,
    /// Origins of other pages that may use the server: those of its name may use its passkeys, too.
    pub cors_origins: Vec<String>,
    /// The audience of access tokens.
    pub app_name: String,
    pub registration: Registration,
    pub access_ttl: Duration,
    /// How long sessions last.
    pub sessions: Lifetimes,
    /// Of accounts without a second factor, in characters.
    pub password_min_length: usize,
    /// Who knows the passwords that leaked.
    pub breached_passwords: Option<Arc<dyn BreachedRange>>,
    /// Roles that may be given besides `admin`, and what is said of them; of `admin` too, where something is.
    pub roles: Vec<RoleTerms>,
    /// The declared resources, which the scopes of API keys can name.
    pub resources: Vec<String>,
    /// Knows where addresses are.
    pub places: Places,
    pub on_suspicion: OnSuspicion,
    /// How often an account's passwords and codes may be tried; without, as often as one likes.
    pub tries: Option<web::Policy>,
    /// Where mailed links lead, if not to the pages served here.
    pub pages: Pages,
    #[cfg(feature = "oidc")]
    pub oauth: oauth::Settings,
}

/// The ways out of the server.
#[derive(Clone)]
pub struct Messenger {
    pub notifications: Notifications,
    pub outbound: Outbound,
}

/// Accounts, sessions and tokens of one server; cheap to clone.
#[derive(Clone)]
pub struct Identity {
    keys: Keys,
    sessions: Sessions,
    tokens: Tokens,
    accounts: Accounts,
    devices: Devices,
    factors: Factors,
    logins: Logins,
    notices: Notices,
    credentials: CredentialChanges,
    invitations: Invitations,
    #[cfg(feature = "oidc")]
    oauth: Oauth,
    passkeys: Passkeys,
    /// None where `public_url` has no name to bind them to.
    #[cfg(feature = "passkeys")]
    ceremonies: Option<Ceremonies>,
    cookies: CookieNames,
}

impl Identity {
    /// Starts on a migrated database; the first start makes the signing key. `keepers` hear of deleted accounts.
    ///
    /// Errors: internal, for roles that cannot be and for keys that this keyring does not open.
    pub async fn start(
        source: &Source,
        keyring: &Keyring,
        settings: Settings,
        mut keepers: Vec<Arc<dyn AccountKeeper>>,
        messenger: Messenger,
    ) -> Result<Self> {
        let ctx = source.system("identity");
        let keys = Keys::load(&ctx, keyring).await?;
        let stored = StoredKey::load(&ctx, keyring).await?;
        keepers.push(Arc::new(factors::Keeper));
        keepers.push(Arc::new(oauth::Keeper));
        keepers.push(Arc::new(passkeys::Keeper));
        #[cfg(feature = "passkeys")]
        let party = RelyingParty::of(&settings.app_name, &settings.public_url, &settings.cors_origins)?;
        let app_name = settings.app_name.clone();
        let cursors = Cursors::new(keyring)?;
        let cookies = CookieNames::of_url(&settings.public_url);
        let passwords = Passwords::start(Policy {
            min_length: settings.password_min_length,
            app_name: settings.app_name.clone(),
            breached: settings.breached_passwords,
        })?;
        let roles = Roles::new(&settings.roles)?;
        let changes = Changes::new();
        let sessions = Sessions::new(settings.sessions, roles.clone(), changes.clone(), cursors.clone());
        let api_keys =
            ApiKeys::new(keyring, roles.clone(), changes, sessions.clone(), cursors.clone(), &settings.resources)?;
        let (issuer, audience) = (settings.public_url.clone(), settings.app_name);
        let tokens = Tokens::new(keys.clone(), keyring, issuer, audience, settings.access_ttl)?;
        let accounts = Accounts::new(passwords, roles, sessions.clone(), api_keys, cursors.clone(), keepers);
        let (devices, guard) = (Devices::new(&stored)?, Guard::new(keyring, settings.tries)?);
        let single_use = SingleUse::new(keyring, stored.mac_key("single_use")?);
        let notices =
            Notices::new(messenger.notifications, single_use.clone(), devices.clone(), &stored, settings.pages)?;
        let factors = Factors::new(accounts.clone(), devices.clone(), keyring, &stored, app_name, notices.clone())?;
        let logins = Logins::new(logins::Parts {
            accounts: accounts.clone(),
            tokens: tokens.clone(),
            cookies: cookies.clone(),
            registration: settings.registration,
            factors: factors.clone(),
            devices: devices.clone(),
            guard,
            single_use,
            notices: notices.clone(),
            places: settings.places,
            on_suspicion: settings.on_suspicion,
            buckets: keyring.mac_key("failed_login")?,
        });
        let credentials = CredentialChanges::new(logins.clone());
        let invitations = Invitations::new(logins.clone(), cursors.clone());
        let passkeys = Passkeys::new(cursors, logins.clone());
        Ok(Self {
            keys,
            sessions,
            tokens,
            accounts,
            devices,
            factors,
            #[cfg(feature = "oidc")]
            oauth: Oauth::new(logins.clone(), messenger.outbound, settings.oauth, settings.public_url),
            logins,
            notices,
            credentials,
            invitations,
            #[cfg(feature = "passkeys")]
            ceremonies: party.map(|party| Ceremonies::new(&passkeys, party)),
            passkeys,
            cookies,
        })
    }

    pub fn routes(&self) -> Routes {
        let mut routes = keys::routes(&self.keys);
        routes.extend(logins::routes(&self.logins));
        routes.extend(accounts::routes(&self.accounts));
        routes.extend(roles::routes(self.accounts.roles()));
        routes.extend(sessions::routes(&self.sessions));
        routes.extend(factors::routes(&self.factors));
        routes.extend(devices::routes(&self.devices));
        routes.extend(api_keys::routes(self.accounts.api_keys()));
        routes.extend(credentials::routes(&self.credentials));
        routes.extend(invitations::routes(&self.invitations));
        #[cfg(feature = "oidc")]
        routes.extend(oauth::routes(&self.oauth));
        routes.extend(passkeys::routes(&self.passkeys));
        #[cfg(feature = "passkeys")]
        routes.extend(self.ceremonies.iter().flat_map(passkeys::ceremonies::routes));
        routes
    }

    /// Creates an account, whatever the mode of registration. Errors: 403; 409; 422; 503.
    pub async fn create_user(&self, ctx: &Ctx, new: NewAccount, roles: &[String]) -> Result<User> {
        self.accounts.create(ctx, new, roles).await
    }

    /// Accounts of another program, of which `accounts::import_schema` says the shape. Errors: 403; 503.
    pub async fn import_users(
        &self,
        ctx: &Ctx,
        rows: Vec<Map<String, Json>>,
        dry: Option<&mut Seen>,
    ) -> Result<Vec<Imported>> {
        self.accounts.import(ctx, rows, dry).await
    }

    /// All accounts, newest first. Errors: 403; 400 `bad_cursor`.
    pub async fn list_users(&self, ctx: &Ctx, limit: Limit, after: Option<&str>) -> Result<Page<User>> {
        self.accounts.list(ctx, limit, after).await
    }

    /// Errors: 403.
    pub async fn find_by_email(&self, ctx: &Ctx, email: &str) -> Result<Option<User>> {
        self.accounts.find_by_email(ctx, email).await
    }

    /// Gives an account exactly these roles. Errors: 403; 404; 409 `last_administrator`; 422.
    pub async fn set_roles(&self, ctx: &Ctx, user_id: UserId, roles: &[String]) -> Result<User> {
        self.accounts.set_roles(ctx, user_id, roles, |_| true).await
    }

    /// Suspends or resumes an account. Errors: 403; 404; 409 `last_administrator`; 422.
    pub async fn set_state(&self, ctx: &Ctx, user_id: UserId, state: State, reason: Option<String>) -> Result<User> {
        self.credentials.set_state(ctx, user_id, state, reason, |_| true).await
    }

    /// Removes every second factor and passkey of an account. Errors: 403; 404; 503.
    pub async fn reset_factors(&self, ctx: &Ctx, user_id: UserId) -> Result<()> {
        self.credentials.reset_factors(ctx, user_id).await
    }

    /// Removes what is long over; for the server itself. Errors: 403; 503.
    pub async fn purge(&self, ctx: &Ctx) -> Result<u64> {
        Ok(self.sessions.purge(ctx).await?
            + self.logins.single_use().purge(ctx).await?
            + self.accounts.purge(ctx).await?
            + self.accounts.api_keys().purge(ctx).await?
            + self.devices.purge(ctx).await?
            + self.notices.purge(ctx).await?
            + self.invitations.purge(ctx).await?)
    }

    /// How many password hashes were computed since the start, whoever for.
    pub fn password_hashes(&self) -> u64 {
        self.accounts.passwords().hashed()
    }

    async fn actor(&self, source: &Source, token: &str, request: &RequestInfo) -> Result<Actor> {
        let refused = || Error::new(Code::InvalidToken);
        let verified = self.tokens.verify_access(token, source.clock.now()).ok_or_else(refused)?;
        let principal = self.sessions.principal(source, verified.session_id, verified.user_id, request).await?;
        principal.map(Actor::Full).ok_or_else(refused)
    }

    async fn key_actor(&self, source: &Source, secret: &str, request: &RequestInfo) -> Result<Actor> {
        let principal = self.accounts.api_keys().principal(source, secret, request).await?;
        principal.map(Actor::Full).ok_or_else(|| Error::new(Code::InvalidToken))
    }
}

impl Authenticate for Identity {
    fn authenticate<'a>(
        &'a self,
        source: &'a Source,
        credentials: Credentials<'a>,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Actor>> {
        async move {
            match credentials {
                Credentials::None => Ok(Actor::Anonymous),
                Credentials::ApiKey(secret) => self.key_actor(source, secret, request).await,
                Credentials::Bearer(token) if token.starts_with(api_keys::PREFIX) => {
                    self.key_actor(source, token, request).await
                }
                Credentials::Bearer(token) | Credentials::Cookie(token) => self.actor(source, token, request).await,
            }
        }
        .boxed()
    }

    fn is_csrf_token(&self, session_id: SessionId, sent: &[u8]) -> bool {
        self.tokens.is_csrf(session_id, sent)
    }

    fn access_cookie(&self) -> &str {
        &self.cookies.access
    }

    fn device_cookie(&self) -> &str {
        &self.cookies.device
    }
}

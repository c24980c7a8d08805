//! Rules of the log-in by others: begun in one browser, ended once in the same, and led only where the app file says.
use std::sync::Arc;

use ::store::Ctx;
use futures_util::FutureExt as _;
use kernel::{Code, Error, Method, Result, StepUp, UserId};
use openidconnect::url::Url;
use platform::single_use::{Issue, Purpose, Ticket};
use web::Outbound;

use super::{
    exchange,
    flow::{self, random},
    id_token::Issuers,
    model::{Fetched, Flow, Person, ProviderKind, Returned, Settings},
    providers::Known,
    redirects,
};
use crate::{
    accounts::User,
    logins::{Logins, Outcome},
    sessions::Transport,
};

/// Log-ins by others; cheap to clone.
#[derive(Clone)]
pub struct Oauth(Arc<Inner>);

struct Inner {
    logins: Logins,
    outbound: Outbound,
    providers: Vec<Known>,
    redirects: Vec<String>,
    public_url: String,
}

/// Where the browser goes to prove who is before it.
pub(super) struct Begun {
    pub url: String,
    /// What its cookie must say when it comes back.
    pub browser: String,
}

/// What a callback came to.
#[allow(clippy::large_enum_variant, reason = "one lives as long as its request")]
pub(super) enum Done {
    /// A session in cookies, or what is to be proven first.
    Outcome(Outcome),
    /// Trades for tokens.
    Code(String),
    Linked,
}

impl Oauth {
    pub(crate) fn new(logins: Logins, outbound: Outbound, settings: Settings, public_url: String) -> Self {
        let providers = settings.providers.into_iter().map(Known::new).collect();
        Self(Arc::new(Inner { logins, outbound, providers, redirects: settings.redirects, public_url }))
    }

    /// Begins a log-in, or with `is_link` the linking of the caller's account, which wants a fresh log-in. With a `challenge` its tokens
    /// are fetched by the app that can answer it.
    ///
    /// Errors: 400 for a target that is not listed; 401; 404 for a provider that is not there; 503.
    pub(super) async fn begin(
        &self,
        ctx: &Ctx,
        provider: &str,
        redirect_to: Option<&str>,
        challenge: Option<String>,
        is_link: bool,
        browser: Option<&str>,
    ) -> Result<Begun> {
        let known = self.known(provider)?;
        let redirect_to = self.redirect(redirect_to)?;
        let link = is_link.then(|| ctx.actor.require_fresh(ctx.now(), StepUp::FRESH)).transpose()?;
        let user_id = link.map(|principal| principal.user_id);
        let found = known.found(ctx, &self.0.outbound, false).await?;
        let flow = Flow {
            provider: known.provider.name.clone(),
            nonce: random(ctx.random()),
            verifier: random(ctx.random()),
            redirect_to,
            challenge,
            link: user_id.map(|id| id.to_string()),
        };
        let browser = browser.map_or_else(|| random(ctx.random()), str::to_owned);
        let (oauth, kept, secret) = (self.clone(), flow.clone(), browser.clone());
        let state = ctx.write(move |ctx, tx| {
            async move { flow::begin(oauth.logins().single_use(), tx, &ctx, &kept, &secret, user_id).await }.boxed()
        });
        let url = self.authorization(known, &found.authorization, &flow, &state.await?)?;
        Ok(Begun { url, browser })
    }

    fn authorization(&self, known: &Known, endpoint: &str, flow: &Flow, state: &str) -> Result<String> {
        let is_github = matches!(known.provider.kind, ProviderKind::GitHub { .. });
        let scope = if is_github { "read:user user:email" } else { "openid email profile" };
        let mut url = Url::parse(endpoint).map_err(Error::internal)?;
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &known.provider.client_id)
            .append_pair("redirect_uri", &self.callback(&known.provider.name))
            .append_pair("scope", scope)
            .append_pair("state", state)
            .append_pair("code_challenge", &flow::challenge(&flow.verifier))
            .append_pair("code_challenge_method", "S256");
        if !is_github {
            url.query_pairs_mut().append_pair("nonce", &flow.nonce);
        }
        Ok(url.into())
    }

    /// The log-in that `state` is of, which is used up. Errors: 401 `invalid_token`; 404 for a provider that is not there any more.
    pub(super) async fn resume(&self, ctx: &Ctx, provider: &str, state: String, browser: String) -> Result<Flow> {
        let oauth = self.clone();
        let taken = ctx.write(move |ctx, tx| {
            // Returned, not failed with: that it was tried is to be committed.
            async move { flow::take(oauth.logins().single_use(), tx, &ctx, &state, &browser).await }.boxed()
        });
        let flow = taken.await?.filter(|flow| flow.provider == provider);
        let flow = flow.ok_or_else(|| Error::new(Code::InvalidToken))?;
        // The app file may have changed since (CVE-2025-64717, CVE-2024-28239).
        self.known(provider)?;
        self.redirect(Some(&flow.redirect_to))?;
        Ok(flow)
    }

    /// Ends a log-in. Errors: 401 `identity_refused`, `access_denied` told by the provider among them; those of signing in; 503.
    pub(super) async fn finish(&self, ctx: &Ctx, flow: Flow, returned: Returned) -> Result<Done> {
        let known = self.known(&flow.provider)?;
        let found = known.found(ctx, &self.0.outbound, false).await?;
        // Mix-up: the answer must be of the provider that was asked (RFC 9207).
        if let Issuers::One(issuer) = known.issuers() {
            let is_right = match &returned.issuer {
                Some(named) => named == issuer,
                None => !found.names_issuer,
            };
            if !is_right {
                return Err(Error::new(Code::IdentityRefused));
            }
        }
        let (None, Some(code)) = (returned.error, returned.code) else {
            return Err(Error::new(Code::IdentityRefused));
        };
        let callback = self.callback(&flow.provider);
        let person = exchange::person(ctx, &self.0.outbound, known, &flow, &code, &callback).await?;
        match flow.link.as_deref().map(UserId::parse) {
            None => self.log_in(ctx, person, flow.challenge).await,
            Some(user_id) => {
                // Who began it must still be who is here.
                let user_id = user_id.filter(|id| ctx.actor.user_id() == Some(*id));
                let user_id = user_id.ok_or_else(|| Error::new(Code::Unauthenticated))?;
                let oauth = self.clone();
                let linked =
                    ctx.write(move |ctx, tx| async move { oauth.link(tx, &ctx, user_id, &person).await }.boxed());
                linked.await.map(|()| Done::Linked)
            }
        }
    }

    async fn log_in(&self, ctx: &Ctx, person: Person, challenge: Option<String>) -> Result<Done> {
        let oauth = self.clone();
        let done = ctx.write(move |ctx, tx| {
            async move {
                let found = oauth.sign_in(tx, &ctx, &person).await?;
                let claimed = found.is_claimed.then_some(found.user.id);
                let Some(challenge) = challenge else {
                    let begun =
                        oauth.logins().begin(tx, &ctx, found.user, Method::Federated, Transport::Cookie).await?;
                    return Ok((claimed, Ok(begun)));
                };
                let payload = serde_json::to_vec(&Fetched { user_id: found.user.id.to_string(), challenge });
                let payload = payload.map_err(Error::internal)?;
                let issue = Issue { purpose: Purpose::OAUTH_CODE, user_id: Some(found.user.id), payload: &payload };
                let ticket = oauth.logins().single_use().issue(tx, &ctx, issue).await?;
                Ok((claimed, Err(ticket.reveal())))
            }
            .boxed()
        });
        let (claimed, begun) = done.await?;
        if let Some(user_id) = claimed {
            self.logins().accounts().sessions().forget_user(user_id);
        }
        match begun {
            Ok(begun) => self.logins().outcome(ctx, begun).map(Done::Outcome),
            Err(code) => Ok(Done::Code(code)),
        }
    }

    /// Trades the code of a log-in for its tokens, or for the challenge to answer first. Only the app that began it has the verifier:
    /// whoever saw the code has nothing, and nobody is led into an account of another's with it.
    ///
    /// Errors: 401 `invalid_token`.
    pub(super) async fn fetch(&self, ctx: &Ctx, code: &str, verifier: &str) -> Result<Outcome> {
        let refused = || Error::new(Code::InvalidToken);
        let ticket = Ticket::parse(code).ok_or_else(refused)?;
        let (oauth, challenge) = (self.clone(), flow::challenge(verifier));
        let begun = ctx.write(move |ctx, tx| {
            async move {
                let logins = oauth.logins();
                let (single_use, purpose) = (logins.single_use(), Purpose::OAUTH_CODE);
                // The account comes first, as wherever what it was given ends.
                let Some(payload) = single_use.find(tx, &ctx, purpose, &ticket).await? else { return Ok(None) };
                let fetched: Fetched = serde_json::from_slice(payload.expose()).map_err(Error::internal)?;
                let Some(user_id) = UserId::parse(&fetched.user_id) else { return Ok(None) };
                let user = logins.accounts().lock(tx, user_id).await?.filter(User::is_active);
                let taken = single_use.consume(tx, &ctx, purpose, ticket.subject, ticket.secret.expose()).await?;
                let (Some(_), Some(user), true) = (taken, user, fetched.challenge == challenge) else {
                    return Ok(None);
                };
                logins.begin(tx, &ctx, user, Method::Federated, Transport::Bearer).await.map(Some)
            }
            .boxed()
        });
        let begun = begun.await?.ok_or_else(refused)?;
        self.logins().outcome(ctx, begun)
    }

    fn known(&self, name: &str) -> Result<&Known> {
        let found = self.0.providers.iter().find(|known| known.provider.name == name);
        found.ok_or_else(|| Error::new(Code::NotFound))
    }

    fn redirect(&self, wanted: Option<&str>) -> Result<String> {
        let chosen = redirects::choose(&self.0.public_url, &self.0.redirects, wanted);
        let refused = || Error::new(Code::BadQuery).with_detail("redirect_to is not listed in oauth.redirects.");
        chosen.map(std::borrow::Cow::into_owned).ok_or_else(refused)
    }

    fn callback(&self, provider: &str) -> String {
        format!("{}/auth/v1/oauth/{provider}/callback", self.0.public_url)
    }

    pub(super) fn logins(&self) -> &Logins {
        &self.0.logins
    }
}

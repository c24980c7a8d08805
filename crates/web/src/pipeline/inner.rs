//! What a request of a route passes: caller, limits, access, CSRF, query, body, handler, in this order: who may not call is
//! told so before a byte of the body is read.
use std::{mem, sync::Arc};

use http::{HeaderMap, HeaderName, HeaderValue, Method, header};
use hyper::body::Body as _;
use kernel::{Actor, Code, Error, Principal, Result, UserId, actor::ApiKeyGrant, error::Kind};
use store::RequestInfo;

use super::{Inner, once, outer::Exchange};
use crate::{
    Access, Call, Class, Credentials, Reply, Route, cookies, csrf,
    edge::{
        audit::one_line,
        validation::{self, Bounds},
    },
};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

impl Inner {
    pub(super) async fn run(
        &self,
        exchange: &mut Exchange,
        route: &Route,
        params: Vec<(String, String)>,
    ) -> Result<Reply> {
        let caller = self.caller(route, &exchange.headers, &exchange.line.request).await?;
        exchange.line.user = caller.user();
        exchange.line.api_key = caller.api_key().map(|key| key.id);
        if let Some(user) = caller.user() {
            let now = self.source.clock.now();
            // The key first: what its limit refuses costs its owner nothing.
            if let Some(key) = caller.api_key() {
                self.limiter.by_api_key(key, now, &mut exchange.verdicts)?;
            }
            self.limiter.by_principal(route.class, user, now, &mut exchange.verdicts)?;
        }
        let mut actor = self.admit(route, &exchange.headers, caller)?;

        let query = validation::query(&route.query, exchange.line.uri.query())?;
        let bounds = Bounds { bytes: route.body_limit.unwrap_or(self.body.bytes), ..self.body };
        let is_here = exchange.body.is_end_stream();
        let body = validation::read(route, &exchange.headers, &mut exchange.body, bounds, &self.room).await?;
        if !is_here {
            // A body may take longer to arrive than a verdict on its sender is good for.
            let caller = self.caller(route, &exchange.headers, &exchange.line.request).await?;
            actor = self.admit(route, &exchange.headers, caller)?;
        }
        let once = once::of(route, &actor, exchange, &body)?;
        let call = Call {
            ctx: self.source.ctx(actor, Arc::clone(&exchange.line.request)).with_once(once.clone()),
            headers: mem::take(&mut exchange.headers),
            params,
            query,
            body,
            origins: Arc::clone(&self.origins),
        };
        let mut reply = (route.handler)(call).await?;
        if once.is_some_and(|once| once.is_replayed()) {
            reply.headers.push((once::REPLAYED, HeaderValue::from_static("true")));
        }
        Ok(reply)
    }

    /// Who calls. Where anyone may, credentials that are not valid count as none, as do those that cannot be checked now.
    async fn caller(&self, route: &Route, headers: &HeaderMap, request: &RequestInfo) -> Result<Caller> {
        // Liveness must not wait for a database.
        if route.class == Class::Probe {
            return Ok(Caller::ANONYMOUS);
        }
        let is_public = route.access == Access::Public;
        let credentials = match credentials(headers, self.authenticate.access_cookie()) {
            Err(_) if is_public => Credentials::None,
            credentials => credentials?,
        };
        if matches!(credentials, Credentials::None) {
            return Ok(Caller::ANONYMOUS);
        }
        match self.authenticate.authenticate(&self.source, credentials, request).await {
            // Nobody logs in, or out, by an API key.
            Ok(actor) if is_public && actor.principal().is_some_and(|principal| principal.api_key().is_some()) => {
                Ok(Caller::ANONYMOUS)
            }
            Ok(actor) => Ok(Caller { actor, has_cookie: matches!(credentials, Credentials::Cookie(_)) }),
            Err(error) if is_public => {
                if error.code().kind() != Kind::Unauthenticated {
                    tracing::warn!("credentials could not be checked: {}", one_line(&format!("{error:?}")));
                }
                Ok(Caller::ANONYMOUS)
            }
            Err(error) => Err(error),
        }
    }

    /// Who calls, if they may call here and it was them who did.
    fn admit(&self, route: &Route, headers: &HeaderMap, caller: Caller) -> Result<Actor> {
        check_access(route, &caller.actor)?;
        let actor = self.proven(route, headers, caller)?;
        if let Some(wanted) = route.step_up {
            actor.require_fresh(self.source.clock.now(), wanted)?;
        }
        Ok(actor)
    }

    /// A cookie comes along whoever makes the browser ask: a write must also come from a known origin and echo the token.
    fn proven(&self, route: &Route, headers: &HeaderMap, caller: Caller) -> Result<Actor> {
        let is_read = matches!(route.method, Method::GET | Method::HEAD | Method::OPTIONS);
        if is_read || !caller.has_cookie {
            return Ok(caller.actor);
        }
        csrf::check_origin(&self.origins, headers)?;
        let session = caller.actor.principal().and_then(Principal::session);
        if session.is_some_and(|session| self.authenticate.is_csrf_token(session, csrf::sent_token(headers))) {
            return Ok(caller.actor);
        }
        // Logging in again over an old session: what counts are the credentials in the body.
        if route.access == Access::Public && route.class == Class::Credentials {
            return Ok(Actor::Anonymous);
        }
        Err(Error::new(Code::CsrfFailed))
    }
}

struct Caller {
    actor: Actor,
    has_cookie: bool,
}

impl Caller {
    const ANONYMOUS: Self = Self { actor: Actor::Anonymous, has_cookie: false };

    /// Half a log-in is counted and logged, too.
    fn user(&self) -> Option<UserId> {
        match self.actor {
            Actor::PasswordOnly(user) => Some(user),
            _ => self.actor.user_id(),
        }
    }

    fn api_key(&self) -> Option<&ApiKeyGrant> {
        self.actor.principal()?.api_key()
    }
}

/// What a request shows of itself. Errors: 401 `invalid_token` for an `Authorization` that is not a bearer token, and for
/// credentials beside an API key.
fn credentials<'a>(headers: &'a HeaderMap, access_cookie: &str) -> Result<Credentials<'a>> {
    let mut keys = headers.get_all(API_KEY).iter();
    if let Some(key) = keys.next() {
        return match key.to_str() {
            Ok(key) if keys.next().is_none() && !headers.contains_key(header::AUTHORIZATION) => {
                Ok(Credentials::ApiKey(key.trim()))
            }
            _ => Err(Error::new(Code::InvalidToken)),
        };
    }
    let mut sent = headers.get_all(header::AUTHORIZATION).iter();
    let Some(authorization) = sent.next() else {
        return Ok(cookies::get(headers, access_cookie).map_or(Credentials::None, Credentials::Cookie));
    };
    let bearer = authorization.to_str().ok().and_then(|authorization| {
        let (scheme, token) = authorization.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim()).filter(|token| !token.is_empty())
    });
    match (bearer, sent.next()) {
        (Some(token), None) => Ok(Credentials::Bearer(token)),
        _ => Err(Error::new(Code::InvalidToken)),
    }
}

fn check_access(route: &Route, actor: &Actor) -> Result<()> {
    if let Some(key) = actor.principal().and_then(Principal::api_key) {
        check_scopes(route, key)?;
    }
    match (route.access, actor) {
        (Access::Public, _) => Ok(()),
        // Half a log-in is good for nothing but completing it.
        (_, Actor::PasswordOnly(_)) => Err(Error::new(Code::Unauthenticated)),
        (Access::Rules, _) => Ok(()),
        (Access::LoggedIn, actor) => actor.require_login().map(|_| ()),
        (Access::Permission(permission), actor) => actor.require(permission),
    }
}

fn check_scopes(route: &Route, key: &ApiKeyGrant) -> Result<()> {
    if route.scopes.iter().any(|scope| key.may_use(scope)) {
        return Ok(());
    }
    Err(route.scopes.first().map_or_else(Error::no_api_keys, Error::insufficient_scope))
}

//! What a provider publishes of itself (OpenID Connect Discovery), kept for an hour and while it is away, and its keys anew.
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ::store::Ctx;
use kernel::{Code, Error, Result, Timestamp};
use openidconnect::core::CoreJsonWebKeySet;
use serde::{Deserialize, de::DeserializeOwned};
use web::{Outbound, Request, Response, header, outbound::Bounds};

use super::{
    github,
    id_token::Issuers,
    jws,
    model::{Provider, ProviderKind},
};

const HOUR: i64 = 3_600_000_000;
/// Unknown keys make us ask again, and strangers can name unknown keys.
const KEYS_PAUSE: i64 = 30_000_000;

pub(super) const MICROSOFT: &str = "https://login.microsoftonline.com";
/// The names that stand for many tenants.
const MANY: [&str; 3] = ["common", "organizations", "consumers"];

/// A provider that did not answer is left alone for so long.
const FAILURE_PAUSE: i64 = 30_000_000;

/// A provider, and what is known of it.
pub(super) struct Known {
    pub provider: Provider,
    learnt: Mutex<Learnt>,
    /// Whoever asks the provider holds it.
    asking: tokio::sync::Mutex<()>,
}

/// What came of asking a provider.
#[derive(Clone, Default)]
struct Learnt {
    found: Option<(Timestamp, Arc<Found>)>,
    /// When it last failed, and how, if it was not asked with success since.
    failed: Option<(Timestamp, Code)>,
}

impl Learnt {
    /// What to go by without asking, for whoever takes nothing older than `keep`.
    fn at(&self, now: Timestamp, keep: i64) -> Option<Result<Arc<Found>>> {
        let is_within = |at: Timestamp, span: i64| now.micros() - at.micros() < span;
        match (&self.found, self.failed) {
            (Some((at, found)), _) if is_within(*at, keep) => Some(Ok(Arc::clone(found))),
            (_, Some((at, code))) if is_within(at, FAILURE_PAUSE) => Some(self.without(code)),
            _ => None,
        }
    }

    /// While it is away, what it said before still holds.
    fn without(&self, code: Code) -> Result<Arc<Found>> {
        match &self.found {
            Some((_, found)) if code == Code::Unavailable => Ok(Arc::clone(found)),
            _ if code == Code::Unavailable => Err(away()),
            _ => Err(Error::new(code)),
        }
    }
}

/// Where a provider is asked what.
pub(super) struct Found {
    pub authorization: String,
    pub token: String,
    pub userinfo: Option<String>,
    /// Whether its answers name their issuer (RFC 9207).
    pub names_issuer: bool,
    /// Whether the secret goes into a header, else into the body.
    pub is_basic: bool,
    pub keys: CoreJsonWebKeySet,
}

#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

impl Known {
    pub(super) fn new(provider: Provider) -> Self {
        Self { provider, learnt: Mutex::default(), asking: tokio::sync::Mutex::default() }
    }

    /// What it publishes; `newer` asks again because a key was unknown. One asks at a time, and nobody whom something older serves
    /// waits for that.
    ///
    /// Errors: 503; 401 `identity_refused` when it says that it is another issuer.
    pub(super) async fn found(&self, ctx: &Ctx, outbound: &Outbound, newer: bool) -> Result<Arc<Found>> {
        let keep = if newer { KEYS_PAUSE } else { HOUR };
        let learnt = self.learnt();
        if let Some(known) = learnt.at(ctx.now(), keep) {
            return known;
        }
        let _asking = match (self.asking.try_lock(), learnt.found) {
            (Ok(guard), _) => guard,
            (Err(_), Some((_, found))) if !newer => return Ok(found),
            (Err(_), _) => self.asking.lock().await,
        };
        // Somebody else may have asked while we waited.
        if let Some(known) = self.learnt().at(ctx.now(), keep) {
            return known;
        }
        let asked = self.discover(outbound).await;
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        match asked {
            Ok(found) => {
                let found = Arc::new(found);
                *learnt = Learnt { found: Some((ctx.now(), Arc::clone(&found))), failed: None };
                Ok(found)
            }
            Err(error) => {
                tracing::warn!(provider = self.provider.name, ?error, "the provider cannot be asked");
                learnt.failed = Some((ctx.now(), error.code()));
                learnt.without(error.code()).map_err(|_| error)
            }
        }
    }

    fn learnt(&self) -> Learnt {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn discover(&self, outbound: &Outbound) -> Result<Found> {
        let base = match &self.provider.kind {
            ProviderKind::GitHub { url } => return Ok(github::found(url)),
            ProviderKind::Oidc { issuer } | ProviderKind::LinkedIn { issuer } => issuer.clone(),
            ProviderKind::Microsoft { tenant } => format!("{MICROSOFT}/{tenant}/v2.0"),
        };
        let url = format!("{}/.well-known/openid-configuration", base.trim_end_matches('/'));
        let metadata: Metadata = get(outbound, &url, None).await?;
        // Another issuer's tokens would be checked with this one's keys (OpenID Connect Discovery, 4.3; CVE-2026-31813).
        if matches!(self.issuers(), Issuers::One(issuer) if issuer != metadata.issuer) {
            tracing::error!(provider = self.provider.name, issuer = metadata.issuer, "says it is another issuer");
            return Err(Error::new(Code::IdentityRefused));
        }
        let keys = jws::keys(get(outbound, &metadata.jwks_uri, None).await?).map_err(silent)?;
        let methods = metadata.token_endpoint_auth_methods_supported;
        Ok(Found {
            authorization: metadata.authorization_endpoint,
            token: metadata.token_endpoint,
            userinfo: metadata.userinfo_endpoint,
            names_issuer: metadata.authorization_response_iss_parameter_supported,
            is_basic: methods.is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            keys,
        })
    }

    /// Whose tokens are taken of it.
    pub(super) fn issuers(&self) -> Issuers<'_> {
        match &self.provider.kind {
            ProviderKind::Oidc { issuer }
            | ProviderKind::LinkedIn { issuer }
            | ProviderKind::GitHub { url: issuer } => Issuers::One(issuer),
            ProviderKind::Microsoft { tenant } if MANY.contains(&tenant.as_str()) => Issuers::Tenants(MICROSOFT, None),
            ProviderKind::Microsoft { tenant } => Issuers::Tenants(MICROSOFT, Some(tenant)),
        }
    }

    pub(super) const fn needs_nonce(&self) -> bool {
        !matches!(self.provider.kind, ProviderKind::LinkedIn { .. })
    }
}

/// Reads JSON from elsewhere. Errors: 503.
pub(super) async fn get<T: DeserializeOwned>(outbound: &Outbound, url: &str, token: Option<&str>) -> Result<T> {
    let mut request = Request::get(url).header(header::ACCEPT, "application/json");
    // GitHub answers nobody who does not say who they are.
    request = request.header(header::USER_AGENT, "hardpan");
    if let Some(token) = token {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    let answer = send(outbound, request.body(Vec::new()).map_err(Error::internal)?).await?;
    if !answer.status().is_success() {
        return Err(silent(format!("{url} answered {}", answer.status())));
    }
    serde_json::from_slice(answer.body()).map_err(silent)
}

pub(super) async fn send(outbound: &Outbound, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>> {
    let answer = outbound.send(request.map(Into::into), Bounds::default()).await.map_err(silent)?;
    Ok(answer.map(|body| body.to_vec()))
}

/// The provider cannot be asked, or does not say what it should.
pub(super) fn silent(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    away().with_source(why)
}

fn away() -> Error {
    let pause = Duration::from_micros(FAILURE_PAUSE.unsigned_abs());
    Error::new(Code::Unavailable).with_detail("The provider does not answer as it should.").with_retry_after(pause)
}

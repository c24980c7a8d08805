//! The path of a request: the outer part sees every request, the inner one those that name a route.
mod inner;
mod once;
mod outer;
mod table;
#[cfg(test)]
pub(crate) mod tests;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use axum::body::Body;
use http::{Request, Response};
use ipnet::IpNet;
use kernel::Result;
use store::Source;

use self::table::Table;
use crate::{
    Authenticate, Limits, Routes,
    csrf::Origins,
    edge::{
        headers::Headers,
        limits::Limiter,
        validation::{Bounds, Room},
    },
};

/// Bytes that bodies which are still arriving may take together.
const BODIES: usize = 64 * 1024 * 1024;

/// How a server answers.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `app.public_url`.
    pub public_url: String,
    /// Refuse host names that are not this machine (development and testing).
    pub local_only: bool,
    /// Origins beside our own whose pages may call, as `https://app.example`.
    pub cors_origins: Vec<String>,
    /// Peers whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpNet>,
    pub limits: Limits,
    /// Most bytes of a body, where the route says nothing.
    pub body_limit: usize,
    /// How long a body may take to arrive.
    pub body_timeout: Duration,
    /// How long a request may take in all.
    pub request_timeout: Duration,
}

impl Settings {
    pub fn new(public_url: impl Into<String>) -> Self {
        Self {
            public_url: public_url.into(),
            local_only: false,
            cors_origins: Vec::new(),
            trusted_proxies: Vec::new(),
            limits: Limits::default(),
            body_limit: 1024 * 1024,
            body_timeout: Duration::from_secs(20),
            request_timeout: Duration::from_secs(30),
        }
    }
}

/// What answers requests; cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

struct Inner {
    table: Table,
    headers: Headers,
    limiter: Limiter,
    origins: Arc<Origins>,
    authenticate: Arc<dyn Authenticate>,
    source: Source,
    trusted_proxies: Vec<IpNet>,
    is_local_only: bool,
    body: Bounds,
    room: Room,
    request_timeout: Duration,
}

/// Assembles the edge around `routes`.
///
/// Errors: internal when two routes share a method and a path, or `settings` holds an origin that is none.
pub fn service(routes: Routes, settings: Settings, source: Source, authenticate: Arc<dyn Authenticate>) -> Result<App> {
    let origins = Arc::new(Origins::new(&settings.public_url, &settings.cors_origins, settings.local_only)?);
    Ok(App(Arc::new(Inner {
        table: Table::new(routes)?,
        headers: Headers::new(&settings.public_url, Arc::clone(&origins)),
        limiter: Limiter::new(settings.limits),
        origins,
        authenticate,
        source,
        trusted_proxies: settings.trusted_proxies,
        is_local_only: settings.local_only,
        body: Bounds { bytes: settings.body_limit, time: settings.body_timeout },
        room: Room::new(BODIES.max(settings.body_limit.saturating_mul(2))),
        request_timeout: settings.request_timeout,
    })))
}

impl App {
    /// Answers one request from `peer`. Never fails and never panics, whatever the handler does.
    pub async fn call(&self, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        self.0.call(request, peer).await
    }
}

//! What every request passes, known route or not: id, address, host, CORS, limits, time-out, panics, headers, the log.
use std::{any::Any, net::SocketAddr, panic::AssertUnwindSafe, sync::Arc};

use axum::body::Body;
use futures_util::FutureExt as _;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Version, header};
use kernel::{Code, Error, Secret};
use store::RequestInfo;
use tokio::time::timeout;

use super::Inner;
use crate::{
    Class, Reply, client_address, cookies,
    edge::{
        audit::Line,
        limits::{self, Verdict},
        validation,
    },
    host, problem, request_id,
};

const USER_AGENT_MAX: usize = 256;
/// Where clients without cookies send what their device is known by.
const DEVICE: HeaderName = HeaderName::from_static("x-device-token");
const DEVICE_MAX: usize = 100;

/// One request on its way.
pub(super) struct Exchange {
    pub line: Line,
    pub headers: HeaderMap,
    pub body: Body,
    pub verdicts: Vec<Verdict>,
}

/// Why a request is refused; the methods a path knows go with a 405.
pub(super) struct Refusal {
    error: Error,
    allow: Option<HeaderValue>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self { error, allow: None }
    }
}

impl Inner {
    pub(super) async fn call(&self, request: Request<Body>, peer: SocketAddr) -> Response<Body> {
        let (parts, body) = request.into_parts();
        let info = Arc::new(self.info(&parts.headers, peer));
        let origin = self.headers.listed_origin(&parts.headers);
        let is_head = parts.method == Method::HEAD;
        // Such a client has not begun to send; asking it to would be the one way to make it.
        let waits_for_continue = parts.version < Version::HTTP_2 && parts.headers.contains_key(header::EXPECT);
        let mut exchange = Exchange {
            line: Line::new(Arc::clone(&info), parts.method, parts.uri),
            headers: parts.headers,
            body,
            verdicts: Vec::new(),
        };

        let guarded = AssertUnwindSafe(self.answer(&mut exchange, origin.as_ref())).catch_unwind();
        let outcome = match timeout(self.request_timeout, guarded).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(panic)) => Err(Error::internal(format!("a handler panicked: {}", panic_text(&*panic))).into()),
            Err(_) => Err(Error::new(Code::Timeout).into()),
        };
        let is_refused = outcome.is_err();
        let reply = outcome.unwrap_or_else(|refusal| refused(refusal, &info.id, &exchange.verdicts));
        if is_refused && !waits_for_continue {
            validation::drain(&mut exchange.body).await;
        }

        let bytes = reply.body.len();
        let mut response = reply.into_response(is_head);
        let status = response.status();
        response.headers_mut().extend(limits::fields(&exchange.verdicts).into_iter().flatten());
        self.headers.apply(response.headers_mut(), status, origin, &info.id);
        exchange.line.write(status, if is_head { 0 } else { bytes });
        response
    }

    fn info(&self, headers: &HeaderMap, peer: SocketAddr) -> RequestInfo {
        let agent = headers.get(header::USER_AGENT).map(|agent| String::from_utf8_lossy(agent.as_bytes()));
        RequestInfo {
            id: request_id::of(headers, self.source.clock.now(), &*self.source.random),
            address: Some(client_address::of(peer.ip(), headers, &self.trusted_proxies)),
            user_agent: agent.map(|agent| agent.chars().take(USER_AGENT_MAX).collect()),
            device: self.device(headers),
        }
    }

    fn device(&self, headers: &HeaderMap) -> Option<Secret<String>> {
        let sent = headers.get(&DEVICE).and_then(|value| value.to_str().ok());
        let sent = sent.or_else(|| cookies::get(headers, self.authenticate.device_cookie()));
        sent.filter(|text| text.len() <= DEVICE_MAX).map(|text| Secret::new(text.to_owned()))
    }

    async fn answer(&self, exchange: &mut Exchange, origin: Option<&HeaderValue>) -> Result<Reply, Refusal> {
        if self.is_local_only {
            host::check_local(&exchange.line.uri, &exchange.headers)?;
        }
        if let Some(preflight) = self.headers.preflight(&exchange.line.method, &exchange.headers, origin) {
            return Ok(preflight?);
        }
        let found = self.table.find(exchange.line.uri.path());
        let path = found.as_ref().map(|(path, _)| *path);
        exchange.line.route = path.map(|path| Arc::clone(&path.template));
        let route = path.and_then(|path| path.route(&exchange.line.method));

        let class = route.map_or(Class::Standard, |route| route.class);
        if let Some(address) = exchange.line.request.address {
            self.limiter.by_address(class, address, self.source.clock.now(), &mut exchange.verdicts)?;
        }
        match (route, found) {
            (Some(route), Some((_, params))) => Ok(self.run(exchange, route, params).await?),
            (None, Some((path, _))) if exchange.line.method == Method::OPTIONS => {
                let mut reply = Reply::no_content();
                reply.headers.push((header::ALLOW, path.allow.clone()));
                Ok(reply)
            }
            (None, Some((path, _))) => {
                Err(Refusal { error: Error::new(Code::MethodNotAllowed), allow: Some(path.allow.clone()) })
            }
            (_, None) => Err(Error::new(Code::NotFound).into()),
        }
    }
}

fn refused(refusal: Refusal, request_id: &str, verdicts: &[Verdict]) -> Reply {
    let mut reply = problem::reply(&refusal.error, request_id, &limits::violated(verdicts));
    if let Some(allow) = refusal.allow {
        reply.headers.push((header::ALLOW, allow));
    }
    reply
}

fn panic_text(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

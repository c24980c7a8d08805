//! The client: one request, one answer, within bounds.
use std::{
    fmt, io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Request, Response, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, client::conn::http1};
use hyper_util::rt::TokioIo;
use ipnet::IpNet;
use kernel::{Error, Result};
use tokio::time::timeout;

use super::{
    address,
    connect::{self, Stream},
    target::Target,
};

/// What came back.
pub type Answer = Response<Bytes>;

/// What one request may cost.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// From its beginning to the last byte of the answer.
    pub time: Duration,
    /// Bytes of the answer's body.
    pub size: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { time: Duration::from_secs(10), size: 1 << 20 }
    }
}

/// Why there is no answer. Nothing of what was sent is in it.
#[derive(Debug)]
pub enum Fault {
    /// What is wrong with the URL, to follow it in a sentence.
    Url(&'static str),
    /// The host's name leads nowhere.
    Unresolved(io::Error),
    /// It leads to an address that may not be called.
    Refused,
    /// Plain http to an address that was not allowed by name.
    Plain,
    Unreachable(io::Error),
    TimedOut,
    /// The answer is larger than it may be.
    TooLarge,
    /// What came is no HTTP.
    Broken(hyper::Error),
}

/// Looks names up.
pub trait Resolve: Send + Sync {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>>;
}

/// As the system does.
struct System;

impl Resolve for System {
    fn resolve<'a>(&'a self, host: &'a str, port: u16) -> BoxFuture<'a, io::Result<Vec<SocketAddr>>> {
        async move { Ok(tokio::net::lookup_host((host, port)).await?.collect()) }.boxed()
    }
}

/// Calls other servers. Cheap to clone.
#[derive(Clone)]
pub struct Outbound {
    allowed: Arc<[IpNet]>,
    resolver: Arc<dyn Resolve>,
    tls: connect::Tls,
}

impl Outbound {
    /// `allowed`: networks that may be called although they are not public, also without TLS.
    pub fn new(allowed: &[IpNet]) -> Result<Self> {
        Self::with_resolver(allowed, Arc::new(System))
    }

    /// The same with names of its own, for tests.
    pub fn with_resolver(allowed: &[IpNet], resolver: Arc<dyn Resolve>) -> Result<Self> {
        Ok(Self { allowed: allowed.into(), resolver, tls: connect::tls().map_err(Error::internal)? })
    }

    /// Sends `request`, whose URI is absolute, and reads the answer, whatever its status: a redirect is an answer too.
    pub async fn send(&self, request: Request<Bytes>, bounds: Bounds) -> Result<Answer, Fault> {
        timeout(bounds.time, self.exchange(request, bounds.size)).await.unwrap_or(Err(Fault::TimedOut))
    }

    async fn exchange(&self, request: Request<Bytes>, size: usize) -> Result<Answer, Fault> {
        let target = Target::of(request.uri())?;
        let addresses = self.addresses(&target).await?;
        let stream = connect::open(&addresses, &target, &self.tls).await.map_err(Fault::Unreachable)?;
        let (mut parts, body) = request.into_parts();
        parts.uri = target.path;
        parts.headers.insert(header::HOST, target.authority);
        parts.headers.insert(header::CONNECTION, http::HeaderValue::from_static("close"));
        let answer = talk(stream, Request::from_parts(parts, Full::new(body))).await?;
        read(answer, size).await
    }

    /// Where the host is. One address that may not be called spoils all: who controls the name could choose among them.
    async fn addresses(&self, target: &Target) -> Result<Vec<SocketAddr>, Fault> {
        let found = match target.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, target.port)],
            Err(_) => self.resolver.resolve(&target.host, target.port).await.map_err(Fault::Unresolved)?,
        };
        if found.is_empty() {
            return Err(Fault::Unresolved(io::ErrorKind::NotFound.into()));
        }
        if !found.iter().all(|found| address::may_call(found.ip(), &self.allowed)) {
            return Err(Fault::Refused);
        }
        let is_allowed = |found: &SocketAddr| self.allowed.iter().any(|net| net.contains(&found.ip().to_canonical()));
        if !target.is_tls && !found.iter().all(is_allowed) {
            return Err(Fault::Plain);
        }
        Ok(found)
    }
}

/// Asks over a connection that is used once.
async fn talk(stream: Box<dyn Stream>, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Fault> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(Fault::Broken)?;
    // It ends with the answer's body, or when that is dropped.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to another server ended badly");
        }
    });
    sender.send_request(request).await.map_err(Fault::Broken)
}

async fn read(answer: Response<Incoming>, size: usize) -> Result<Answer, Fault> {
    let (parts, mut body) = answer.into_parts();
    let mut read = BytesMut::new();
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(Fault::Broken)?.into_data() {
            if read.len() + data.len() > size {
                return Err(Fault::TooLarge);
            }
            read.extend_from_slice(&data);
        }
    }
    Ok(Response::from_parts(parts, read.freeze()))
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url(fault) => write!(f, "the URL {fault}"),
            Self::Unresolved(_) => f.write_str("the host's name leads nowhere"),
            Self::Refused => f.write_str("the host's address is not public, and outbound.allow does not list it"),
            Self::Plain => f.write_str("http without TLS is for networks that outbound.allow lists"),
            Self::Unreachable(error) => write!(f, "the host cannot be reached: {}", error.kind()),
            Self::TimedOut => f.write_str("there was no whole answer in time"),
            Self::TooLarge => f.write_str("the answer is too large"),
            Self::Broken(_) => f.write_str("the answer is not as HTTP wants it"),
        }
    }
}

impl std::error::Error for Fault {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unresolved(error) | Self::Unreachable(error) => Some(error),
            Self::Broken(error) => Some(error),
            _ => None,
        }
    }
}

//! How the edge learns who calls: a trait that identity implements and `assemble` injects.
use futures_util::future::BoxFuture;
use kernel::{Actor, Result, SessionId};
use store::{RequestInfo, Source};

/// What a request shows of itself.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    None,
    /// `Authorization: Bearer`; with it, cookies are ignored.
    Bearer(&'a str),
    /// `X-API-Key`; with it, cookies are ignored.
    ApiKey(&'a str),
    /// The access cookie.
    Cookie(&'a str),
}

/// Turns credentials into an actor.
pub trait Authenticate: Send + Sync {
    /// Errors: 401 `invalid_token` for credentials that are not valid (any more), or not for this request; 503 when that cannot
    /// be known.
    fn authenticate<'a>(
        &'a self,
        source: &'a Source,
        credentials: Credentials<'a>,
        request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Actor>>;

    /// Whether `sent` is the token that writes with this session's cookies must echo. Compared in constant time.
    fn is_csrf_token(&self, session_id: SessionId, sent: &[u8]) -> bool;

    /// The name of the access cookie.
    fn access_cookie(&self) -> &str;

    /// The name of the cookie by which a device is known again.
    fn device_cookie(&self) -> &str;
}

//! How the edge learns who calls: a trait that identity implements and `assemble` injects.
use futures_util::future::BoxFuture;
use kernel::{Actor, Result};
use store::Source;

/// What a request shows of itself.
#[derive(Clone, Copy)]
pub enum Credentials<'a> {
    None,
    /// `Authorization: Bearer`; with it, cookies are ignored.
    Bearer(&'a str),
    /// The access cookie.
    Cookie(&'a str),
}

/// Who calls, and what a write with cookies must echo.
#[derive(Clone, Debug)]
pub struct Authenticated {
    pub actor: Actor,
    /// The CSRF token bound to the session, when it came by cookie.
    pub csrf_token: Option<String>,
}

impl Authenticated {
    pub const fn anonymous() -> Self {
        Self { actor: Actor::Anonymous, csrf_token: None }
    }
}

/// Turns credentials into an actor.
pub trait Authenticate: Send + Sync {
    /// Errors: 401 `invalid_token` for credentials that are not valid (any more), 503 when that cannot be known.
    fn authenticate<'a>(
        &'a self,
        source: &'a Source,
        credentials: Credentials<'a>,
    ) -> BoxFuture<'a, Result<Authenticated>>;

    /// The name of the access cookie.
    fn access_cookie(&self) -> &str;
}

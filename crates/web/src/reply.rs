//! What a handler gives: a status, headers and a body that is already bytes.
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use kernel::{Error, Result};
use serde::Serialize;

/// An answer.
pub struct Reply {
    pub status: StatusCode,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    pub body: Bytes,
}

/// The status alone: bodies and cookies carry tokens.
impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reply({})", self.status)
    }
}

impl Reply {
    pub fn json<T: Serialize + ?Sized>(status: StatusCode, body: &T) -> Result<Self> {
        let body = serde_json::to_vec(body).map_err(Error::internal)?;
        Ok(Self::bytes(status, "application/json", body))
    }

    pub fn bytes(status: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Self {
        let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        Self { status, headers: vec![content_type], body: body.into() }
    }

    pub fn ok<T: Serialize + ?Sized>(body: &T) -> Result<Self> {
        Self::json(StatusCode::OK, body)
    }

    pub fn created<T: Serialize + ?Sized>(location: &str, body: &T) -> Result<Self> {
        Self::json(StatusCode::CREATED, body)?.header(header::LOCATION, location)
    }

    pub const fn no_content() -> Self {
        Self { status: StatusCode::NO_CONTENT, headers: Vec::new(), body: Bytes::new() }
    }

    /// It is taken, and no more is said of it.
    pub const fn accepted() -> Self {
        Self { status: StatusCode::ACCEPTED, headers: Vec::new(), body: Bytes::new() }
    }

    pub fn header(mut self, name: HeaderName, value: &str) -> Result<Self> {
        self.headers.push((name, HeaderValue::from_str(value).map_err(Error::internal)?));
        Ok(self)
    }

    /// `ETag: "<version>"`.
    pub fn etag(self, version: i64) -> Result<Self> {
        self.header(header::ETAG, &format!("\"{version}\""))
    }

    /// The answer on the wire; to HEAD it has the length of the body and no body.
    pub(crate) fn into_response(self, is_head: bool) -> Response<Body> {
        let length = self.body.len();
        let mut response = Response::new(if is_head { Body::empty() } else { Body::from(self.body) });
        *response.status_mut() = self.status;
        if is_head && self.status != StatusCode::NO_CONTENT {
            response.headers_mut().insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        for (name, value) in self.headers {
            response.headers_mut().append(name, value);
        }
        response
    }

    pub fn cookie(self, cookie: &Cookie) -> Result<Self> {
        self.header(header::SET_COOKIE, &cookie.to_string())
    }
}

/// A cookie for the whole site, `SameSite=Lax`.
#[derive(Clone)]
pub struct Cookie {
    pub name: String,
    pub value: String,
    /// Seconds; 0 removes it.
    pub max_age: u64,
    pub is_http_only: bool,
    /// False on loopback http alone.
    pub is_secure: bool,
}

impl std::fmt::Display for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}={}; Path=/; Max-Age={}; SameSite=Lax", self.name, self.value, self.max_age)?;
        if self.is_http_only {
            f.write_str("; HttpOnly")?;
        }
        if self.is_secure {
            f.write_str("; Secure")?;
        }
        Ok(())
    }
}

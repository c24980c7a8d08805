//! Requests to a server in process, and its answers.
use std::net::SocketAddr;

use serde_json::Value as Json;
use web::{App, HeaderMap, HttpBody, Method, StatusCode};

/// A request that is being put together.
pub struct Request {
    app: App,
    peer: SocketAddr,
    builder: http::request::Builder,
    body: Vec<u8>,
}

impl Request {
    pub fn new(app: &App, method: Method, path: &str) -> Self {
        let builder = http::Request::builder().method(method).uri(path).header("host", "127.0.0.1:8080");
        Self { app: app.clone(), peer: ([127, 0, 0, 1], 50_000).into(), builder, body: Vec::new() }
    }

    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.builder = self.builder.header(name, value);
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    #[must_use]
    pub fn from_address(mut self, address: &str) -> Self {
        self.peer.set_ip(address.parse().unwrap());
        self
    }

    #[must_use]
    pub fn json(self, body: &Json) -> Self {
        self.raw("application/json", body.to_string())
    }

    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self.header("content-type", content_type)
    }

    /// A body without a content type.
    #[must_use]
    pub fn untyped(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub async fn send(self) -> Answer {
        let builder = match self.body.len() {
            0 => self.builder,
            length => self.builder.header("content-length", length),
        };
        let request = builder.body(HttpBody::from(self.body)).unwrap();
        let (head, body) = self.app.call(request, self.peer).await.into_parts();
        let body = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes().to_vec();
        Answer { status: head.status, headers: head.headers, body }
    }
}

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when there is none.
    pub fn json(&self) -> Json {
        if self.body.is_empty() { Json::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// `name=value` of a cookie that was set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let all = self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let start = format!("{name}=");
        all.filter(|cookie| cookie.starts_with(&start)).last().map(|cookie| cookie.split(';').next().unwrap().to_owned())
    }

    /// Panics unless the status is the one expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    /// Panics unless it is a problem of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        let answer = self.expect(status);
        assert_eq!(answer.header("content-type"), Some("application/problem+json"));
        assert_eq!(answer.json()["code"], code, "{}", String::from_utf8_lossy(&answer.body));
        answer
    }
}

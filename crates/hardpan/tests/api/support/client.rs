//! Requests to a server in process, and its answers.
use std::{net::SocketAddr, sync::Arc};

use http::{HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use serde_json::Value as Json;
use web::{App, HeaderMap, HttpBody, Method, StatusCode};

use super::contract::Contract;

/// A request that is being put together.
#[derive(Clone)]
pub struct Request {
    app: App,
    contract: Arc<Contract>,
    peer: SocketAddr,
    method: Method,
    path: String,
    host: Option<HeaderValue>,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Vec<u8>,
    is_streamed: bool,
    may_fail: bool,
}

impl Request {
    pub fn new(app: &App, contract: &Arc<Contract>, method: Method, path: &str) -> Self {
        Self {
            app: app.clone(),
            contract: Arc::clone(contract),
            peer: ([127, 0, 0, 1], 50_000).into(),
            method,
            path: path.to_owned(),
            host: Some(HeaderValue::from_static("127.0.0.1:8080")),
            headers: Vec::new(),
            body: Vec::new(),
            is_streamed: false,
            may_fail: false,
        }
    }

    #[must_use]
    pub fn header(self, name: &str, value: &str) -> Self {
        self.header_bytes(name, value.as_bytes())
    }

    #[must_use]
    pub fn header_bytes(mut self, name: &str, value: &[u8]) -> Self {
        self.headers.push((name.parse().unwrap(), HeaderValue::from_bytes(value).unwrap()));
        self
    }

    #[must_use]
    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// Another `Host`, or none.
    #[must_use]
    pub fn host(mut self, host: Option<&str>) -> Self {
        self.host = host.map(|host| HeaderValue::from_bytes(host.as_bytes()).unwrap());
        self
    }

    #[must_use]
    pub fn peer(mut self, address: &str) -> Self {
        self.peer.set_ip(address.parse().unwrap());
        self
    }

    #[must_use]
    pub fn json(self, body: &Json) -> Self {
        self.raw("application/json", body.to_string())
    }

    #[must_use]
    pub fn raw(mut self, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        self.headers.retain(|(name, _)| name != "content-type");
        self.untyped(body).header("content-type", content_type)
    }

    /// The same as a GET of another path, without a body.
    #[must_use]
    pub fn to(mut self, path: &str) -> Self {
        self.method = Method::GET;
        path.clone_into(&mut self.path);
        self.body.clear();
        self
    }

    /// To another node.
    #[must_use]
    pub fn through(mut self, app: &App) -> Self {
        self.app = app.clone();
        self
    }

    /// A body without a content type.
    #[must_use]
    pub fn untyped(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    /// The body comes without its length being told.
    #[must_use]
    pub const fn streamed(mut self) -> Self {
        self.is_streamed = true;
        self
    }

    /// A 5xx is what the test is about.
    #[must_use]
    pub const fn may_fail(mut self) -> Self {
        self.may_fail = true;
        self
    }

    /// Sends it. Whatever comes back must be what [`Contract::check`] wants of every answer.
    pub async fn send(self) -> Answer {
        let mut request = http::Request::new(match (self.body.len(), self.is_streamed) {
            (_, true) => HttpBody::new(Full::from(self.body.clone()).map_frame(|frame| frame)),
            (_, false) => HttpBody::from(self.body.clone()),
        });
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.path.parse().unwrap();
        if !self.body.is_empty() && !self.is_streamed {
            request.headers_mut().insert("content-length", HeaderValue::from(self.body.len()));
        }
        if let Some(host) = self.host {
            request.headers_mut().insert("host", host);
        }
        for (name, value) in self.headers {
            request.headers_mut().append(name, value);
        }
        let (head, body) = self.app.call(request, self.peer).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        let answer = Answer { status: head.status, headers: head.headers, body };
        self.contract.check(&self.method, &self.path, &answer, self.may_fail);
        answer
    }
}

/// Sends all of them at once; answers in the same order.
pub async fn all(requests: Vec<Request>) -> Vec<Answer> {
    let sent: Vec<_> = requests.into_iter().map(|request| tokio::spawn(request.send())).collect();
    let mut answers = Vec::new();
    for answer in sent {
        answers.push(answer.await.unwrap());
    }
    answers
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
    #[track_caller]
    pub fn json(&self) -> Json {
        if self.body.is_empty() { Json::Null } else { serde_json::from_slice(&self.body).unwrap() }
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// The code of a problem; empty for any other answer.
    pub fn code(&self) -> String {
        serde_json::from_slice::<Json>(&self.body)
            .ok()
            .and_then(|body| body["code"].as_str().map(str::to_owned))
            .unwrap_or_default()
    }

    /// Status and code, to be compared in one go.
    pub fn outcome(&self) -> (u16, String) {
        (self.status.as_u16(), self.code())
    }

    /// `(field, code)` of each error a problem lists.
    #[track_caller]
    pub fn errors(&self) -> Vec<(String, String)> {
        let text = |json: &Json| json.as_str().unwrap().to_owned();
        let body = self.json();
        let errors = body["errors"].as_array().into_iter().flatten();
        errors.map(|error| (text(&error["field"]), text(&error["code"]))).collect()
    }

    /// `name=value` of a cookie that was set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        self.set_cookie(name).map(|cookie| cookie.split(';').next().unwrap().to_owned())
    }

    /// The whole `Set-Cookie` of a cookie.
    pub fn set_cookie(&self, name: &str) -> Option<String> {
        let mut all = self.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap());
        let start = format!("{name}=");
        all.rfind(|cookie| cookie.starts_with(&start)).map(str::to_owned)
    }

    /// Panics unless the status is the one expected.
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        self
    }

    /// Panics unless it is a problem of this status and code.
    #[track_caller]
    pub fn expect_problem(self, status: u16, code: &str) -> Self {
        assert_eq!(self.outcome(), (status, code.to_owned()), "{}", self.text());
        self
    }
}

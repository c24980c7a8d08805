//! Tests of the whole path of a request, in process, over toy routes.
mod access;
mod edge;

use std::{
    net::SocketAddr,
    sync::atomic::{AtomicBool, Ordering},
};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt as _;
use kernel::{
    Actor, Code, Error, Permission, Principal, SeededRandom, SessionId, StepUp, SystemClock, UserId, Uuid,
    actor::ADMIN,
    schema::{Field, Kind, Schema},
};
use serde_json::{Value as Json, json};
use store::{Db, Options, RequestInfo};

use super::*;
use crate::{Access, Call, Class, Credentials, Reply, Route};

const PEER: &str = "203.0.113.9:4711";

/// Tokens name who they are for; the cookie's session expects the token `csrf`. Who is `leaving` is known once.
#[derive(Default)]
struct Fake {
    has_left: AtomicBool,
}

impl Authenticate for Fake {
    fn authenticate<'a>(
        &'a self,
        _source: &'a Source,
        credentials: Credentials<'a>,
        _request: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Actor>> {
        let (Credentials::Bearer(token) | Credentials::Cookie(token) | Credentials::ApiKey(token)) = credentials else {
            return async { Ok(Actor::Anonymous) }.boxed();
        };
        let actor = match token {
            "user" => Ok(full(&[])),
            "admin" => Ok(full(&[ADMIN])),
            "leaving" if !self.has_left.swap(true, Ordering::SeqCst) => Ok(full(&[])),
            "half" => Ok(Actor::PasswordOnly(user())),
            "away" => Err(Error::unavailable("the database is away")),
            _ => Err(Error::new(Code::InvalidToken)),
        };
        async move { actor }.boxed()
    }

    fn is_csrf_token(&self, _session_id: SessionId, sent: &[u8]) -> bool {
        sent == b"csrf"
    }

    fn access_cookie(&self) -> &'static str {
        "hardpan_access"
    }

    fn device_cookie(&self) -> &'static str {
        "device"
    }
}

fn user() -> UserId {
    UserId::from_uuid(Uuid::from_u128(7))
}

fn full(roles: &[&str]) -> Actor {
    Actor::Full(Principal {
        roles: roles.iter().map(|role| (*role).into()).collect(),
        ..Principal::of_session(user(), SessionId::from_uuid(Uuid::from_u128(8)))
    })
}

/// Tells who called and with what.
async fn echo((): (), call: Call) -> Result<Reply> {
    let user = call.ctx.actor.user_id().map(|user| user.to_string());
    let address = call.ctx.request.address.map(|address| address.to_string());
    Reply::ok(
        &json!({"user": user, "id": call.param("id").ok(), "limit": call.query("limit"), "body": call.body, "address": address}),
    )
}

fn route(method: Method, path: &'static str) -> Route {
    Route::new(method, path, path, &(), echo)
}

fn routes() -> Routes {
    let schema = Schema::new(vec![Field::required("title", Kind::text(10))]);
    vec![
        route(Method::GET, "/livez").access(Access::Public).class(Class::Probe),
        route(Method::GET, "/public").access(Access::Public),
        route(Method::POST, "/public").access(Access::Public),
        route(Method::POST, "/login").access(Access::Public).class(Class::Credentials).body(schema.clone()),
        route(Method::GET, "/rules")
            .access(Access::Rules)
            .query(vec![Field::optional("limit", Kind::Int { min: 1, max: 200 })]),
        route(Method::GET, "/docs/{id}"),
        route(Method::PATCH, "/docs/{id}").record_body(schema.clone()).body_limit(50),
        route(Method::POST, "/docs").body(schema),
        route(Method::GET, "/users").access(Access::Permission(Permission::ReadUsers)),
        Route::new(Method::POST, "/origin", "origin", &(), |(), call: Call| async move {
            call.check_origin()?;
            call.check_csrf(|sent| sent == b"expected").map(|()| Reply::no_content())
        })
        .access(Access::Public),
        Route::new(Method::GET, "/panic", "panic", &(), |(), _| async { panic!("at the disco") })
            .access(Access::Public),
        Route::new(Method::GET, "/broken", "broken", &(), |(), _| async {
            Err(Error::internal("table users is gone"))
        })
        .access(Access::Public),
        Route::new(Method::GET, "/forever", "forever", &(), |(), _| std::future::pending()).access(Access::Public),
        Route::new(Method::GET, "/busy", "busy", &(), |(), _| async { Err(Error::overloaded("the queue is full")) })
            .access(Access::Public),
        Route::new(Method::GET, "/fresh", "fresh", &(), |(), _| async { Err(Error::step_up(StepUp::FRESH)) })
            .access(Access::Public),
    ]
}

pub(crate) struct Test {
    pub app: App,
    _folder: tempfile::TempDir,
}

struct Answer {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Test {
    async fn new(change: impl FnOnce(&mut Settings)) -> Self {
        Self::with(routes(), change).await
    }

    pub(crate) async fn with(routes: Routes, change: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("web.db").display());
        let db = Db::open(Options::new(url)).await.unwrap();
        let source = Source { db, clock: Arc::new(SystemClock), random: Arc::new(SeededRandom::new(1)) };
        let mut settings = Settings::new("http://127.0.0.1:8080");
        settings.cors_origins = vec!["http://localhost:3000".into()];
        settings.request_timeout = Duration::from_secs(5);
        change(&mut settings);
        Self { app: service(routes, settings, source, Arc::new(Fake::default())).unwrap(), _folder: folder }
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let (parts, body) = self.app.call(request, PEER.parse::<SocketAddr>().unwrap()).await.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec()).unwrap() }
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Answer {
        self.send(request("GET", path, headers, "")).await
    }

    async fn post(&self, path: &str, headers: &[(&str, &str)], body: &'static str) -> Answer {
        self.send(request("POST", path, headers, body)).await
    }
}

fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &'static str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path);
    if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
        request = request.header("content-type", "application/json");
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(if body.is_empty() { Body::empty() } else { Body::from(body) }).unwrap()
}

impl Answer {
    fn code(&self) -> String {
        let problem: Json = serde_json::from_str(&self.body).unwrap();
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(problem["status"], self.status.as_u16());
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        format!("{} {}", self.status.as_u16(), problem["code"].as_str().unwrap())
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    fn json(&self) -> Json {
        assert_eq!(self.status, 200, "{}", self.body);
        serde_json::from_str(&self.body).unwrap()
    }
}

const USER: (&str, &str) = ("authorization", "Bearer user");
const COOKIE: (&str, &str) = ("cookie", "other=1; hardpan_access=user");

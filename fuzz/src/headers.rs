//! Requests: their line, headers, query and body, through everything the edge does.
use std::{net::SocketAddr, sync::Arc};

use ::store::{RequestInfo, Source};
use futures_util::{FutureExt as _, future::BoxFuture};
use http::{HeaderName, HeaderValue, Request, Response};
use http_body_util::BodyExt as _;
use kernel::{
    Actor, Code, Error, Permission, Result, SessionId, UserId,
    schema::{Field, Kind, Schema},
};
use serde_json::{Value as Json, json};
use testkit::TestDb;
use web::{Access, App, Authenticate, Call, Class, Credentials, HttpBody, Method, Reply, Route, Routes, Settings};

use crate::{Target, world::user};

/// A trusted proxy.
const PEER: &str = "10.0.0.1:4711";
const LISTED: &str = "http://localhost:3000";

pub struct Headers {
    app: App,
    _db: TestDb,
}

impl Target for Headers {
    const NAME: &'static str = "headers";
    const HAS_DATABASE: bool = false;

    async fn new(db: TestDb) -> Self {
        let mut settings = Settings::new("http://127.0.0.1:8080");
        settings.cors_origins = vec![LISTED.into()];
        settings.trusted_proxies = ["10.0.0.0/8", "fd00::/8"].map(|net| net.parse().expect("a net")).to_vec();
        settings.limits.enabled = false;
        settings.local_only = true;
        let app = web::service(routes(), settings, db.source.clone(), Arc::new(Known)).expect("an app");
        Self { app, _db: db }
    }

    /// As HTTP/1.1 writes a request.
    async fn run(&self, input: &[u8]) -> String {
        let Some(request) = request(input) else { return String::new() };
        let is_head = request.method() == Method::HEAD;
        let answer = self.app.call(request, PEER.parse::<SocketAddr>().expect("an address")).await;
        let (parts, body) = answer.into_parts();
        let body = body.collect().await.expect("a body").to_bytes();
        let answer = Response::from_parts(parts, body.to_vec());
        check(&answer, is_head);
        format!("{} {}", answer.status(), String::from_utf8_lossy(answer.body()))
    }
}

/// What holds for every answer.
fn check(answer: &Response<Vec<u8>>, is_head: bool) {
    let (status, headers) = (answer.status(), answer.headers());
    let text = |name: &str| headers.get(name).map(|value| value.to_str().expect("ASCII"));
    assert!(!status.is_server_error(), "{answer:?}");
    let id = text("x-request-id").expect("an id");
    assert!((1..=128).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic()), "{id}");
    assert_eq!(text("x-content-type-options"), Some("nosniff"));
    assert!(text("access-control-allow-origin").is_none_or(|origin| origin == LISTED));
    assert_eq!(status == 401, headers.contains_key("www-authenticate"), "{answer:?}");
    assert_eq!(status == 405, headers.contains_key("allow") && status.is_client_error(), "{answer:?}");
    if status.is_client_error() && !is_head {
        let problem: Json = serde_json::from_slice(answer.body()).expect("a problem");
        assert_eq!(problem["status"], status.as_u16());
        assert_eq!(problem["request_id"], id);
        assert_eq!(text("content-type"), Some("application/problem+json"));
    }
}

fn request(input: &[u8]) -> Option<Request<HttpBody>> {
    let mut lines = input.splitn(2, |byte| *byte == b'\n');
    let line = std::str::from_utf8(lines.next()?).ok()?;
    let (method, target) = line.split_once(' ')?;
    let mut request = Request::builder().method(method).uri(target);
    let mut rest = lines.next().unwrap_or_default();
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let (line, after) = (&rest[..end], &rest[end + 1..]);
        rest = after;
        if line.is_empty() {
            break;
        }
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request = request.header(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    let body = if rest.is_empty() { HttpBody::empty() } else { HttpBody::from(rest.to_vec()) };
    request.body(body).ok()
}

/// Tells what was read of the call.
async fn echo((): (), mut call: Call) -> Result<Reply> {
    let condition = call.if_match()?.map(|condition| condition.accepts(1));
    let cookie = web::cookies::get(&call.headers, "other").map(str::to_owned);
    let limit = call.limit()?.get();
    let (user, id) = (call.ctx.actor.user_id().map(|user| user.to_string()), call.param("id").ok().map(str::to_owned));
    let known = call.id::<kernel::id::User>("id").ok().map(|id: UserId| id.to_string());
    let (address, device) = (call.ctx.request.address, call.ctx.request.device.is_some());
    let filter = call.query("filter").map(str::to_owned);
    let body: Option<Json> = call.body().ok();
    Reply::ok(&json!({
        "user": user, "id": id, "known": known, "limit": limit, "if_match": condition, "cookie": cookie, "filter": filter,
        "agent": call.ctx.request.user_agent, "address": address.map(|address| address.to_string()), "device": device, "body": body,
    }))
}

fn routes() -> Routes {
    let route = |method: Method, path: &'static str| {
        let query = vec![
            Field::optional("limit", Kind::Int { min: 1, max: 200 }),
            Field::optional("filter", Kind::text(50)),
            Field::optional("at", Kind::Timestamp),
            Field::optional("price", Kind::Decimal { precision: 6, scale: 2 }),
            Field::optional("mail", Kind::Email),
            Field::optional("link", Kind::Url),
            Field::optional("is", Kind::Bool),
            Field::optional("day", Kind::Date),
        ];
        Route::new(method, path, path, &(), echo).query(query)
    };
    let schema = Schema::new(vec![
        Field::required("title", Kind::text(10)),
        Field::optional("tags", Kind::Array { items: Box::new(Kind::Email), max: 3 }),
        Field::optional("more", Kind::Json { max_bytes: 50 }).nullable(),
    ]);
    vec![
        route(Method::GET, "/livez").access(Access::Public).class(Class::Probe),
        route(Method::GET, "/public").access(Access::Public),
        route(Method::POST, "/login").access(Access::Public).class(Class::Credentials).body(schema.clone()),
        route(Method::GET, "/docs").access(Access::Rules),
        route(Method::POST, "/docs").body(schema.clone()).errors(&[Code::VersionMismatch]),
        route(Method::GET, "/docs/{id}"),
        route(Method::PATCH, "/docs/{id}").record_body(schema.clone()).body_limit(50).errors(&[Code::VersionMismatch]),
        route(Method::PUT, "/docs/{id}/parts/{part}").optional_body(schema),
        route(Method::GET, "/users").access(Access::Permission(Permission::ReadUsers)),
        Route::new(Method::POST, "/origin", "origin", &(), |(), call: Call| async move {
            call.check_origin()?;
            call.check_csrf(|sent| sent == b"csrf").map(|()| Reply::no_content())
        })
        .access(Access::Public),
    ]
}

/// Tokens name who they are for.
struct Known;

impl Authenticate for Known {
    fn authenticate<'a>(
        &'a self,
        _: &'a Source,
        credentials: Credentials<'a>,
        _: &'a RequestInfo,
    ) -> BoxFuture<'a, Result<Actor>> {
        let (Credentials::Bearer(token) | Credentials::Cookie(token) | Credentials::ApiKey(token)) = credentials else {
            return async { Ok(Actor::Anonymous) }.boxed();
        };
        let actor = match token {
            "user" => Ok(user(7, &[])),
            "admin" => Ok(user(8, &["admin"])),
            "half" => Ok(Actor::PasswordOnly(crate::world::id(7))),
            _ => Err(Error::new(Code::InvalidToken)),
        };
        async move { actor }.boxed()
    }

    fn is_csrf_token(&self, _: SessionId, sent: &[u8]) -> bool {
        sent == b"csrf"
    }

    fn access_cookie(&self) -> &'static str {
        "hardpan_access"
    }

    fn device_cookie(&self) -> &'static str {
        "device"
    }
}

//! A server in process with identity alone behind it.
use std::{net::SocketAddr, sync::Arc, time::Duration};

use http_body_util::BodyExt as _;
use identity::{
    AccountKeeper, Identity, Lifetimes, Messenger, NewAccount, Pages, Registration, RoleTerms, Settings, User,
};
use kernel::{Permissions, Secret, SeededRandom};
use platform::{
    notifications::{MailUrl, Mailbox, Notifications, Post, PostSettings, Templates},
    outbox::Outbox,
    secrets::Keyring,
};
use serde_json::{Value as Json, json};
use store::{Db, Row, Source, migrate};
use testkit::{Engine, TestDb};
use web::{HeaderMap, HttpBody, Method, Request, StatusCode, header};

pub const PASSWORD: &str = "correct horse battery";
pub const URL: &str = "https://notes.example";

pub struct App {
    pub db: TestDb,
    pub identity: Identity,
    pub web: web::App,
}

/// Runs `test` on each engine with a server of the usual settings.
pub async fn on_both(test: impl AsyncFn(App)) {
    for engine in Engine::BOTH {
        let app = Box::pin(App::start(engine)).await;
        Box::pin(test(app)).await;
    }
}

pub fn keyring() -> Keyring {
    Keyring::new(Secret::new(vec![7; 32]), None).unwrap()
}

pub fn settings() -> Settings {
    Settings {
        public_url: URL.to_owned(),
        cors_origins: Vec::new(),
        app_name: "notes".to_owned(),
        registration: Registration::Open,
        access_ttl: Duration::from_hours(1),
        sessions: Lifetimes { idle: Duration::from_hours(7 * 24), most: Duration::from_hours(30 * 24) },
        password_min_length: 15,
        breached_passwords: None,
        tries: None,
        places: identity::Places::default(),
        on_suspicion: identity::OnSuspicion::Tell,
        roles: vec![RoleTerms {
            name: "editor".to_owned(),
            description: None,
            permissions: Permissions::NONE,
            requires_mfa: false,
        }],
        resources: vec!["notes".to_owned()],
        pages: Pages::default(),
        #[cfg(feature = "oidc")]
        oauth: identity::oauth::Settings::default(),
    }
}

/// Nothing is delivered.
/// Writes to an outbox that nobody empties.
pub fn messenger() -> Messenger {
    let settings = PostSettings {
        url: MailUrl::Log,
        from: Mailbox::new(None, "no-reply@notes.example").unwrap(),
        host: "notes.example".to_owned(),
        tls_ca: None,
        logs_text: false,
    };
    let post = Post::new(settings, Templates::built_in().unwrap()).unwrap();
    let outbox = Outbox::new(&keyring(), vec![Arc::new(post)]);
    let notifications = Notifications::new(outbox, "notes".to_owned(), URL.to_owned(), false);
    Messenger { notifications, outbound: web::Outbound::new(&[]).unwrap() }
}

pub async fn database(engine: Engine) -> TestDb {
    TestDb::from_template(engine, "identity", async |ctx| {
        let list = [platform::migrations(), identity::migrations()].concat();
        migrate::apply(ctx, &list).await.unwrap();
    })
    .await
}

impl App {
    pub async fn start(engine: Engine) -> Self {
        Self::start_with(engine, settings(), Vec::new()).await
    }

    pub async fn start_with(engine: Engine, settings: Settings, keepers: Vec<Arc<dyn AccountKeeper>>) -> Self {
        let db = database(engine).await;
        let (identity, web) = node(&db.source, settings, keepers).await;
        Self { db, identity, web }
    }

    /// Another node on the same database.
    pub async fn another(&self) -> web::App {
        let db = Db::open(self.db.options()).await.unwrap();
        let source = Source { db, random: Arc::new(SeededRandom::new(99)), ..self.db.source.clone() };
        node(&source, settings(), Vec::new()).await.1
    }

    /// Another server over the same database, whose master key was changed from the usual one.
    pub async fn with_changed_master_key(&self) -> web::App {
        let key = |byte| Secret::new(vec![byte; 32]);
        let ring = Keyring::new(key(8), Some(key(7))).unwrap();
        let source = &self.db.source;
        let identity = Identity::start(source, &ring, settings(), Vec::new(), messenger()).await.unwrap();
        let edge = web::Settings::new("https://notes.example");
        web::service(identity.routes(), edge, source.clone(), Arc::new(identity.clone())).unwrap()
    }

    pub async fn ask(&self, ask: Ask) -> Answer {
        Box::pin(ask.send(&self.web)).await
    }

    pub async fn register(&self, email: &str) -> Answer {
        let answer = self.ask(post("/auth/v1/register", json!({"email": email, "password": PASSWORD}))).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
        answer
    }

    pub async fn log_in(&self, email: &str) -> Answer {
        let answer = self.ask(post("/auth/v1/login", json!({"email": email, "password": PASSWORD}))).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        answer
    }

    pub async fn me(&self, access_token: &str) -> Answer {
        self.ask(get("/auth/v1/me").bearer(access_token)).await
    }

    /// An administrator, and a fresh access token of theirs.
    pub async fn administrator(&self, email: &str) -> (User, String) {
        let user = self.identity.create_user(&self.db.ctx(), account(email), &["admin".to_owned()]).await.unwrap();
        (user, self.log_in(email).await.text("access_token"))
    }

    pub async fn query(&self, sql: &'static str) -> Vec<Row> {
        self.db.ctx().read(move |_, tx| Box::pin(async move { tx.query(sql, &[]).await })).await.unwrap()
    }

    /// What the audit trail says of everything but registering and logging in, by name: the clock stands still, so
    /// that ids do not tell the order.
    pub async fn audited(&self) -> Vec<String> {
        let rows = self.query("SELECT action FROM audit_log ORDER BY action").await;
        let quiet = ["signing_key.created", "account.created", "session.created", "login.new_device"];
        let actions = rows.iter().map(|row| row.get::<String>(0).unwrap());
        actions.filter(|action| !quiet.contains(&action.as_str())).collect()
    }
}

pub fn account(email: &str) -> NewAccount {
    let password = Secret::new(PASSWORD.to_owned());
    NewAccount { email: email.to_owned(), password, username: None, name: None }
}

async fn node(source: &Source, settings: Settings, keepers: Vec<Arc<dyn AccountKeeper>>) -> (Identity, web::App) {
    let mut edge = web::Settings::new(settings.public_url.clone());
    edge.limits.enabled = false;
    let identity = Identity::start(source, &keyring(), settings, keepers, messenger()).await.unwrap();
    let web = web::service(identity.routes(), edge, source.clone(), Arc::new(identity.clone())).unwrap();
    (identity, web)
}

/// A request.
#[derive(Clone)]
pub struct Ask {
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Option<Json>,
}

pub fn get(path: &str) -> Ask {
    Ask { method: Method::GET, path: path.to_owned(), headers: Vec::new(), body: None }
}

pub fn delete(path: &str) -> Ask {
    Ask { method: Method::DELETE, ..get(path) }
}

pub fn post(path: &str, body: Json) -> Ask {
    Ask { method: Method::POST, body: Some(body), ..get(path) }
}

pub fn patch(path: &str, body: Json) -> Ask {
    Ask { method: Method::PATCH, ..post(path, body) }
}

pub fn put(path: &str, body: Json) -> Ask {
    Ask { method: Method::PUT, ..post(path, body) }
}

pub fn refresh(token: &str) -> Ask {
    post("/auth/v1/refresh", json!({"refresh_token": token}))
}

impl Ask {
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }

    pub fn without_body(self) -> Self {
        Self { body: None, ..self }
    }

    pub async fn send(self, web: &web::App) -> Answer {
        let mut request = Request::builder().method(self.method).uri(self.path);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = match self.body {
            Some(body) => {
                request = request.header(header::CONTENT_TYPE, "application/json");
                HttpBody::from(body.to_string())
            }
            None => HttpBody::empty(),
        };
        let peer: SocketAddr = "203.0.113.9:4711".parse().unwrap();
        // Boxed: tests await this from deep within closures.
        let response = Box::pin(web.call(request.body(body).unwrap(), peer)).await;
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let json = serde_json::from_slice(&bytes).unwrap_or(Json::Null);
        Answer { status: parts.status, headers: parts.headers, json }
    }
}

/// An answer.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub json: Json,
}

impl Answer {
    pub fn text(&self, field: &str) -> String {
        self.json[field].as_str().unwrap_or_else(|| panic!("no {field} in {self:?}")).to_owned()
    }

    /// The status and the code of an error.
    pub fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["code"].as_str().unwrap_or_default())
    }

    pub fn user_id(&self) -> String {
        self.json["user"]["id"].as_str().unwrap().to_owned()
    }

    /// The value of a cookie that is set.
    pub fn cookie(&self, name: &str) -> Option<String> {
        let cookies = self.headers.get_all(header::SET_COOKIE).iter().map(|line| line.to_str().unwrap());
        let mut pairs = cookies.filter_map(|line| line.split(';').next()?.split_once('='));
        pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
    }
}

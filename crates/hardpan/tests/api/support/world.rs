//! The server under test and the people who use it.
use std::{collections::BTreeMap, path::Path, sync::Arc, time::Duration};

use hardpan::{
    assemble::{self, Foundation, Server},
    config::{self, Config, Inputs},
};
use identity::NewAccount;
use kernel::{Secret, SeededRandom};
use resources::schema::{self, Declaration, Resource};
use serde_json::{Value as Json, json};
use store::{Db, Source, migrate};
use testkit::{Engine, TestDb};
use web::{Method, Route, Routes};

use super::{Request, contract::Contract};

pub const PASSWORD: &str = "correct horse battery staple";
pub const MASTER_KEY: &str = "nP1hzrH+mCdTs/dz8eFh+jMgXSYZDubnoHmSuQglaRQ=";
const APP_FILE: &str = include_str!("app.toml");

/// A whole server.
pub struct TestApp {
    pub server: Server,
    pub db: TestDb,
    contract: Arc<Contract>,
    dir: tempfile::TempDir,
}

/// Someone with an account, logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub id: String,
    pub email: String,
    pub token: String,
    pub refresh: String,
}

/// An API key.
#[derive(Clone, Debug)]
pub struct Key {
    pub id: String,
    pub secret: String,
}

/// Runs `test` on each engine, each time against a server of its own for `support/app.toml`.
pub async fn on_both(test: impl AsyncFn(TestApp)) {
    on_both_with(&[], test).await;
}

/// The same with more of an environment.
pub async fn on_both_with(environment: &[(&str, &str)], test: impl AsyncFn(TestApp)) {
    on_both_apps("", environment, test).await;
}

/// The same with more of an app file, too.
pub async fn on_both_apps(more: &str, environment: &[(&str, &str)], test: impl AsyncFn(TestApp)) {
    let app_file = format!("{APP_FILE}\n{more}");
    for engine in Engine::BOTH {
        let running = Running(engine);
        // Migrated once; every test has a copy.
        let db = TestDb::from_template(engine, "api", async |ctx| {
            let dir = tempfile::tempdir().unwrap();
            let (_, declaration) = configured(dir.path(), APP_FILE, "sqlite:not-opened.db", &[]);
            migrate::apply(ctx, &assemble::migrations()).await.unwrap();
            schema::apply(ctx, &declaration).await.unwrap();
        });
        test(TestApp::with(db.await, &app_file, environment).await).await;
        drop(running);
    }
}

/// The configuration of an app in `dir`, and its resources.
fn configured(dir: &Path, app_file: &str, url: &str, environment: &[(&str, &str)]) -> (Config, Arc<Declaration>) {
    std::fs::write(dir.join("hardpan.toml"), app_file).unwrap();
    let mut all = BTreeMap::from(
        [
            ("HARDPAN_PROFILE", "testing"),
            ("HARDPAN_MASTER_KEY", MASTER_KEY),
            ("DATABASE_URL", url),
            // Where `letters` finds it.
            ("HARDPAN_MAIL__URL", "file:mail"),
            ("HARDPAN_MAIL__FROM", "Tested <no-reply@tested.example>"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned())),
    );
    for class in ["ADDRESS", "PRINCIPAL", "CREDENTIALS", "ACCOUNT"] {
        all.insert(format!("HARDPAN_LIMITS__{class}__BURST"), "100000".to_owned());
    }
    all.extend(environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all.retain(|_, value| value != "default");
    let loaded = config::load(&Inputs { dir: dir.into(), environment: all, flags: Vec::new() });
    let (declaration, findings) = assemble::declare(&loaded);
    let (config, _) = loaded.ready(findings).unwrap_or_else(|report| panic!("{}", report.to_text()));
    (config, declaration)
}

/// Says on which engine a test was running when it panicked.
struct Running(Engine);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on {:?}", self.0);
        }
    }
}

/// What production needs beside a master key and a database.
pub const PRODUCTION: [(&str, &str); 2] =
    [("HARDPAN_PROFILE", "production"), ("HARDPAN_APP__PUBLIC_URL", "https://tested.example")];

impl TestApp {
    /// With another app file and more of an environment. Limits are out of the way unless the environment sets them; to set
    /// one to `default` leaves it as Hardpan has it.
    pub async fn with(db: TestDb, app_file: &str, environment: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (config, declaration) = configured(dir.path(), app_file, &db.url(), environment);
        let foundation = Foundation::new(config, declaration, db.source.clone()).unwrap();
        foundation.migrate(false).await.unwrap();
        let server = foundation.build().await.unwrap();
        let document = server.document();
        let contract = Arc::new(Contract::new(server.routes.clone(), document));
        Self { server, db, contract, dir }
    }

    /// The app's folder.
    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub const fn routes(&self) -> &Routes {
        &self.server.routes
    }

    /// The route of an operation.
    pub fn route(&self, operation: &str) -> &Route {
        let found = self.routes().iter().find(|route| route.operation.id == operation);
        found.unwrap_or_else(|| panic!("there is no operation {operation}"))
    }

    pub fn resources(&self) -> &[Arc<Resource>] {
        &self.server.records.declaration().resources
    }

    pub fn request(&self, method: Method, path: &str) -> Request {
        Request::new(&self.server.app, &self.contract, method, path)
    }

    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: &Json) -> Request {
        self.request(Method::POST, path).json(body)
    }

    pub fn patch(&self, path: &str, body: &Json) -> Request {
        self.request(Method::PATCH, path).json(body)
    }

    pub fn put(&self, path: &str, body: &Json) -> Request {
        self.request(Method::PUT, path).json(body)
    }

    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    pub async fn register(&self, email: &str) -> Person {
        let body = json!({"email": email, "password": PASSWORD});
        person(&self.post("/auth/v1/register", &body).send().await.expect(201).json())
    }

    /// An account with these roles, made as the command line makes one.
    pub async fn person(&self, email: &str, roles: &[&str]) -> Person {
        let new = NewAccount {
            email: email.to_owned(),
            password: Secret::new(PASSWORD.to_owned()),
            username: None,
            name: None,
        };
        let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
        self.server.identity.create_user(&self.db.ctx(), new, &roles).await.unwrap();
        self.login(email).await
    }

    pub async fn login(&self, email: &str) -> Person {
        let body = json!({"email": email, "password": PASSWORD});
        person(&self.post("/auth/v1/login", &body).send().await.expect(200).json())
    }

    /// A new key of `owner`'s.
    pub async fn api_key(&self, owner: &Person, scopes: &[&str]) -> Key {
        self.api_key_with(owner, &json!({"label": "program", "scopes": scopes})).await
    }

    pub async fn api_key_with(&self, owner: &Person, body: &Json) -> Key {
        let answer = self.post("/auth/v1/api-keys", body).bearer(&owner.token).send().await.expect(201).json();
        let text = |name: &str| answer[name].as_str().unwrap().to_owned();
        Key { id: text("id"), secret: text("secret") }
    }

    /// Suspends `person`, or lets them in again.
    pub fn set_state(&self, admin: &Person, person: &Person, state: &str) -> Request {
        self.patch(&format!("/admin/v1/users/{}", person.id), &json!({"state": state})).bearer(&admin.token)
    }

    /// Whether the access token is good.
    pub async fn is_in(&self, token: &str) -> bool {
        self.get("/auth/v1/me").bearer(token).send().await.status == 200
    }

    /// The id of the session that a person asks with.
    pub async fn current_session(&self, person: &Person) -> String {
        let page = self.get("/auth/v1/sessions?limit=200").bearer(&person.token).send().await.expect(200).json();
        let current = page["items"].as_array().unwrap().iter().find(|session| session["is_current"] == true).unwrap();
        current["id"].as_str().unwrap().to_owned()
    }

    /// Another server over the same database, with a pool and randomness of its own.
    pub async fn another_node(&self) -> Server {
        self.another_node_with(|_| ()).await
    }

    /// The same configured otherwise.
    pub async fn another_node_with(&self, change: impl FnOnce(&mut Config)) -> Server {
        let mut config = self.server.config.clone();
        change(&mut config);
        let source = Source {
            db: Db::open(self.db.options()).await.unwrap(),
            clock: self.db.clock.clone(),
            random: Arc::new(SeededRandom::new(2)),
        };
        let declaration = Arc::clone(self.server.records.declaration());
        Foundation::new(config, declaration, source).unwrap().build().await.unwrap()
    }

    pub fn advance(&self, by: Duration) {
        self.db.clock.advance(by);
    }

    /// Creates a record as `owner` and gives it back.
    pub async fn create(&self, resource: &str, owner: &Person, body: &Json) -> Json {
        let path = format!("/api/v1/{resource}");
        self.post(&path, body).bearer(&owner.token).send().await.expect(201).json()
    }

    /// The path of a record.
    pub fn path(resource: &str, record: &Json) -> String {
        format!("/api/v1/{resource}/{}", record["id"].as_str().unwrap())
    }
}

pub fn person(json: &Json) -> Person {
    let text = |json: &Json| json.as_str().unwrap().to_owned();
    Person {
        id: text(&json["user"]["id"]),
        email: text(&json["user"]["email"]),
        token: text(&json["access_token"]),
        refresh: text(&json["refresh_token"]),
    }
}

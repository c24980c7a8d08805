//! The providers, and a browser that walks between them and the server.
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::OnceLock,
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::support::{Answer, Request, TestApp, on_both_apps};

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/providers/serve.mjs");
pub const TARGET: &str = "http://localhost:3000/welcome";

/// How an app asks for a code, and what it trades that with (RFC 7636, appendix B).
pub const BEARER: &str = "transport=bearer&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// Where they are. They end with the tests, whose end closes their standard input.
pub struct Providers {
    pub mock: String,
    pub real: String,
    pub github: String,
    _process: Child,
}

pub fn providers() -> &'static Providers {
    static PROVIDERS: OnceLock<Providers> = OnceLock::new();
    PROVIDERS.get_or_init(|| {
        let modules = std::env::var_os("HARDPAN_TEST_NODE_MODULES");
        let modules = modules.expect("run it by cargo xtask test, which installs the providers with npm");
        let mut node = Command::new("node");
        node.arg(SCRIPT).arg(modules).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        let mut process = node.spawn().expect("Node.js is needed for the providers");
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let ready = lines.by_ref().map(Result::unwrap).find_map(|line| line.strip_prefix("READY ").map(str::to_owned));
        // What it says later must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let places: Json = serde_json::from_str(&ready.expect("the providers did not start")).unwrap();
        let place = |name: &str| places[name].as_str().unwrap().to_owned();
        Providers { mock: place("mock"), real: place("real"), github: place("github"), _process: process }
    })
}

/// Runs `test` on both engines with every provider configured.
pub async fn on_both_providers(test: impl AsyncFn(TestApp)) {
    on_both_with_more(&[], test).await;
}

pub async fn on_both_with_more(environment: &[(&str, &str)], test: impl AsyncFn(TestApp)) {
    let providers = providers();
    let client = "client_id = \"hardpan\"\nclient_secret = \"secret-of-the-client\"";
    let file = format!(
        "[oauth.mock]\nissuer = \"{mock}\"\n{client}\n[oauth.other]\nissuer = \"{mock}/\"\n{client}\n\
         [oauth.real]\nissuer = \"{}\"\n{client}\n",
        providers.real,
        mock = providers.mock
    );
    let mut all = vec![
        ("HARDPAN_OUTBOUND__ALLOW", "127.0.0.0/8"),
        ("HARDPAN_OAUTH__REDIRECTS", TARGET),
        ("HARDPAN_OAUTH__GITHUB__URL", &*providers.github),
        ("GITHUB_CLIENT_ID", "hardpan"),
        ("GITHUB_CLIENT_SECRET", "secret"),
    ];
    all.extend(environment);
    on_both_apps(&file, &all, test).await;
}

/// A log-in under way: the way there, and the browser's cookie.
pub struct Started {
    pub url: String,
    pub cookie: String,
}

impl Started {
    pub fn of(answer: &Answer) -> Self {
        assert_eq!(answer.status, 302, "{}", answer.text());
        Self { url: answer.header("location").unwrap().to_owned(), cookie: answer.cookie("hardpan_oauth").unwrap() }
    }

    pub fn parameter(&self, name: &str) -> String {
        parameter(&self.url, name).unwrap_or_else(|| panic!("no {name} in {}", self.url))
    }
}

/// Of the query or the fragment; values that need no decoding.
pub fn parameter(url: &str, name: &str) -> Option<String> {
    let (_, rest) = url.split_once(['?', '#'])?;
    let found = rest.split(['&', '#']).find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
    found.map(str::to_owned)
}

pub async fn start(app: &TestApp, provider: &str, query: &str) -> Started {
    let path = format!("/auth/v1/oauth/{provider}?redirect_to={TARGET}&{query}");
    Started::of(&app.get(&path).send().await)
}

/// What someone says who has that address proven.
pub fn claims(subject: &str, email: &str, is_verified: bool) -> Json {
    json!({"sub": subject, "email": email, "email_verified": is_verified, "name": format!("Known as {subject}")})
}

/// Asks the hostile provider, which will say `claims`; what it adds to the callback's address.
pub async fn consent(started: &Started, claims: &Json) -> String {
    let forge = URL_SAFE_NO_PAD.encode(claims.to_string());
    let url = format!("{}&forge={forge}", started.url);
    let answer = tokio::task::spawn_blocking(move || browse(&url, "")).await.unwrap();
    callback_of(&answer.0.expect("a way back"))
}

/// The path and the query of the way back.
pub fn callback_of(url: &str) -> String {
    let path = url.strip_prefix("http://127.0.0.1:8080").unwrap_or_else(|| panic!("not led back: {url}"));
    path.to_owned()
}

/// One request of a browser: where it is led, and the cookies it is given.
pub fn browse(url: &str, cookies: &str) -> (Option<String>, Vec<String>) {
    let agent = agent();
    let answer = agent.get(url).header("cookie", cookies).call().unwrap();
    led(&answer)
}

/// The same for a form that was filled in.
pub fn submit(url: &str, cookies: &str, fields: &str) -> (Option<String>, Vec<String>) {
    let request = agent().post(url).header("cookie", cookies);
    led(&request.header("content-type", "application/x-www-form-urlencoded").send(fields).unwrap())
}

fn agent() -> ureq::Agent {
    ureq::Agent::config_builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .build()
        .into()
}

fn led<B>(answer: &http::Response<B>) -> (Option<String>, Vec<String>) {
    let text = |value: &http::HeaderValue| value.to_str().unwrap().to_owned();
    let cookies = answer.headers().get_all("set-cookie").iter();
    let cookies = cookies.map(|cookie| text(cookie).split(';').next().unwrap().to_owned()).collect();
    (answer.headers().get("location").map(text), cookies)
}

/// The whole way with the hostile provider; the answer of the callback.
pub async fn log_in(app: &TestApp, query: &str, claims: &Json) -> Answer {
    let started = start(app, "mock", query).await;
    let callback = consent(&started, claims).await;
    app.get(&callback).header("cookie", &started.cookie).send().await.expect(302)
}

/// Where an answer leads.
pub fn location(answer: &Answer) -> String {
    answer.header("location").unwrap().to_owned()
}

/// The tokens of a log-in that went well, as its app fetches them.
pub async fn tokens(app: &TestApp, claims: &Json) -> Json {
    let answer = log_in(app, BEARER, claims).await;
    fetch(app, &location(&answer)).send().await.expect(200).json()
}

/// Trades the code that a log-in led home with.
pub fn fetch(app: &TestApp, target: &str) -> Request {
    let code = parameter(target, "code").unwrap_or_else(|| panic!("{target}"));
    app.post("/auth/v1/oauth/token", &json!({"code": code, "code_verifier": VERIFIER}))
}

/// What a log-in was refused with.
pub async fn refusal(app: &TestApp, claims: &Json) -> String {
    let answer = log_in(app, "", claims).await;
    assert!(answer.cookie("hardpan_access").is_none(), "let in by {claims}");
    parameter(&location(&answer), "error").unwrap_or_else(|| panic!("not refused: {}", location(&answer)))
}

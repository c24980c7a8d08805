//! Chromium without a screen, driven over `WebDriver`, with an authenticator of its own (WebAuthn Level 3, 11).
use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};
use ureq::{Agent, http::Request};

/// A browser; closed when dropped.
pub struct Chromium {
    driver: Child,
    agent: Agent,
    session: String,
    /// Removed with it.
    profile: tempfile::TempDir,
}

/// Far more than anything takes: a machine that is busy is no failure.
const PATIENCE: Duration = Duration::from_mins(5);

impl Chromium {
    /// Starts one. `cargo xtask test` brings the programs and says where they are.
    pub fn start() -> Self {
        let program = std::env::var_os("HARDPAN_TEST_CHROMEDRIVER")
            .expect("HARDPAN_TEST_CHROMEDRIVER names the program chromedriver; `cargo xtask test` sets it");
        let mut driver =
            Command::new(program).arg("--port=0").stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().find_map(|line| {
            let line = line.unwrap();
            line.contains("successfully on port")
                .then(|| line.trim_end_matches('.').rsplit(' ').next().unwrap().to_owned())
        });
        // What it says later must find a reader.
        std::thread::spawn(move || lines.for_each(drop));
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
        let profile = tempfile::tempdir().unwrap();
        let address = format!("http://127.0.0.1:{}", port.expect("chromedriver names its port"));
        let mut browser = Self { driver, agent: config.build().into(), session: address, profile };
        let folder = format!("--user-data-dir={}", browser.profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-quic",
            // It may reach nobody, and tries to at every start.
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            &folder,
        ];
        let capabilities = json!({"alwaysMatch": {
            "goog:chromeOptions": {"args": arguments},
            "timeouts": {"script": 240_000, "pageLoad": 240_000},
        }});
        let made = browser.post("/session", &json!({"capabilities": capabilities}));
        browser.session = format!("{}/session/{}", browser.session, made["sessionId"].as_str().unwrap());
        browser
    }

    /// Opens a page. Its policy may forbid scripts to call anyone; ours are let.
    pub fn open(&self, url: &str) {
        self.post("/goog/cdp/execute", &json!({"cmd": "Page.setBypassCSP", "params": {"enabled": true}}));
        self.post("/url", &json!({"url": url}));
    }

    /// Plugs in an authenticator, and gives its id.
    pub fn plug_in(&self, verifies_user: bool) -> String {
        let authenticator = json!({
            "protocol": "ctap2", "transport": if verifies_user { "internal" } else { "usb" },
            "hasResidentKey": verifies_user, "hasUserVerification": verifies_user, "isUserVerified": verifies_user,
            "isUserConsenting": true,
        });
        self.post("/webauthn/authenticator", &authenticator).as_str().unwrap().to_owned()
    }

    /// Takes one out.
    pub fn unplug(&self, authenticator: &str) {
        let uri = format!("{}/webauthn/authenticator/{authenticator}", self.session);
        assert!(self.agent.delete(uri).call().unwrap().status().is_success());
    }

    /// What an asynchronous function of this body comes to, or why not.
    pub fn run(&self, body: &str, arguments: &Json) -> Result<Json, String> {
        let script = format!(
            "const [given, done] = arguments; (async (given) => {{ {body} }})(given)\
             .then(value => done({{ value }}), error => done({{ error: `${{error.name}}: ${{error.message}}` }}));"
        );
        let mut outcome = self.post("/execute/async", &json!({"script": script, "args": [arguments]}));
        match outcome["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(outcome["value"].take()),
        }
    }

    fn post(&self, path: &str, body: &Json) -> Json {
        let request = Request::post(format!("{}{path}", self.session)).header("content-type", "application/json");
        let mut answer = self.agent.run(request.body(body.to_string()).unwrap()).unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        let mut json: Json = serde_json::from_str(&text).unwrap();
        assert!(answer.status().is_success(), "{path}: {text}");
        json["value"].take()
    }
}

impl Drop for Chromium {
    fn drop(&mut self) {
        // The session's end closes the browser; the driver alone would leave it running.
        let _ = self.agent.delete(&self.session).call();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

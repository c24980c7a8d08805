//! Runs the program, and speaks HTTP to it with a client that knows nothing of Hardpan.
use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use ureq::{Agent, http::Request};

/// How long the program may take to answer for the first time, on a machine that is busy compiling.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program with an environment that holds nothing but `environment`.
pub fn hardpan(arguments: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hardpan"));
    command.args(arguments).env_clear().envs(environment.iter().copied()).stdin(Stdio::null());
    command
}

pub fn run(arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    hardpan(arguments, environment).output().unwrap()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The repository's folder `name`.
pub fn repository(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name)
}

pub fn free_address() -> String {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string()
}

/// A server in a process of its own; killed when dropped.
pub struct Running {
    child: Child,
    agent: Agent,
    pub url: String,
    /// What it printed before it served.
    pub welcome: String,
}

impl Running {
    /// Starts `hardpan serve DIR` on a free port and waits until it is ready.
    pub fn start(dir: &Path, environment: &[(&str, &str)]) -> Self {
        Self::start_at(&free_address(), dir, environment)
    }

    /// The same on this address.
    pub fn start_at(address: &str, dir: &Path, environment: &[(&str, &str)]) -> Self {
        let arguments = ["serve", dir.to_str().unwrap(), "--listen", address];
        let mut child =
            hardpan(&arguments, environment).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let welcome = std::thread::spawn(move || {
            let mut welcome = String::new();
            while out.read_line(&mut welcome).is_ok_and(|length| length > 0) {
                if welcome.contains("$TOKEN") {
                    break;
                }
            }
            welcome
        });
        let config = Agent::config_builder().http_status_as_error(false).timeout_global(Some(Duration::from_secs(30)));
        let mut running =
            Self { child, agent: config.build().into(), url: format!("http://{address}"), welcome: String::new() };
        let start = Instant::now();
        while running.agent.get(format!("{}/readyz", running.url)).call().is_err() {
            assert!(running.child.try_wait().unwrap().is_none(), "the server ended by itself");
            assert!(start.elapsed() < PATIENCE, "the server is not ready");
            std::thread::sleep(Duration::from_millis(20));
        }
        if !environment.iter().any(|(name, value)| *name == "HARDPAN_PROFILE" && *value != "development") {
            running.welcome = welcome.join().unwrap();
        }
        running
    }

    /// One request; the answer's status and JSON.
    pub fn call(&self, method: &str, path: &str, token: Option<&str>, body: Option<&Json>) -> (u16, Json) {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let answer = match body {
            Some(body) => {
                let request = request.header("content-type", "application/json").body(body.to_string()).unwrap();
                self.agent.run(request)
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let mut answer = answer.unwrap();
        let text = answer.body_mut().read_to_string().unwrap();
        (answer.status().as_u16(), serde_json::from_str(&text).unwrap_or(Json::Null))
    }

    /// Ends it as a service manager would, and gives the exit code.
    #[cfg(unix)]
    pub fn stop(mut self) -> Option<i32> {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        self.child.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

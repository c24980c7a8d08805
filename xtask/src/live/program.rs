//! The real program as a process of its own: started, asked, ended, and what it leaves behind.
use std::{
    collections::BTreeSet,
    fs,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use serde_json::Value as Json;
use tokio::{
    process::{Child, Command},
    time::{sleep, timeout},
};

use super::http::Client;
use crate::{folder::Folder, postgres::free_port};

/// Far beyond what is promised: what takes longer is broken.
const PATIENCE: Duration = Duration::from_secs(30);
/// No test of endurance or speed gets far under the limits meant for people.
const ENDLESS: &str = "1000000000";

/// An app file. Its database is `sqlite:data/<name>.db`.
#[derive(Clone, Copy)]
pub struct App {
    pub name: &'static str,
    pub text: &'static str,
}

/// An app in a folder, and the process that serves it.
pub struct Program {
    binary: PathBuf,
    app: App,
    folder: Folder,
    pub port: u16,
    /// `None`: the SQLite file of the app.
    database_url: Option<String>,
    settings: Vec<(&'static str, String)>,
    child: Option<Child>,
    started: Instant,
}

impl Program {
    pub fn new(binary: &Path, app: App, folder: Folder, database_url: Option<String>) -> Result<Self, String> {
        fs::create_dir_all(folder.path().join("app")).map_err(told)?;
        fs::write(folder.path().join("app/hardpan.toml"), app.text).map_err(told)?;
        let (binary, port, started) = (binary.to_owned(), free_port().map_err(told)?, Instant::now());
        Ok(Self { binary, app, folder, port, database_url, settings: Vec::new(), child: None, started })
    }

    /// Starts from now on with this variable in the environment.
    pub fn set(&mut self, variable: &'static str, value: impl Into<String>) {
        self.settings.push((variable, value.into()));
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn database_url(&self) -> String {
        let file = || format!("sqlite:{}", self.folder().join(format!("app/data/{}.db", self.app.name)).display());
        self.database_url.clone().unwrap_or_else(file)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
        command.args(arguments).current_dir(self.folder()).env_clear().kill_on_drop(true);
        for limit in ["ADDRESS", "PRINCIPAL", "CREDENTIALS"] {
            for bound in ["BURST", "PER_MINUTE"] {
                command.env(format!("HARDPAN_LIMITS__{limit}__{bound}"), ENDLESS);
            }
        }
        command
            .env("HARDPAN_AUTH__ACCESS_TTL", "24h")
            .envs(self.settings.iter().map(|(variable, value)| (variable, value)));
        if let Some(url) = &self.database_url {
            command.env("HARDPAN_DATABASE__URL", url);
        }
        command
    }

    /// Replaces the app file.
    pub fn declare(&self, text: &str) -> Result<(), String> {
        fs::write(self.folder().join("app/hardpan.toml"), text).map_err(told)
    }

    /// A command about the app, under way; what it says goes to the log.
    pub fn spawn(&self, arguments: &[&str]) -> Result<Child, String> {
        let log = self.open_log()?;
        let mut command = self.command(&[arguments, &["--app", "app"]].concat());
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(told)?).stderr(log);
        command.spawn().map_err(|error| format!("{}: {error}", self.binary.display()))
    }

    fn open_log(&self) -> Result<fs::File, String> {
        fs::File::options().create(true).append(true).open(self.log_path()).map_err(told)
    }

    /// Starts serving; the log is added to.
    pub fn start(&mut self) -> Result<(), String> {
        let log = self.open_log()?;
        let listen = format!("127.0.0.1:{}", self.port);
        let mut command = self.command(&["serve", "app", "--listen", &listen]);
        command.stdin(Stdio::null()).stdout(log.try_clone().map_err(told)?).stderr(log);
        self.started = Instant::now();
        self.child = Some(command.spawn().map_err(|error| format!("{}: {error}", self.binary.display()))?);
        Ok(())
    }

    /// How long it took from the start to the first answer that says ready.
    pub async fn wait_until_ready(&mut self) -> Result<Duration, String> {
        while self.started.elapsed() < PATIENCE {
            if let Ok(answer) = Client::new(self.port).get("/readyz").await
                && answer.status == 200
            {
                return Ok(self.started.elapsed());
            }
            if let Some(Ok(Some(status))) = self.child.as_mut().map(Child::try_wait) {
                return Err(format!("the program ended by itself: {status}\n{}", self.log_end()));
            }
            sleep(Duration::from_millis(2)).await;
        }
        Err(format!("the program was not ready within {} s\n{}", PATIENCE.as_secs(), self.log_end()))
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(told),
            None => Ok(()),
        }
    }

    /// SIGTERM; then how long it took to end, and its exit code.
    pub async fn stop(&mut self) -> Result<(Duration, Option<i32>), String> {
        let Some(pid) = self.pid() else { return Err("the program does not run".to_owned()) };
        let asked = Instant::now();
        signal("TERM", pid).await?;
        let Some(mut child) = self.child.take() else { return Err("the program does not run".to_owned()) };
        let status = timeout(PATIENCE, child.wait()).await.map_err(|_| "it does not stop when asked to".to_owned())?;
        Ok((asked.elapsed(), status.map_err(told)?.code()))
    }

    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().and_then(Child::id)
    }

    /// Creates an administrator by command; `(email, password)`.
    pub async fn create_administrator(&self) -> Result<(String, String), String> {
        let email = "torture@example.com";
        let arguments = ["user", "create", email, "--role", "admin", "--format", "json", "--app", "app"];
        let output = self.command(&arguments).output().await.map_err(told)?;
        let answer: Json = serde_json::from_slice(&output.stdout).unwrap_or_default();
        match answer["password"].as_str() {
            Some(password) if output.status.success() => Ok((email.to_owned(), password.to_owned())),
            _ => Err(format!("hardpan user create: {}", String::from_utf8_lossy(&output.stderr))),
        }
    }

    /// Gives an account a role by command.
    pub async fn give_role(&self, email: &str, role: &str) -> Result<(), String> {
        let output = self.command(&["user", "role", email, role, "--app", "app"]).output().await.map_err(told)?;
        let why = || format!("hardpan user role: {}", String::from_utf8_lossy(&output.stderr));
        output.status.success().then_some(()).ok_or_else(why)
    }

    /// Resident memory, in KiB. Errors: the system does not tell, as all but Linux.
    pub fn resident_kib(&self) -> Result<u32, String> {
        let path = format!("/proc/{}/status", self.pid().ok_or("the program does not run")?);
        let status = fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        line.and_then(|line| line.trim().trim_end_matches(" kB").parse().ok()).ok_or(format!("{path} says no VmRSS"))
    }

    /// Names in the data folder that have no business there. `is_running`: the files of SQLite's log may be there too.
    pub fn leftovers(&self, is_running: bool) -> Vec<String> {
        let mut expected = BTreeSet::from(["master.key".to_owned()]);
        if self.database_url.is_none() {
            let endings: &[&str] = if is_running { &["db", "db-wal", "db-shm"] } else { &["db"] };
            expected.extend(endings.iter().map(|ending| format!("{}.{ending}", self.app.name)));
            // Stays when the program ends; what counts is whether it is locked.
            expected.insert("hardpan.lock".to_owned());
        }
        let names = |folder: &str| {
            let entries = fs::read_dir(self.folder().join(folder)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>()
        };
        let in_data = names("app/data").into_iter().filter(|name| !expected.contains(name));
        let in_app = names("app").into_iter().filter(|name| name != "hardpan.toml" && name != "data");
        in_data.chain(in_app).collect()
    }

    /// Lines of the log that tell of a fault in the program itself.
    pub fn faults(&self) -> Vec<String> {
        // Read line by line: hours of requests are gigabytes.
        let log = fs::File::open(self.log_path())
            .into_iter()
            .flat_map(|file| BufReader::new(file).split(b'\n').map_while(Result::ok));
        let lines = log.map(|line| String::from_utf8_lossy(&line).into_owned());
        lines.filter(|line| line.contains("panicked") || line.contains(" ERROR ")).collect()
    }

    fn log_path(&self) -> PathBuf {
        self.folder().join("log")
    }

    fn log(&self) -> String {
        fs::read(self.log_path()).map(|log| String::from_utf8_lossy(&log).into_owned()).unwrap_or_default()
    }

    pub fn log_end(&self) -> String {
        let log = self.log();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }
}

/// Sends a signal by name.
pub async fn signal(name: &str, pid: u32) -> Result<(), String> {
    let status = Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).status().await.map_err(told)?;
    if status.success() { Ok(()) } else { Err(format!("kill -{name} {pid}: {status}")) }
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

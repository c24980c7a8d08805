//! A PostgreSQL server of a test's own with a streaming standby, for what replicas do and suffer.
use std::{
    env, io,
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use tempfile::TempDir;
use tokio_postgres::NoTls;

/// A primary and its standby. Both are gone when this is dropped.
pub struct Pair {
    pub primary: Server,
    pub standby: Server,
    _folder: TempDir,
}

/// One of the two.
pub struct Server {
    data: PathBuf,
    port: u16,
    child: Option<Child>,
}

impl Pair {
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("hardpan-pair-").tempdir().expect("a temporary folder");
        hand_over(folder.path());
        let data = folder.path().join("primary");
        let mut initdb = program("initdb");
        run(initdb.args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"]).arg(&data));
        let mut primary = Server { data, port: free_port(), child: None };
        primary.start().await;
        primary.run("CREATE ROLE app LOGIN; GRANT CREATE ON SCHEMA public TO app").await;
        let data = folder.path().join("standby");
        let mut copy = program("pg_basebackup");
        let place = ["-h", "127.0.0.1", "-U", "postgres", "-p", &primary.port.to_string()];
        run(copy.args(place).args(["-R", "-X", "stream", "-c", "fast", "--no-sync", "-D"]).arg(&data));
        let mut standby = Server { data, port: free_port(), child: None };
        standby.start().await;
        Self { primary, standby, _folder: folder }
    }
}

impl Server {
    /// For someone without privileges, as an application is.
    pub fn url(&self) -> String {
        self.url_of("app")
    }

    fn url_of(&self, user: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }

    /// Starts it, or starts it again over the same data, and waits until it answers.
    pub async fn start(&mut self) {
        let mut postgres = program("postgres");
        postgres.arg("-D").arg(&self.data).args(["-p", &self.port.to_string()]);
        for setting in ["listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off", "max_connections=100"] {
            postgres.args(["-c", setting]);
        }
        self.child = Some(postgres.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("a PostgreSQL server"));
        for _ in 0..300 {
            if tokio_postgres::connect(&self.url_of("postgres"), NoTls).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        panic!("PostgreSQL did not get ready");
    }

    /// Kills it as a power cut would.
    pub fn kill(&mut self) {
        let Some(mut child) = self.child.take() else { return };
        let _ = program("pg_ctl").args(["stop", "-m", "immediate", "-D"]).arg(&self.data).output();
        let _ = child.kill();
        let _ = child.wait();
    }

    /// Runs statements on it, as its superuser.
    pub async fn run(&self, sql: &str) {
        let url = self.url_of("postgres");
        let (client, connection) = tokio_postgres::connect(&url, NoTls).await.expect("a PostgreSQL server");
        let connection = tokio::spawn(connection);
        client.batch_execute(sql).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
        drop(client);
        let _ = connection.await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

#[allow(clippy::disallowed_methods, reason = "the test runner says where PostgreSQL's programs are")]
fn variable(name: &str) -> Option<String> {
    env::var(name).ok()
}

/// User and group the servers run as: PostgreSQL refuses to run as root.
fn user() -> Option<(u32, u32)> {
    let text = variable("HARDPAN_TEST_POSTGRES_USER")?;
    let (user, group) = text.split_once(':')?;
    Some((user.parse().ok()?, group.parse().ok()?))
}

fn program(name: &str) -> Command {
    let programs = variable("HARDPAN_TEST_POSTGRES_PROGRAMS").expect("run `cargo xtask test`");
    let mut command = Command::new(Path::new(&programs).join(name));
    command.env("LC_ALL", "C").current_dir(env::temp_dir());
    #[cfg(unix)]
    if let Some((user, group)) = user() {
        use std::os::unix::process::CommandExt as _;
        command.uid(user).gid(group);
    }
    command
}

fn hand_over(folder: &Path) {
    #[cfg(unix)]
    if let Some((user, group)) = user() {
        std::os::unix::fs::chown(folder, Some(user), Some(group)).expect("a folder handed over");
    }
    #[cfg(not(unix))]
    let _ = folder;
}

fn run(command: &mut Command) {
    let output = command.output().expect("one of PostgreSQL's programs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn free_port() -> u16 {
    let port = || -> io::Result<u16> { Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port()) };
    port().expect("a free port")
}

//! A PostgreSQL server for one run of tests: its own folder, its own port, gone afterwards.
use std::{
    env, fs,
    io::{self, Write as _},
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{
    net::TcpStream,
    process::{Child, Command},
    time::{sleep, timeout},
};

use crate::{
    folder::Folder,
    tools::debian::{self, output},
};

/// A running server.
pub struct Server {
    programs: PathBuf,
    folder: Folder,
    user: Option<User>,
    port: u16,
    child: Child,
}

/// What a crash of the server may cost.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Everything: for databases that only show what transactions do.
    Fast,
    /// Nothing that was committed.
    #[cfg(feature = "live")]
    Full,
}

/// Whom the server runs as. PostgreSQL refuses to run as root.
#[derive(Clone, Copy)]
struct User {
    id: u32,
    group: u32,
}

impl Server {
    pub async fn start(durability: Durability) -> Result<Self, String> {
        Self::start_in(Folder::temporary("hardpan-postgres-")?, durability).await
    }

    /// Over the data in `folder`, which are made when there are none.
    pub async fn start_in(folder: Folder, durability: Durability) -> Result<Self, String> {
        let programs = match find() {
            Some(programs) => programs,
            None => install().await?,
        };
        let user = if output("id", &["-u"]).await.as_deref() == Some("0") { Some(unprivileged().await?) } else { None };
        hand_over(folder.path(), user).map_err(|error| format!("{}: {error}", folder.path().display()))?;
        if !folder.path().join("data/postgresql.conf").exists() {
            initialise(&programs, folder.path(), user).await?;
            if durability == Durability::Fast {
                forgo_durability(folder.path()).map_err(|error| error.to_string())?;
            }
        }
        let port = free_port().map_err(|error| error.to_string())?;
        let child = serve(&programs, folder.path(), user, port).map_err(|error| error.to_string())?;
        let mut server = Self { programs, folder, user, port, child };
        if let Err(why) = server.wait_until_ready().await {
            let log = fs::read_to_string(server.folder.path().join("log")).unwrap_or_default();
            server.stop().await;
            return Err(format!("{why}\n{log}"));
        }
        Ok(server)
    }

    /// The maintenance database.
    pub fn url(&self) -> String {
        self.url_of("postgres")
    }

    /// What tests need to start servers of their own, for what one alone cannot show: the programs, and whom they run as.
    pub fn tools(&self) -> Vec<(&'static str, String)> {
        let programs = ("HARDPAN_TEST_POSTGRES_PROGRAMS", self.home().display().to_string());
        let user = self.user.map(|user| ("HARDPAN_TEST_POSTGRES_USER", format!("{}:{}", user.id, user.group)));
        [programs].into_iter().chain(user).collect()
    }

    /// A few programs may be linked into a folder of `PATH`; where they are at home are all of them.
    fn home(&self) -> PathBuf {
        let home = fs::canonicalize(self.programs.join("initdb")).ok();
        home.and_then(|path| path.parent().map(Path::to_path_buf)).unwrap_or_else(|| self.programs.clone())
    }

    pub fn url_of(&self, database: &str) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{database}?sslmode=disable", self.port)
    }

    /// Runs one of PostgreSQL's client programs against this server, as `createdb NAME`.
    #[cfg(feature = "live")]
    pub async fn client(&self, name: &str, arguments: &[&str]) -> Result<(), String> {
        let mut client = program(&self.home(), name, self.user);
        client.args(["-h", "127.0.0.1", "-U", "postgres", "-p", &self.port.to_string()]).args(arguments);
        let output = client.output().await.map_err(|error| format!("{name}: {error}"))?;
        let why = || format!("{name}: {}", String::from_utf8_lossy(&output.stderr));
        output.status.success().then_some(()).ok_or_else(why)
    }

    /// Where its data are, and its write-ahead log.
    #[cfg(feature = "live")]
    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// Of the process whose children serve.
    #[cfg(feature = "live")]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it has ended by itself.
    #[cfg(feature = "live")]
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Stops the server: without ceremony when its folder goes with it.
    pub async fn stop(&mut self) {
        self.stop_by(if self.folder.is_kept() { "fast" } else { "immediate" }).await;
    }

    /// `mode` is one of `pg_ctl stop`; `immediate` is a crash.
    pub async fn stop_by(&mut self, mode: &str) {
        let mut stop = program(&self.programs, "pg_ctl", self.user);
        stop.args(["stop", "-m", mode, "-D"]).arg(self.folder.path().join("data"));
        let _ = stop.output().await;
        if timeout(Duration::from_secs(10), self.child.wait()).await.is_err() {
            let _ = self.child.kill().await;
        }
    }

    /// Starts a stopped server again, over the same data, and waits until it accepts connections.
    #[cfg(feature = "live")]
    pub async fn restart(&mut self) -> Result<(), String> {
        let child = serve(&self.programs, self.folder.path(), self.user, self.port);
        self.child = child.map_err(|error| error.to_string())?;
        self.wait_until_ready().await
    }

    async fn wait_until_ready(&mut self) -> Result<(), String> {
        for _ in 0..300 {
            if let Ok(Some(status)) = self.child.try_wait() {
                return Err(format!("PostgreSQL ended at once: {status}"));
            }
            // It listens before it is ready, and writes "ready" on the eighth line of this file when it is.
            let status = fs::read_to_string(self.folder.path().join("data/postmaster.pid")).unwrap_or_default();
            let is_ready = status.lines().nth(7).is_some_and(|line| line.trim() == "ready");
            if is_ready && TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).await.is_ok() {
                return Ok(());
            }
            sleep(Duration::from_millis(100)).await;
        }
        Err("PostgreSQL did not get ready".to_owned())
    }
}

/// The folder with PostgreSQL's programs: in `PATH`, where `pg_config` says, or where distributions put it.
fn find() -> Option<PathBuf> {
    let on_path = env::var_os("PATH").map(|path| env::split_paths(&path).collect::<Vec<_>>()).unwrap_or_default();
    let told = std::process::Command::new("pg_config").arg("--bindir").output().ok();
    let told = told.map(|output| PathBuf::from(String::from_utf8_lossy(&output.stdout).trim()));
    let mut usual = Vec::new();
    for (parent, prefix) in [
        ("/usr/lib/postgresql", ""),
        ("/usr", "pgsql-"),
        ("/opt/homebrew/opt", "postgresql"),
        ("/usr/local/opt", "postgresql"),
    ] {
        let folders = fs::read_dir(parent).into_iter().flatten().flatten();
        usual.extend(
            folders
                .filter(|folder| folder.file_name().to_string_lossy().starts_with(prefix))
                .map(|folder| folder.path().join("bin")),
        );
    }
    // The newest version first.
    usual.sort_by_key(|folder| std::cmp::Reverse(version_of(folder)));
    let has_all = |folder: &PathBuf| ["initdb", "postgres", "pg_ctl"].iter().all(|name| folder.join(name).is_file());
    on_path.into_iter().chain(told).chain(usual).find(has_all)
}

fn version_of(folder: &Path) -> u32 {
    let digits =
        |part: &std::ffi::OsStr| part.to_string_lossy().chars().filter(char::is_ascii_digit).collect::<String>();
    folder.iter().rev().find_map(|part| digits(part).parse().ok()).unwrap_or(0)
}

async fn install() -> Result<PathBuf, String> {
    let missing = "PostgreSQL is not installed; the tests need its server (package `postgresql`)";
    debian::install(missing, &["postgresql"]).await?;
    find().ok_or_else(|| missing.to_owned())
}

async fn unprivileged() -> Result<User, String> {
    for name in ["postgres", "nobody"] {
        let (id, group) = (output("id", &["-u", name]).await, output("id", &["-g", name]).await);
        if let (Some(Ok(id)), Some(Ok(group))) = (id.map(|id| id.parse()), group.map(|group| group.parse())) {
            return Ok(User { id, group });
        }
    }
    Err("PostgreSQL does not run as root, and there is no user postgres or nobody to run it as".to_owned())
}

#[cfg(unix)]
fn hand_over(folder: &Path, user: Option<User>) -> io::Result<()> {
    user.map_or(Ok(()), |user| std::os::unix::fs::chown(folder, Some(user.id), Some(user.group)))
}

#[cfg(not(unix))]
fn hand_over(_: &Path, _: Option<User>) -> io::Result<()> {
    Ok(())
}

fn program(programs: &Path, name: &str, user: Option<User>) -> Command {
    // The clients may be a package of their own, elsewhere.
    let path = Some(programs.join(name)).filter(|path| path.is_file());
    let mut command = Command::new(path.unwrap_or_else(|| name.into()));
    // Its messages are read by nobody and its texts compared by none.
    command.env("LC_ALL", "C").current_dir(env::temp_dir()).kill_on_drop(true);
    #[cfg(unix)]
    if let Some(user) = user {
        command.uid(user.id).gid(user.group);
    }
    #[cfg(not(unix))]
    let _ = user;
    command
}

async fn initialise(programs: &Path, folder: &Path, user: Option<User>) -> Result<(), String> {
    let mut initdb = program(programs, "initdb", user);
    initdb
        .args(["-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync", "-D"])
        .arg(folder.join("data"));
    let output = initdb.output().await.map_err(|error| format!("initdb: {error}"))?;
    if output.status.success() { Ok(()) } else { Err(format!("initdb: {}", String::from_utf8_lossy(&output.stderr))) }
}

fn forgo_durability(folder: &Path) -> io::Result<()> {
    let mut settings = fs::File::options().append(true).open(folder.join("data/postgresql.conf"))?;
    settings.write_all(b"\nfsync = off\nfull_page_writes = off\n")
}

fn serve(programs: &Path, folder: &Path, user: Option<User>, port: u16) -> io::Result<Child> {
    let log = fs::File::create(folder.join("log"))?;
    let mut postgres = program(programs, "postgres", user);
    postgres.arg("-D").arg(folder.join("data"));
    for setting in [
        "listen_addresses=127.0.0.1",
        "unix_socket_directories=",
        "max_connections=300",
        "max_wal_size=4GB",
        "log_min_messages=warning",
    ] {
        postgres.args(["-c", setting]);
    }
    postgres.args(["-c", &format!("port={port}")]).stdout(log.try_clone()?).stderr(log).spawn()
}

/// A port of the loopback address that nobody uses.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

//! The program, its database, its disk and its clock, brought up so that all of them can be struck.
use std::{path::Path, sync::atomic::Ordering, time::Duration};

use tempfile::TempDir;
use tokio::time::{Instant, sleep};

use super::{
    book::Book,
    clock::{self, Clock},
    disk::Disk,
    fault::Fault,
    store::PING,
};
use crate::{
    folder::Folder,
    live::{engine::Engine, program::Program, strace},
    postgres::{Durability, Server},
    tools::debian,
    torture::stage::program,
};

/// Longer than PostgreSQL takes for its own recovery.
const PATIENCE: Duration = Duration::from_mins(1);

// Dropped in this order: the disk must be gone before the folder it is mounted in is removed.
pub struct Arena {
    pub disk: Option<Disk>,
    pub clock: Option<Clock>,
    pub program: Program,
    pub postgres: Option<Server>,
    _folder: Option<TempDir>,
}

impl Arena {
    /// What has not been started yet, and the kinds of faults that this machine lets happen, out of `kinds`.
    pub async fn open(binary: &Path, engine: Engine, kinds: &mut Vec<Fault>) -> Result<Self, String> {
        let mut arena = match engine {
            Engine::Sqlite => {
                let program = program(binary, None)?;
                let disk = allowed(Disk::mount(&program.folder().join("app/data")), kinds, &[Fault::FullDisk]);
                Self { disk, clock: None, program, postgres: None, _folder: None }
            }
            Engine::Postgres => {
                let folder = tempfile::Builder::new().prefix("hardpan-chaos-").tempdir().map_err(|e| e.to_string())?;
                open_to_all(folder.path())?;
                let at = folder.path().join("postgres");
                let disk = allowed(Disk::mount(&at), kinds, &[Fault::FullDisk]);
                let server = Server::start_in(Folder::kept(&at)?, Durability::Full).await?;
                let program = program(binary, Some(server.url()))?;
                Self { disk, clock: None, program, postgres: Some(server), _folder: Some(folder) }
            }
        };
        if kinds.contains(&Fault::Clock) {
            arena.clock = allowed(Clock::give(&mut arena.program).await, kinds, &[Fault::Clock]);
        }
        let traced = [Fault::SlowDisk, Fault::FailingDisk, Fault::ReadOnly];
        if !strace::is_there().await {
            let missing = "strace is not installed (package `strace`)";
            allowed(debian::install(missing, &["strace"]).await, kinds, &traced);
        }
        Ok(arena)
    }

    /// Starts the program and waits until it is ready; once more where somebody else stopped it meanwhile.
    pub async fn start(&mut self, book: &Book) -> Result<(), String> {
        for _ in 0..3 {
            let begun = std::time::Instant::now();
            self.program.start()?;
            book.pid.store(self.pid()?, Ordering::Relaxed);
            let outcome = self.program.wait_until_ready().await;
            book.pages().killed_at = Some(std::time::Instant::now());
            match outcome {
                Ok(_) => return Ok(()),
                Err(why) if !book.pages().is_disturbed_since(begun) => return Err(why),
                Err(_) => self.kill().await?,
            }
        }
        Err("the program does not start".to_owned())
    }

    pub fn pid(&self) -> Result<u32, String> {
        self.program.pid().ok_or_else(|| "the program does not run".to_owned())
    }

    /// SIGKILL.
    pub async fn kill(&mut self) -> Result<(), String> {
        let pid = self.pid()?;
        self.program.kill().await?;
        clock::sweep(pid);
        Ok(())
    }

    /// Runs SQL as PostgreSQL's administrator, each statement by itself.
    pub async fn sql(&self, statements: &[&str]) -> Result<(), String> {
        let postgres = self.postgres.as_ref().ok_or("there is no PostgreSQL")?;
        let arguments = statements.iter().flat_map(|sql| ["-c", *sql]).collect::<Vec<_>>();
        postgres.client("psql", &[&["-q", "-X", "-o", "/dev/null"], arguments.as_slice()].concat()).await
    }

    /// Waits until PostgreSQL serves. As its administrator would, it is started again where it has given up.
    pub async fn mend_database(&mut self) -> Result<(), String> {
        let since = Instant::now();
        let Some(postgres) = &mut self.postgres else { return Ok(()) };
        loop {
            if postgres.has_ended() {
                postgres.restart().await?;
            }
            match postgres.client("psql", &["-q", "-X", "-o", "/dev/null", "-c", PING]).await {
                Ok(()) => return Ok(()),
                Err(why) if since.elapsed() > PATIENCE => return Err(format!("PostgreSQL does not come back: {why}")),
                Err(_) => sleep(Duration::from_millis(50)).await,
            }
        }
    }

    pub async fn close(mut self) {
        let _ = self.program.kill().await;
        if let Some(postgres) = &mut self.postgres {
            postgres.stop().await;
        }
    }
}

/// What there is, or nothing and a word on why these kinds are left out.
fn allowed<T>(means: Result<T, String>, kinds: &mut Vec<Fault>, needed_by: &[Fault]) -> Option<T> {
    let why = match means {
        Ok(means) => return Some(means),
        Err(why) => why,
    };
    for kind in needed_by.iter().filter(|kind| kinds.contains(kind)) {
        println!("  SKIPPED {}: {why}", kind.name());
    }
    kinds.retain(|kind| !needed_by.contains(kind));
    None
}

#[cfg(unix)]
fn open_to_all(folder: &Path) -> Result<(), String> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o755)).map_err(|error| error.to_string())
}

#[cfg(not(unix))]
fn open_to_all(_: &Path) -> Result<(), String> {
    Ok(())
}

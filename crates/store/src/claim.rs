//! Who works on a database: servers and commands share it, what replaces it wants it alone.
use std::{fs, io, path::Path, time::Duration};

use kernel::{Code, Error, Result};
use tokio::time::{Instant, sleep};

use crate::{Dialect, Options, Tx, postgres, sqlite};

/// How long the database is asked for alone: a server that has just ended may still be seen.
const PATIENCE: Duration = Duration::from_secs(2);
const PAUSE: Duration = Duration::from_millis(50);

/// With others, or alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    Shared,
    Alone,
}

/// Held until it is dropped, or the process ends in whatever way.
pub struct Claim {
    held: Held,
}

enum Held {
    /// The file `hardpan.lock` beside the SQLite database, locked.
    File(#[allow(dead_code, reason = "held, not looked at")] fs::File),
    /// A session of PostgreSQL with an advisory lock.
    Session(postgres::Session),
}

/// What a transaction asks whether the database is held alone still.
#[derive(Clone, Copy, Debug, Default)]
pub struct Hold {
    /// A locked file is held as long as its process lives; a session of PostgreSQL may end before.
    backend: Option<i32>,
}

impl Claim {
    pub const fn hold(&self) -> Hold {
        let backend = match &self.held {
            Held::File(_) => None,
            Held::Session(session) => Some(session.backend),
        };
        Hold { backend }
    }
}

impl Hold {
    /// To be asked at the end of what needs the database alone. Errors: it is not held any more, others may have been at work.
    pub async fn check(self, tx: &mut Tx<'_>) -> Result<()> {
        match self.backend {
            Some(backend) if !postgres::is_alone(tx, backend).await? => {
                let lost = "The session that held the database alone was lost, so that others may have worked on it. \
                            Nothing was exchanged; run the command again.";
                Err(Error::new(Code::Internal).with_detail(lost))
            }
            _ => Ok(()),
        }
    }
}

/// Claims the database of `options`; nothing when somebody else holds it in a way that excludes this.
pub async fn claim(options: &Options, mode: Mode) -> Result<Option<Claim>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let held = match Dialect::of_url(options.url.expose())? {
            Dialect::Sqlite => lock_beside(&sqlite::path_of(options.url.expose())?, mode)?.map(Held::File),
            Dialect::Postgres => postgres::Session::claim(options, mode, None).await?.map(Held::Session),
        };
        if held.is_some() || Instant::now() > end {
            return Ok(held.map(|held| Claim { held }));
        }
        sleep(PAUSE).await;
    }
}

/// Claims a schema of PostgreSQL that its maker is about to make. Held by nobody, it may be dropped by anyone.
///
/// Errors: somebody else holds it.
pub async fn claim_schema(options: &Options, name: &str) -> Result<Claim> {
    let session = postgres::Session::claim(options, Mode::Alone, Some(name)).await?;
    let held = session.map(Held::Session).ok_or_else(|| Error::internal(format!("the schema {name} is held")))?;
    Ok(Claim { held })
}

fn lock_beside(database: &Path, mode: Mode) -> Result<Option<fs::File>> {
    let path = database.with_file_name("hardpan.lock");
    let refused = |error: io::Error| {
        Error::unavailable(error).with_detail(format!("The lock file {} cannot be used.", path.display()))
    };
    sqlite::create(&path)?;
    let file = fs::OpenOptions::new().write(true).open(&path).map_err(refused)?;
    let locked = match mode {
        Mode::Shared => file.try_lock_shared(),
        Mode::Alone => file.try_lock(),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(fs::TryLockError::WouldBlock) => Ok(None),
        Err(fs::TryLockError::Error(error)) => Err(refused(error)),
    }
}

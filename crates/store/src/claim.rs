//! Who works on a database: servers and commands share it, what replaces it wants it alone.
use std::{fs, io, path::Path, time::Duration};

use kernel::{Error, Result};
use tokio::time::{Instant, sleep};

use crate::{Dialect, Options, postgres, sqlite};

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
    _held: Held,
}

enum Held {
    /// The file `hardpan.lock` beside the SQLite database, locked.
    File(#[allow(dead_code, reason = "held, not looked at")] fs::File),
    /// A session of PostgreSQL with an advisory lock.
    Session(#[allow(dead_code, reason = "held, not looked at")] postgres::Session),
}

/// Claims the database of `options`; nothing when somebody else holds it in a way that excludes this.
pub async fn claim(options: &Options, mode: Mode) -> Result<Option<Claim>> {
    let end = Instant::now() + PATIENCE;
    loop {
        let held = match Dialect::of_url(options.url.expose())? {
            Dialect::Sqlite => lock_beside(&sqlite::path_of(options.url.expose())?, mode)?.map(Held::File),
            Dialect::Postgres => postgres::Session::claim(options, mode).await?.map(Held::Session),
        };
        if held.is_some() || Instant::now() > end {
            return Ok(held.map(|held| Claim { _held: held }));
        }
        sleep(PAUSE).await;
    }
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

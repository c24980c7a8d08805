//! Opening SQLite: where the file is, who may read it, and how each connection is set up.
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use kernel::{Code, Error, Result};
use rusqlite::{Connection, OpenFlags};

/// 3.51.3: older ones can corrupt a database when the WAL is reset.
const OLDEST: i32 = 3_051_003;
/// How often a statement's time is looked at, in steps of SQLite's virtual machine: some ten microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 1000;

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Writer,
    Reader,
}

/// The bounds of one statement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    pub statement: Duration,
    pub rows: usize,
}

/// A connection and what every statement on it needs.
pub(super) struct Session {
    pub connection: Connection,
    pub role: Role,
    pub bounds: Bounds,
    deadline: Arc<Deadline>,
}

/// When the running statement must end. Read by SQLite's progress handler on the same thread.
struct Deadline {
    origin: Instant,
    /// Microseconds after `origin`; `u64::MAX` for never.
    micros: AtomicU64,
}

impl Deadline {
    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    fn is_past(&self) -> bool {
        let deadline = self.micros.load(Ordering::Relaxed);
        deadline != u64::MAX && self.now() > deadline
    }
}

impl Session {
    pub fn open(path: &Path, role: Role, bounds: Bounds) -> Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let mut connection = Connection::open_with_flags(path, flags).map_err(|error| refused(path, error))?;
        set_up(&connection, role).map_err(|error| refused(path, error))?;
        let deadline = Arc::new(Deadline { origin: Instant::now(), micros: AtomicU64::new(u64::MAX) });
        let watched = Arc::clone(&deadline);
        connection
            .progress_handler(STEPS_BETWEEN_LOOKS, Some(move || watched.is_past()))
            .map_err(|error| refused(path, error))?;
        Ok(Self { connection, role, bounds, deadline })
    }

    /// Bounds the next statement's time.
    pub fn limit(&self) {
        let span = u64::try_from(self.bounds.statement.as_micros()).unwrap_or(u64::MAX);
        self.deadline.micros.store(self.deadline.now().saturating_add(span), Ordering::Relaxed);
    }

    /// Lets the next statements take their time: commits, roll-backs and changes of the schema.
    pub fn unlimit(&self) {
        self.deadline.micros.store(u64::MAX, Ordering::Relaxed);
    }

    /// Runs a statement of transaction control.
    pub fn control(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.unlimit();
        self.connection.prepare_cached(sql)?.raw_execute().map(|_| ())
    }
}

fn set_up(connection: &Connection, role: Role) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::from_secs(5))?;
    if role == Role::Writer {
        let mode: String = connection.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
        if !mode.eq_ignore_ascii_case("wal") {
            // A network share or a read-only folder: neither can hold a database that is written concurrently.
            return Err(rusqlite::Error::ToSqlConversionFailure("the file system does not allow a WAL".into()));
        }
    }
    // No memory map: measured, it gains nothing for look-ups, costs half the throughput when writes come between (the map is made
    // anew), counts every page as resident once per connection, and turns a failed read into a signal.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 8000;
         PRAGMA journal_size_limit = 67108864;
         PRAGMA mmap_size = 0;
         PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    match role {
        Role::Writer => connection.execute_batch("PRAGMA cache_size = -16000")?,
        // In KiB. Behind it is the operating system's cache, which all readers share.
        Role::Reader => connection.execute_batch("PRAGMA cache_size = -3000; PRAGMA query_only = ON")?,
    }
    connection.set_prepared_statement_cache_capacity(256);
    Ok(())
}

pub(super) fn refuse_old_library() -> Result<()> {
    if rusqlite::version_number() < OLDEST {
        return Err(Error::internal(format!("SQLite {} is too old; 3.51.3 is the oldest", rusqlite::version())));
    }
    Ok(())
}

/// The file a URL names: `sqlite:PATH`, `sqlite://PATH`, and as `SQLAlchemy` has it
/// `sqlite:///RELATIVE` and `sqlite:////ABSOLUTE`.
pub(crate) fn path_of(url: &str) -> Result<PathBuf> {
    let malformed = |why: &'static str| Err(Error::new(Code::Internal).with_detail(why));
    let (_, rest) = url.split_once(':').unwrap_or_default();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = rest.strip_prefix("///").or_else(|| rest.strip_prefix("//")).unwrap_or(rest);
    if path.is_empty() || path.contains(":memory:") || path.starts_with("file:") || query.contains("mode=memory") {
        return malformed("an SQLite URL names a file, as in sqlite:data/app.db; a database in memory is not served");
    }
    // Spelled by other stacks and without meaning here.
    let is_known = |pair: &str| matches!(pair, "" | "mode=rwc" | "mode=rw") || pair.starts_with("check_same_thread=");
    if !query.split('&').all(is_known) {
        return malformed("an SQLite URL has no options");
    }
    Ok(PathBuf::from(path))
}

/// Makes the file and its folder when they are missing, for their owner alone: SQLite gives its WAL the same mode.
pub(crate) fn create(path: &Path) -> Result<()> {
    let made = || -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if let Some(folder) = folder.filter(|folder| !folder.exists()) {
            create_folder(folder)?;
        }
        match create_file(path) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            other => other,
        }
    };
    made().map_err(|error| refused(path, error))
}

#[cfg(unix)]
fn create_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(not(unix))]
fn create_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(unix)]
fn create_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(|_| ())
}

#[cfg(not(unix))]
fn create_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).open(path).map(|_| ())
}

fn refused(path: &Path, error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::unavailable(error).with_detail(format!("The database {} cannot be opened.", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_spellings_of_other_stacks_name_the_same_file() {
        for (url, path) in [
            ("sqlite:data/x.db", "data/x.db"),
            ("sqlite://data/x.db", "data/x.db"),
            ("sqlite:///data/x.db", "data/x.db"),
            ("sqlite+aiosqlite:///data/x.db", "data/x.db"),
            ("sqlite:/srv/x.db", "/srv/x.db"),
            ("sqlite:////srv/x.db?mode=rwc", "/srv/x.db"),
            ("sqlite+aiosqlite:////srv/x.db", "/srv/x.db"),
        ] {
            assert_eq!(path_of(url).ok(), Some(PathBuf::from(path)), "{url}");
        }
    }

    #[test]
    fn memory_and_unknown_options_are_refused() {
        for url in
            ["sqlite:", "sqlite://", "sqlite::memory:", "sqlite:///:memory:", "sqlite:file:x.db", "sqlite:x?vfs=y"]
        {
            assert!(path_of(url).is_err(), "{url}");
        }
        assert!(path_of("sqlite:x.db?mode=memory").is_err());
    }
}

//! A database for one test.
use std::{
    collections::HashMap,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, mpsc},
    thread,
    time::Duration,
};

use kernel::{ManualClock, SeededRandom, Timestamp};
use store::{Ctx, Db, Options, Source};
use tempfile::TempDir;
use tokio::{
    runtime,
    sync::{OnceCell, OwnedSemaphorePermit, Semaphore},
};

use crate::server;

/// Databases open at once in one test binary. With ten connections each this stays below the server's 300.
const MOST_OPEN: usize = 24;
/// When the clock of every test stands still: 2026-11-21T09:00:00Z.
const START: Timestamp = Timestamp::from_micros(1_795_251_600_000_000);

/// Which engine a test runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Engine {
    Sqlite,
    Postgres,
}

impl Engine {
    pub const BOTH: [Self; 2] = [Self::Sqlite, Self::Postgres];
}

/// A fresh database with everything a context needs. It is gone when this is dropped.
pub struct TestDb {
    pub engine: Engine,
    pub db: Db,
    pub clock: Arc<ManualClock>,
    pub source: Source,
    options: Options,
    /// Nothing only while it is dropped.
    place: Option<Place>,
    _permit: OwnedSemaphorePermit,
}

/// Where the database is.
enum Place {
    Folder(TempDir),
    Server(String),
}

impl TestDb {
    /// An empty database.
    pub async fn open(engine: Engine) -> Self {
        Self::open_with(engine, |_| ()).await
    }

    /// An empty database, opened with other bounds than a test's usual ones.
    pub async fn open_with(engine: Engine, change: impl FnOnce(&mut Options)) -> Self {
        let permit = permit().await;
        let place = match engine {
            Engine::Sqlite => Place::Folder(folder()),
            Engine::Postgres => {
                let name = server::fresh_name();
                server::create(&name, None).await;
                Place::Server(name)
            }
        };
        Self::at(engine, place, permit, change).await
    }

    /// A copy of the template `name`, which `prepare` makes once per test binary: migrations, mostly.
    pub async fn from_template(engine: Engine, name: &'static str, prepare: impl AsyncFnOnce(&Ctx)) -> Self {
        let template = template(engine, name, prepare).await;
        let permit = permit().await;
        let place = match (engine, &*template) {
            (Engine::Sqlite, Template::File { path, .. }) => {
                let folder = folder();
                std::fs::copy(path, file_in(folder.path())).expect("a copy of the template");
                Place::Folder(folder)
            }
            (_, Template::Database(template)) => {
                let name = server::fresh_name();
                server::create(&name, Some(template)).await;
                Place::Server(name)
            }
            _ => unreachable!("a template is of the engine it was made for"),
        };
        Self::at(engine, place, permit, |_| ()).await
    }

    async fn at(engine: Engine, place: Place, permit: OwnedSemaphorePermit, change: impl FnOnce(&mut Options)) -> Self {
        let mut options = options(&place);
        change(&mut options);
        let db = Db::open(options.clone()).await.expect("a database for the test");
        let clock = Arc::new(ManualClock::at(START));
        let source = Source { db: db.clone(), clock: clock.clone(), random: Arc::new(SeededRandom::new(1)) };
        Self { engine, db, clock, source, options, place: Some(place), _permit: permit }
    }

    /// How the database was opened, to open it once more as another node would.
    pub fn options(&self) -> Options {
        self.options.clone()
    }

    pub fn url(&self) -> String {
        self.options.url.expose().clone()
    }

    /// A context of the system.
    pub fn ctx(&self) -> Ctx {
        self.source.system("test")
    }
}

impl Drop for TestDb {
    fn drop(&mut self) {
        match self.place.take() {
            Some(Place::Folder(folder)) => close(self.db.clone(), folder),
            Some(Place::Server(name)) => server::leave(name),
            None => {}
        }
    }
}

/// Closes the database before its folder is removed, so that nothing is written there meanwhile. A test that failed may have left
/// a transaction that never ends: it is not waited for.
fn close(db: Db, folder: TempDir) {
    let (sender, done) = mpsc::channel();
    thread::spawn(move || {
        // On a runtime of its own: the test's may be busy with this very drop.
        let runtime = runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(db.close());
        drop(folder);
        let _ = sender.send(());
    });
    let _ = done.recv_timeout(Duration::from_secs(5));
}

impl fmt::Debug for TestDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TestDb({:?})", self.engine)
    }
}

/// Runs `test` on each engine in turn; a failure says on which.
pub async fn on_both(test: impl AsyncFn(TestDb)) {
    for engine in Engine::BOTH {
        let running = Running(engine);
        test(TestDb::open(engine).await).await;
        drop(running);
    }
}

/// Says on which engine a test was running when it panicked.
struct Running(Engine);

impl Drop for Running {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("failed on {:?}", self.0);
        }
    }
}

enum Template {
    File { path: PathBuf, _folder: TempDir },
    Database(String),
}

type Templates = Mutex<HashMap<(Engine, &'static str), Arc<OnceCell<Arc<Template>>>>>;

async fn template(engine: Engine, name: &'static str, prepare: impl AsyncFnOnce(&Ctx)) -> Arc<Template> {
    static TEMPLATES: OnceLock<Templates> = OnceLock::new();
    let cell = {
        let mut templates = TEMPLATES.get_or_init(Templates::default).lock().expect("no test panics with this lock");
        Arc::clone(templates.entry((engine, name)).or_default())
    };
    Arc::clone(cell.get_or_init(|| async { Arc::new(make_template(engine, prepare).await) }).await)
}

async fn make_template(engine: Engine, prepare: impl AsyncFnOnce(&Ctx)) -> Template {
    let database = TestDb::open(engine).await;
    prepare(&database.ctx()).await;
    database.db.close().await;
    match engine {
        Engine::Sqlite => {
            let folder = folder();
            let path = file_in(folder.path());
            // Closed, so that everything is in the one file.
            let Some(Place::Folder(original)) = &database.place else { unreachable!("SQLite is in a folder") };
            std::fs::copy(file_in(original.path()), &path).expect("a template");
            Template::File { path, _folder: folder }
        }
        Engine::Postgres => {
            let name = server::fresh_name();
            let Some(Place::Server(original)) = &database.place else { unreachable!("PostgreSQL is on a server") };
            server::create(&name, Some(original)).await;
            Template::Database(name)
        }
    }
}

fn options(place: &Place) -> Options {
    let url = match place {
        Place::Folder(folder) => format!("sqlite:{}", file_in(folder.path()).display()),
        Place::Server(name) => server::url_of(name),
    };
    Options { pool_min: 0, pool_max: 10, wait: Duration::from_secs(20), ..Options::new(url) }
}

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn file_in(folder: &Path) -> PathBuf {
    folder.join("test.db")
}

async fn permit() -> OwnedSemaphorePermit {
    static OPEN: OnceLock<Arc<Semaphore>> = OnceLock::new();
    let open = OPEN.get_or_init(|| Arc::new(Semaphore::new(MOST_OPEN)));
    Arc::clone(open).acquire_owned().await.expect("a semaphore that is never closed")
}

//! What is counted and logged of statements: names, times, plans, and never a value.
use std::{
    io,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use futures_util::FutureExt as _;
use kernel::{Actor, Value};
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use store::{Ctx, RequestInfo};
use testkit::{Engine, TestDb};

use crate::{create, create_notes, insert};

/// The process's recorder, which databases opened later report to.
fn recorder() -> &'static Snapshotter {
    static RECORDER: OnceLock<Snapshotter> = OnceLock::new();
    RECORDER.get_or_init(|| {
        let recorder = DebuggingRecorder::new();
        let snapshotter = recorder.snapshotter();
        recorder.install().expect("no other recorder");
        snapshotter
    })
}

/// Name, labels and value.
type Metric = (String, Vec<(String, String)>, DebugValue);

/// Each metric that has this label among others.
fn metrics(label: (&str, &str)) -> Vec<Metric> {
    let all = recorder().snapshot().into_vec().into_iter().map(|(key, _, _, value)| {
        let key = key.key();
        let labels: Vec<(String, String)> =
            key.labels().map(|label| (label.key().to_owned(), label.value().to_owned())).collect();
        (key.name().to_owned(), labels, value)
    });
    all.filter(|(_, labels, _)| labels.iter().any(|(key, value)| (key.as_str(), value.as_str()) == label)).collect()
}

/// One test, because a snapshot takes what was recorded so far.
#[tokio::test]
async fn every_statement_is_counted_by_name_and_engine() {
    recorder();
    for (engine, label) in [(Engine::Sqlite, "sqlite"), (Engine::Postgres, "postgresql")] {
        let database = TestDb::open(engine).await;
        create(&database, "CREATE TABLE counted (id {int} NOT NULL PRIMARY KEY, word {text} NOT NULL) {strict};").await;
        let ctx = database.ctx();
        for number in 0..3_i64 {
            let params: [Value; 2] = [number.into(), "hunter2".into()];
            let insert = "INSERT INTO counted (id, word) VALUES ($1, $2)";
            ctx.write(move |_, tx| async move { tx.execute(insert, &params).await }.boxed()).await.unwrap();
        }
        for sql in [
            "SELECT id FROM counted",
            "SELECT word FROM counted ORDER BY id",
            "SELECT 1 FROM counted WHERE id = 'hunter2'::x",
        ] {
            let _ = ctx.read(move |_, tx| async move { tx.query(sql, &[]).await }.boxed()).await;
        }
        database.db.measure();
        let seen = metrics(("engine", label));
        let gauges = seen.iter().filter(|(name, ..)| name == "hardpan_db_connections");
        let open = gauges
            .filter_map(|(_, _, value)| if let DebugValue::Gauge(number) = value { Some(**number) } else { None });
        assert!(open.sum::<f64>() >= 1.0, "{engine:?}: {seen:?}");
        assert!(!format!("{seen:?}").contains("hunter2"), "{seen:?}");
        let value = |metric: &str, statement: &str| {
            let found = seen.iter().find(|(name, labels, _)| {
                name == metric && labels.contains(&("statement".to_owned(), statement.to_owned()))
            });
            found.map(|(_, _, value)| match value {
                DebugValue::Histogram(times) => times.len() as u64,
                DebugValue::Counter(count) => *count,
                DebugValue::Gauge(_) => 0,
            })
        };
        assert_eq!(value("hardpan_db_statement_seconds", "insert counted"), Some(3), "{engine:?}");
        assert_eq!(value("hardpan_db_statement_seconds", "select counted"), Some(3), "{engine:?}");
        assert_eq!(value("hardpan_db_rows_total", "insert counted"), Some(3), "{engine:?}");
        assert_eq!(value("hardpan_db_rows_total", "select counted"), Some(6), "{engine:?}");
        assert_eq!(value("hardpan_db_errors_total", "select counted"), Some(1), "{engine:?}");
        let labels: Vec<&String> = seen.iter().flat_map(|(_, labels, _)| labels.iter().map(|(key, _)| key)).collect();
        assert!(
            labels.iter().all(|key| ["statement", "engine", "code", "state"].contains(&key.as_str())),
            "{labels:?}"
        );
    }
}

/// Lines of the log, as text.
#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// Waits until something is written.
    async fn until(&self, part: &str) -> String {
        for _ in 0..500 {
            if self.text().contains(part) {
                return self.text();
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{part} was never logged: {}", self.text());
    }
}

fn captured() -> (Lines, tracing::subscriber::DefaultGuard) {
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(move || writer.clone())
        .with_ansi(false)
        .with_max_level(tracing::Level::DEBUG)
        .finish();
    (lines, tracing::subscriber::set_default(subscriber))
}

fn in_request(database: &TestDb, id: &str) -> Ctx {
    let request = RequestInfo { id: id.to_owned(), ..RequestInfo::default() };
    database.source.ctx(Actor::System("test"), Arc::new(request))
}

#[tokio::test]
async fn a_slow_statement_is_logged_with_its_plan_and_without_values() {
    for engine in Engine::BOTH {
        let (lines, _guard) = captured();
        let database = TestDb::open_with(engine, |options| options.slow = Some(Duration::from_nanos(1))).await;
        create_notes(&database).await;
        let ctx = in_request(&database, "request-7");
        let secret = "hunter2-is-the-secret";
        let write = "INSERT INTO notes (id, name) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET name = $2";
        let params: [Value; 2] = [kernel::Uuid::from_u64_pair(7, 7).into(), secret.into()];
        ctx.write(move |_, tx| async move { tx.execute(write, &params).await }.boxed()).await.unwrap();
        let read = "SELECT id FROM notes WHERE name = $1 ORDER BY name LIMIT 5";
        let rows = ctx.read(move |_, tx| async move { tx.query(read, &[secret.into()]).await }.boxed()).await.unwrap();
        assert_eq!(rows.len(), 1);
        let text = lines.until("select notes").await;
        let line = text.lines().find(|line| line.contains("select notes")).unwrap();
        for part in ["slow_query", "duration_ms=", "rows=1", "request-7", "name = $1", "plan=", "notes", "not_shown=0"]
        {
            assert!(line.contains(part), "{engine:?} {part}: {line}");
        }
        let plan = line.split("plan=").nth(1).unwrap();
        assert!(plan.contains("notes_name"), "{engine:?}: {line}");
        assert!(text.contains("insert notes"), "{engine:?}: {text}");
        let bytes = ["hunter2".to_owned(), "0000-000000000007".to_owned()];
        assert!(bytes.iter().all(|value| !text.contains(value)), "{engine:?}: {text}");
    }
}

#[tokio::test]
async fn fast_statements_are_not_logged_and_the_log_can_be_off() {
    for engine in Engine::BOTH {
        for slow in [None, Some(Duration::from_secs(30))] {
            let (lines, _guard) = captured();
            let database = TestDb::open_with(engine, |options| options.slow = slow).await;
            create_notes(&database).await;
            insert(&database.ctx(), 1).await.unwrap();
            tokio::time::sleep(Duration::from_millis(50)).await;
            assert!(!lines.text().contains("slow_query"), "{engine:?}: {}", lines.text());
        }
    }
}

#[tokio::test]
async fn a_flood_of_slow_statements_is_bounded() {
    let (lines, _guard) = captured();
    let database = TestDb::open_with(Engine::Sqlite, |options| options.slow = Some(Duration::from_nanos(1))).await;
    create_notes(&database).await;
    // Hundreds in one transaction: whoever writes the log has no turn meanwhile.
    let many = database.ctx();
    let many = many.read(|_, tx| {
        async move {
            for _ in 0..500 {
                tx.query("SELECT id FROM notes", &[]).await?;
            }
            Ok(())
        }
        .boxed()
    });
    many.await.unwrap();
    database.ctx().read(|_, tx| async move { tx.query("SELECT 1", &[]).await }.boxed()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    insert(&database.ctx(), 1).await.unwrap();
    let text = lines.until("insert notes").await;
    let count = text.lines().filter(|line| line.contains("select notes")).count();
    assert!((1..500).contains(&count), "{count}");
    let not_shown =
        |line: &str| line.rsplit("not_shown=").next().and_then(|n| n.trim().parse::<usize>().ok()).unwrap_or(0);
    assert!(text.lines().map(not_shown).sum::<usize>() > 0, "{text}");
}

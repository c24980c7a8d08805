//! An app in a folder, with a database of either engine.
use std::{
    path::{Path, PathBuf},
    process::Output,
};

use futures_util::FutureExt as _;
use kernel::Value;
use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use crate::{
    binary::program::{Running, hardpan, run, text},
    support::PASSWORD,
};

const APP: &str = include_str!("../support/app.toml");
pub const KEY: &str = "nP1hzrH+mCdTs/dz8eFh+jMgXSYZDubnoHmSuQglaRQ=";

pub struct App {
    pub dir: tempfile::TempDir,
    pub url: String,
    pub key: String,
}

impl App {
    /// With the database of `database`, which must outlive it.
    pub fn at(database: &TestDb) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("hardpan.toml"), APP).unwrap();
        Self { dir, url: database.url(), key: KEY.to_owned() }
    }

    pub fn environment(&self) -> [(&str, &str); 2] {
        [("HARDPAN_MASTER_KEY", &self.key), ("DATABASE_URL", &self.url)]
    }

    pub fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--app", self.dir.path().to_str().unwrap()]].concat()
    }

    /// Runs a command that must end with `code`; what it printed.
    #[track_caller]
    pub fn command(&self, arguments: &[&str], code: i32) -> String {
        let output = self.output(arguments);
        let said = text(&output.stdout) + &text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {said}");
        said
    }

    /// Its answer as JSON.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> Json {
        let output = self.output(&[arguments, &["--format", "json"]].concat());
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    pub fn output(&self, arguments: &[&str]) -> Output {
        run(&self.arguments(arguments), &self.environment())
    }

    /// Starts a command, kills it after `milliseconds`, and says whether it had ended by itself: well, or with an error that says `over`. It may
    /// also be refused: PostgreSQL takes a moment to see that the one killed before is gone.
    #[track_caller]
    pub fn kill_after(&self, milliseconds: u64, arguments: &[&str], over: &str) -> bool {
        let mut child = hardpan(&self.arguments(arguments), &self.environment())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(milliseconds));
        let ended = child.try_wait().unwrap();
        let _ = child.kill();
        let said = text(&child.wait_with_output().unwrap().stderr);
        ended.is_some_and(|status| {
            let is_over = status.success() || said.contains(over);
            assert!(is_over || said.contains("using this database"), "{arguments:?}: {said}");
            is_over
        })
    }

    pub fn serve(&self) -> Running {
        Running::start(self.dir.path(), &self.environment())
    }
}

/// The text of a path.
pub fn shown(path: &Path) -> &str {
    path.to_str().unwrap()
}

pub fn register(server: &Running, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let (status, answer) = server.call("POST", "/auth/v1/register", None, Some(&body));
    assert_eq!(status, 201, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// The token of an account that is there.
#[track_caller]
pub fn log_in(server: &Running, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let (status, answer) = server.call("POST", "/auth/v1/login", None, Some(&body));
    assert_eq!(status, 200, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

/// A document with a value of every type.
pub fn document(number: usize) -> Json {
    json!({
        "title": format!("Grüße {number} \u{1f980}"), "body": "x".repeat(number % 900), "favourite": number.is_multiple_of(2),
        "rank_int": -5, "ratio": 0.1, "price": "123456.78", "at": "2026-11-21T09:00:00.000001Z", "day": "2026-02-28",
        "data": {"b": 1.50, "a": [null, "é"]}, "contact": "ann@example.com", "slug": format!("slug-{number}"),
    })
}

#[track_caller]
pub fn create(server: &Running, token: &str, number: usize) -> String {
    let (status, answer) = server.call("POST", "/api/v1/documents", Some(token), Some(&document(number)));
    assert_eq!(status, 201, "{answer}");
    answer["id"].as_str().unwrap().to_owned()
}

/// One number out of a database, opened for this alone: a file that was replaced is another one.
pub async fn count(database: &TestDb, sql: &'static str) -> i64 {
    let db = store::Db::open(database.options()).await.unwrap();
    let ctx = store::Source { db, ..database.source.clone() }.system("test");
    let number = ctx.read(move |_, tx| async move { tx.query_one(sql, &[]).await?.get(0) }.boxed()).await.unwrap();
    ctx.db().close().await;
    number
}

/// Rows of the audit trail, so that a copy takes its time.
pub async fn fill(database: &TestDb, rows: usize) {
    let ctx = database.ctx();
    let fill = ctx.write(move |ctx, tx| {
        async move {
            let sql = "INSERT INTO audit_log (id, at, action, actor_type, target_type, before)
                VALUES ($1, $2, 'filled', 'system', 'nothing', $3)";
            for number in 0..rows {
                let mut noise = [0; 60];
                ctx.random().fill(&mut noise);
                let json = Value::Json(json!({"number": number, "noise": noise.to_vec()}).to_string());
                let id = kernel::id::uuid_v7(ctx.now(), ctx.random());
                tx.execute(sql, &[id.into(), ctx.now().into(), json]).await?;
            }
            Ok(())
        }
        .boxed()
    });
    fill.await.unwrap();
}

/// An app on each engine that has been served once, with one account.
pub async fn on_both(test: impl AsyncFn(Engine, &TestDb, &App)) {
    for engine in Engine::BOTH {
        eprintln!("on {engine:?}");
        let database = TestDb::open(engine).await;
        let app = App::at(&database);
        test(engine, &database, &app).await;
    }
}

//! Migration files: written, reviewed, applied once and in order; nothing is lost that nobody allowed.
use std::{fs, path::Path};

use serde_json::Value as Json;
use testkit::{Engine, TestDb};

use super::program::{Running, run, text};

const KEY: &str = "nP1hzrH+mCdTs/dz8eFh+jMgXSYZDubnoHmSuQglaRQ=";
const APP: &str = "[app]\nname = \"notes\"\npublic_url = \"https://notes.example.com\"\n\n[resources.notes.fields]\n";

/// An app in a folder of its own over a database.
struct App {
    dir: tempfile::TempDir,
    environment: Vec<(&'static str, String)>,
}

impl App {
    fn new(profile: &str, url: String) -> Self {
        let environment = [("HARDPAN_PROFILE", profile.to_owned()), ("HARDPAN_MASTER_KEY", KEY.to_owned())];
        let environment = environment.into_iter().chain([("DATABASE_URL", url)]).collect();
        Self { dir: tempfile::tempdir().unwrap(), environment }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }

    fn declare(&self, fields: &str) {
        fs::write(self.path().join("hardpan.toml"), format!("{APP}{fields}")).unwrap();
    }

    fn environment(&self) -> Vec<(&str, &str)> {
        self.environment.iter().map(|(name, value)| (*name, value.as_str())).collect()
    }

    /// The exit code, and what was printed on either stream.
    fn migrate(&self, arguments: &[&str]) -> (i32, String) {
        let arguments = [&["migrate"], arguments, &["--app", self.path().to_str().unwrap()]].concat();
        let output = run(&arguments, &self.environment());
        (output.status.code().unwrap(), text(&output.stdout) + &text(&output.stderr))
    }

    fn ok(&self, arguments: &[&str]) -> String {
        let (code, said) = self.migrate(arguments);
        assert_eq!(code, 0, "{arguments:?}: {said}");
        said
    }

    fn refused(&self, arguments: &[&str], word: &str) {
        let (code, said) = self.migrate(arguments);
        assert!(code == 1 && said.contains(word), "{arguments:?} does not say {word}: {said}");
    }

    fn status(&self) -> Json {
        serde_json::from_str(&self.migrate(&["status", "--format", "json"]).1).unwrap()
    }

    fn files(&self) -> Vec<String> {
        let entries = fs::read_dir(self.path().join("migrations")).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.map(|entry| entry.file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

/// `test` on each engine, on a thread that may wait.
async fn on_both(profile: &'static str, test: fn(App)) {
    for engine in Engine::BOTH {
        let db = TestDb::open(engine).await;
        let app = App::new(profile, db.url());
        tokio::task::spawn_blocking(move || test(app)).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn production_follows_reviewed_files_alone() {
    on_both("production", |app| {
        app.declare("title = { type = \"text\", required = true }\nstars = { type = \"int\" }\n");
        assert!(app.ok(&["diff", "--name", "first"]).contains("create table notes"));
        assert!(app.files()[0].ends_with("_first.toml"));
        assert_eq!(app.status()["files"][0]["state"], "pending");
        assert!(app.ok(&["apply"]).contains("create table notes"));
        assert_eq!((&app.status()["ok"], &app.status()["files"][0]["state"]), (&Json::from(true), &"applied".into()));
        assert!(app.ok(&["apply"]).contains("Nothing to do"));
        assert!(app.ok(&["diff"]).contains("Nothing to write"));

        // A difference nobody has reviewed.
        app.declare(
            "heading = { type = \"text\", required = true, renamed_from = \"title\" }\nstars = { type = \"float\" }\n",
        );
        app.refused(&["apply"], "hardpan migrate diff");
        app.refused(&["apply", "--dry-run"], "hardpan migrate diff");
        assert!(!app.migrate(&["apply", "--dry-run"]).1.contains("-- the app file"), "apply would not follow it");
        assert_eq!(app.status()["ok"], false);
        app.ok(&["diff", "--name", "second"]);
        let written = fs::read_to_string(app.path().join("migrations").join(&app.files()[1])).unwrap();
        assert!(written.contains("do = \"rename_column\"") && written.contains("destructive = false"), "{written}");
        let dry = app.ok(&["apply", "--dry-run"]);
        assert!(dry.contains("RENAME COLUMN \"title\" TO \"heading\";") && dry.contains("must be 0"), "{dry}");
        assert_eq!(app.status()["files"][1]["state"], "pending");
        app.ok(&["apply"]);
        assert_eq!(app.status()["ok"], true);
        drop(Running::start(app.path(), &app.environment()));

        // What may lose data is done when it is allowed.
        app.declare("heading = { type = \"text\", required = true }\n");
        assert_eq!(app.status()["kept"], serde_json::json!(["notes.stars"]));
        assert!(app.ok(&["diff", "--name", "third"]).contains("drop column notes.stars (destructive)"));
        app.refused(&["apply"], "--allow-destructive");
        app.refused(&["apply", "--dry-run"], "--allow-destructive lets it");
        let dry = app.ok(&["apply", "--dry-run", "--allow-destructive"]);
        assert!(dry.contains("drop column notes.stars (destructive)"), "{dry}");
        app.ok(&["apply", "--allow-destructive"]);
        assert_eq!((&app.status()["ok"], &app.status()["kept"]), (&Json::from(true), &serde_json::json!([])));

        // An applied file is not edited.
        let path = app.path().join("migrations").join(&app.files()[0]);
        fs::write(&path, fs::read_to_string(&path).unwrap() + "# a word\n").unwrap();
        assert_eq!(app.status()["files"][0]["state"], "changed");
        app.refused(&["apply"], "has changed since");
        app.refused(&["apply", "--dry-run"], "has changed since");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_for_other_tables_is_refused() {
    on_both("staging", |app| {
        app.declare("title = { type = \"text\" }\n");
        app.ok(&["apply"]);
        app.declare("title = { type = \"text\" }\nstars = { type = \"int\" }\n");
        app.ok(&["diff", "--name", "stars"]);
        let path = app.path().join("migrations").join(&app.files()[0]);
        let written = fs::read_to_string(&path).unwrap();
        fs::write(&path, written.replace("from = \"", "from = \"0")).unwrap();
        app.refused(&["apply"], "other tables");
        app.refused(&["apply", "--dry-run"], "other tables");
        fs::write(&path, written.replace("\"stars\"", "\"moons\"")).unwrap();
        app.refused(&["apply"], "lead elsewhere");
        fs::write(&path, written.replace("add_column", "add_colum")).unwrap();
        app.refused(&["status"], "add_colum");
        fs::write(&path, written).unwrap();
        app.ok(&["apply"]);
        assert_eq!(app.status()["ok"], true);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn development_follows_the_app_file_and_still_writes_files_for_production() {
    on_both("development", |app| {
        app.declare("title = { type = \"text\" }\n");
        app.ok(&["diff", "--name", "first"]);
        app.ok(&["apply"]);
        app.declare("title = { type = \"text\" }\nstars = { type = \"int\" }\n");
        app.ok(&["apply"]);
        // The database is there already; the files are not.
        assert!(app.ok(&["diff", "--name", "stars"]).contains("add column notes.stars"));
        let status = app.status();
        assert_eq!((&status["files"][1]["state"], &status["refused"]), (&"pending".into(), &serde_json::json!([])));
        assert!(app.ok(&["apply", "--dry-run"]).contains("_stars"));
        assert!(app.ok(&["apply"]).contains("_stars"));
        let status = app.status();
        assert_eq!((&status["ok"], &status["files"][1]["state"]), (&Json::from(true), &"applied".into()));
        app.declare("title = { type = \"int\" }\nstars = { type = \"int\" }\n");
        app.refused(&["apply"], "--allow-destructive");
        app.refused(&["apply", "--dry-run"], "--allow-destructive lets it");
        app.ok(&["apply", "--allow-destructive"]);
    })
    .await;
}

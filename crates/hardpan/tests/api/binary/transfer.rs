//! `hardpan export` and `hardpan import`, as people use them.
use std::{
    io::{BufWriter, Write as _},
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use super::program::{hardpan, repository, run, text};

/// The notes example over one database.
struct App {
    dir: tempfile::TempDir,
    url: String,
}

impl App {
    fn new(url: String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(repository("examples/notes/hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
        let app = Self { dir, url };
        assert_eq!(app.run(&["user", "create", "ann@example.com"]).status.code(), Some(0));
        app
    }

    fn arguments<'a>(&'a self, arguments: &[&'a str]) -> Vec<&'a str> {
        [arguments, &["--app", self.dir.path().to_str().unwrap()]].concat()
    }

    fn run(&self, arguments: &[&str]) -> Output {
        run(&self.arguments(arguments), &[("DATABASE_URL", &self.url)])
    }

    fn file(&self, name: &str) -> String {
        self.dir.path().join(name).to_str().unwrap().to_owned()
    }

    /// The documents there are.
    fn documents(&self) -> Vec<Json> {
        let exported = self.run(&["export", "documents", "--to", "-"]);
        assert_eq!(exported.status.code(), Some(0), "{}", text(&exported.stderr));
        text(&exported.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// Runs `test` on both engines, on a thread that may block.
async fn on_both(test: fn(&App)) {
    for engine in Engine::BOTH {
        let db = TestDb::open(engine).await;
        let url = db.url();
        tokio::task::spawn_blocking(move || test(&App::new(url))).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_goes_out_and_comes_back() {
    on_both(|app| {
        let source = app.file("in.csv");
        std::fs::write(&source, "title,favourite,due\n=1+1,true,2026-01-02\n\"a\nb\",,\n,true,\nlast,maybe,\n")
            .unwrap();
        let report = app.file("refused.jsonl");
        let read = std::fs::read(&source).unwrap();
        let onto_itself = ["import", "documents", "--from", &source, "--owner", "ann@example.com", "--report", &source];
        assert_eq!(app.run(&onto_itself).status.code(), Some(2));
        assert_eq!(std::fs::read(&source).unwrap(), read);
        let import = ["import", "documents", "--from", &source, "--owner", "ann@example.com", "--report", &report];
        let dry = app.run(&[&import[..], &["--dry-run"]].concat());
        assert_eq!(dry.status.code(), Some(1));
        assert_eq!(text(&dry.stdout), "Dry run, nothing written: 2 created, 0 updated, 0 unchanged, 2 refused\n");
        assert_eq!(app.documents(), Vec::<Json>::new());
        let done = app.run(&import);
        assert_eq!(
            (done.status.code(), text(&done.stdout).as_str()),
            (Some(1), "2 created, 0 updated, 0 unchanged, 2 refused\n")
        );
        assert_eq!(text(&done.stderr), "line 5: title must not be null\nline 6: favourite must be true or false\n");
        let refused: Vec<Json> =
            std::fs::read_to_string(&report).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(
            refused[1],
            json!({
                "line": 6, "code": "invalid", "message": "does not fit",
                "errors": [{"field": "favourite", "code": "wrong_type", "message": "must be true or false"}],
            })
        );

        let exported = app.file("out.csv");
        let fields = ["export", "documents", "--to", &exported, "--fields", "title,favourite,due"];
        let done = app.run(&[&fields[..], &["--filter", "record.favourite"]].concat());
        assert_eq!(text(&done.stdout), format!("Exported 1 documents to {exported}\n"), "{}", text(&done.stderr));
        assert_eq!(std::fs::read_to_string(&exported).unwrap(), "title,favourite,due\r\n'=1+1,true,2026-01-02\r\n");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            assert_eq!(std::fs::metadata(&exported).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let left = std::fs::read_dir(app.dir.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with(".hardpan-export")));

        let again = app.file("all.jsonl");
        app.run(&["export", "documents", "--to", &again]);
        let same = app.run(&["import", "documents", "--from", &again, "--upsert", "id"]);
        assert_eq!(
            (same.status.code(), text(&same.stdout).as_str()),
            (Some(0), "0 created, 0 updated, 2 unchanged, 0 refused\n")
        );
        let twice = app.run(&["import", "documents", "--from", &again]);
        assert_eq!(twice.status.code(), Some(1));
        assert!(text(&twice.stderr).contains("line 1: id is that of a record which is there already"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_told_is_said_before_anything_happens() {
    let db = TestDb::open(Engine::Sqlite).await;
    let url = db.url();
    let check = move || {
        let app = App::new(url);
        let out = app.file("out.csv");
        for (arguments, code, named) in [
            (vec!["export", "nope", "--to", "-"], 2, "documents"),
            (vec!["import", "users", "--from", "-"], 2, "import users"),
            (vec!["import", "documents"], 2, "--from"),
            (vec!["export", "documents", "--to", &out, "--fields", "nope"], 1, "nope"),
            (vec!["export", "documents", "--to", &out, "--filter", "record.nope == 1"], 1, "nope"),
            (vec!["export", "documents", "--to", "/no/such/folder/x"], 1, "/no/such/folder/x"),
            (vec!["import", "documents", "--from", "/no/such/file"], 1, "/no/such/file"),
            (vec!["import", "documents", "--from", "-", "--owner", "nobody@example.com"], 1, "nobody@example.com"),
            (vec!["import", "documents", "--from", "-", "--upsert", "title"], 1, "title"),
        ] {
            let output = app.run(&arguments);
            assert_eq!(output.status.code(), Some(code), "{arguments:?}");
            assert!(text(&output.stderr).contains(named), "{arguments:?}: {}", text(&output.stderr));
            assert!(!Path::new(&out).exists());
        }
    };
    tokio::task::spawn_blocking(check).await.unwrap();
}

/// Killed in the middle: whole chunks stay, and the same file makes the rest.
#[tokio::test(flavor = "multi_thread")]
async fn an_import_that_was_killed_is_run_again() {
    const ROWS: usize = 20_000;
    on_both(|app| {
        let file = app.file("many.jsonl");
        let mut out = BufWriter::new(std::fs::File::create(&file).unwrap());
        for number in 0..ROWS {
            let id = kernel::id::encode("doc", kernel::Uuid::from_u128(number as u128 + 1));
            writeln!(out, "{}", json!({"id": id, "title": format!("Document {number}")})).unwrap();
        }
        out.into_inner().unwrap().sync_all().unwrap();
        let import = ["import", "documents", "--from", &file, "--owner", "ann@example.com"];
        let mut partial = 0;
        for millis in [300, 600, 1200, 2400, 4800] {
            let mut child = hardpan(&app.arguments(&import), &[("DATABASE_URL", &app.url)])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::thread::sleep(Duration::from_millis(millis));
            child.kill().unwrap();
            child.wait().unwrap();
            partial = app.documents().len();
            if partial > 0 {
                break;
            }
        }
        assert!(partial > 0 && partial < ROWS && partial.is_multiple_of(500), "{partial} rows");
        let again = app.run(&[&import[..], &["--upsert", "id"]].concat());
        let (created, rest) = (ROWS - partial, "0 refused\n");
        assert_eq!(text(&again.stdout), format!("{created} created, 0 updated, {partial} unchanged, {rest}"));
        assert_eq!(app.documents().len(), ROWS);
    })
    .await;
}

//! `hardpan check --plans`: what no index serves is named, on both engines, and nothing is changed.
use std::path::Path;

use serde_json::Value as Json;
use testkit::{Engine, TestDb};

use super::program::{repository, run, text};

/// The exit code and the report.
fn check(dir: &Path, environment: &[(&str, &str)]) -> (Option<i32>, Json) {
    let output = run(&["check", dir.to_str().unwrap(), "--plans", "--format", "json"], environment);
    let report = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}{}", text(&output.stdout), text(&output.stderr)));
    (output.status.code(), report)
}

fn app(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hardpan.toml"), format!("[app]\nname = \"plans\"\n{text}")).unwrap();
    dir
}

/// The lists that are not served on the engine at `place`, by name and index.
fn unserved(report: &Json, place: usize) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = report["plans"][place]["unserved"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|unserved| unserved["is_list"] == true)
        .map(|unserved| (unserved["name"].as_str().unwrap().to_owned(), unserved["index"].to_string()))
        .collect();
    found.dedup();
    found
}

const POORLY: &str = "
[resources.folders]
indexes = [[\"name\"]]
[resources.folders.fields]
name = { type = \"text\", max_length = 100 }
slug = { type = \"text\", max_length = 40, unique = true }
kind = { type = \"enum\", values = [\"l'un\", \"other\"] }
[resources.pages]
soft_delete = true
[resources.pages.fields]
open = { type = \"bool\", default = false }
folder = { type = \"ref\", to = \"folders\" }
[resources.pages.access]
read = \"record.owner_id == actor.id || record.open == true\"
[resources.news]
owner = \"none\"
[resources.news.fields]
state = { type = \"enum\", values = [\"draft\", \"out\"] }
[resources.news.access]
read = \"record.state == 'out'\"
";

#[tokio::test]
async fn what_no_index_serves_is_named_with_the_index_that_would() {
    let database = TestDb::open(Engine::Postgres).await;
    let url = database.url();
    let dir = app(POORLY);
    let path = dir.path().to_str().unwrap();
    let environment = [("DATABASE_URL", url.as_str())];
    // Plans of a database without its tables would mean nothing.
    let output = run(&["check", path, "--plans"], &environment);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("migrate apply"), "{}", text(&output.stderr));
    assert_eq!(run(&["migrate", "apply", "--app", path], &environment).status.code(), Some(0));
    let (code, report) = check(dir.path(), &environment);
    assert_eq!(code, Some(1));
    for (place, engine) in ["sqlite", "postgresql"].into_iter().enumerate() {
        assert_eq!(report["plans"][place]["engine"], engine);
        let names = unserved(&report, place);
        let expected = [
            ("folders by owner_id, name, for a user", "[\"owner_id\",\"name\"]"),
            ("pages by open, for anonymous callers", "[\"open\"]"),
            ("pages by id, for a user", "null"),
            ("news by state, for anonymous callers", "[\"state\"]"),
        ];
        let expected = expected.map(|(name, index)| (name.to_owned(), index.to_owned()));
        for one in &expected {
            assert!(names.contains(one), "{engine}: {one:?} in {names:?}");
        }
        // Whatever else there is, is one of these lists.
        assert!(
            names.iter().all(|(name, _)| name.starts_with("pages by") || expected.iter().any(|one| one.0 == *name)),
            "{names:?}"
        );
        assert_eq!(report["plans"][place]["ok"], false);
    }
    let ctx = database.ctx();
    let rows = ctx.read(|_, tx| Box::pin(async move { tx.query("SELECT 1 FROM users", &[]).await }));
    assert_eq!(rows.await.unwrap().len(), 0, "plans alone were asked for");
}

#[tokio::test]
async fn the_indexes_it_names_serve() {
    let database = TestDb::open(Engine::Postgres).await;
    let url = database.url();
    let better = POORLY
        .replace("indexes = [[\"name\"]]", "indexes = [[\"owner_id\", \"name\"], [\"owner_id\", \"kind\", \"name\"]]")
        .replace(" || record.open == true", "")
        .replace("owner = \"none\"", "owner = \"none\"\nindexes = [[\"state\"]]");
    let dir = app(&better);
    let environment = [("DATABASE_URL", url.as_str())];
    let path = dir.path().to_str().unwrap();
    assert_eq!(run(&["migrate", "apply", "--app", path], &environment).status.code(), Some(0));
    let (code, report) = check(dir.path(), &environment);
    assert_eq!((code, unserved(&report, 0), unserved(&report, 1)), (Some(0), vec![], vec![]), "{report:#}");
    assert!(report["plans"][1]["statements"].as_u64().unwrap() > 40, "{report:#}");
    assert!(report["plans"][0]["foreign"].as_array().unwrap().is_empty(), "{report:#}");
}

#[tokio::test]
async fn the_example_is_served_whole() {
    let database = TestDb::open(Engine::Postgres).await;
    let url = database.url();
    let example = repository("examples/notes");
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(example.join("hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
    let environment = [("DATABASE_URL", url.as_str())];
    let path = dir.path().to_str().unwrap();
    assert_eq!(run(&["migrate", "apply", "--app", path], &environment).status.code(), Some(0));
    let (code, report) = check(dir.path(), &environment);
    for place in [0, 1] {
        let (engine, names) = (&report["plans"][place]["engine"], unserved(&report, place));
        assert!(report["plans"][place]["percent"].as_u64().unwrap() >= 95, "{engine}: {names:?}");
        let lists = &report["plans"][place];
        assert_eq!(lists["lists"], lists["lists_served"], "{engine}: {names:?}");
    }
    assert_eq!(code, Some(0));
}

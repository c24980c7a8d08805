//! Production starts only when everything is in order, and says all that is not.
use std::path::Path;

use testkit::{Engine, TestDb};

use super::program::{Running, hardpan, run, text};

const APP: &str = "[app]\nname = \"notes\"\npublic_url = \"https://notes.example.com\"\n\n[resources.notes.fields]\ntitle = { type = \"text\", required = true }\n";
const KEY: &str = "nP1hzrH+mCdTs/dz8eFh+jMgXSYZDubnoHmSuQglaRQ=";

fn app(text: &str) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("hardpan.toml"), text).unwrap();
    dir
}

fn path(dir: &Path) -> &str {
    dir.to_str().unwrap()
}

#[test]
fn everything_that_is_wrong_is_named_in_one_report() {
    let broken = APP.replace("https://", "http://").replace("name =", "nmae = 1\nname =")
        + "tags = { type = \"list\" }\n[cors]\norigins = [\"*\"]\n[limits]\nenabled = false\n";
    let dir = app(&broken);
    for key in [None, Some("short-key1"), Some("changeme-changeme-changeme-changeme")] {
        let mut environment = vec![("HARDPAN_PROFILE", "production"), ("HARDPAN_NO_SUCH", "1"), ("JWT_SECRET", "x")];
        environment.extend(key.map(|key| ("HARDPAN_MASTER_KEY", key)));
        for command in ["serve", "check"] {
            let output = run(&[command, path(dir.path())], &environment);
            assert_eq!(output.status.code(), Some(1));
            let report = text(&output.stdout) + &text(&output.stderr);
            for named in [
                "HARDPAN_MASTER_KEY",
                "HARDPAN_NO_SUCH",
                "app.nmae",
                "app.public_url",
                "cors.origins",
                "limits.enabled",
                "database.url",
                "JWT_SECRET",
                "resources.notes.fields.tags.type",
            ] {
                assert!(report.contains(named), "{command} with {key:?} does not name {named}:\n{report}");
            }
            assert!(!key.is_some_and(|key| report.contains(key)), "the key itself is shown");
        }
    }
}

#[test]
fn each_refusal_stands_alone() {
    let good = [("HARDPAN_PROFILE", "production"), ("HARDPAN_MASTER_KEY", KEY), ("DATABASE_URL", "sqlite:data/x.db")];
    let dir = app(APP);
    let output = run(&["check", path(dir.path())], &good);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    for (name, value, named) in [
        ("HARDPAN_MASTER_KEY", "", "HARDPAN_MASTER_KEY"),
        ("HARDPAN_MASTER_KEY", "abcdefghij", "HARDPAN_MASTER_KEY"),
        ("HARDPAN_MASTER_KEY", "changemechangemechangemechangemechangemechan", "HARDPAN_MASTER_KEY"),
        ("HARDPAN_CORS__ORIGINS", "*", "cors.origins"),
        ("HARDPAN_APP__PUBLIC_URL", "http://notes.example.com", "app.public_url"),
        ("HARDPAN_LIMITS__ENABLED", "false", "limits.enabled"),
        ("HARDPAN_LISTEN", "x", "HARDPAN_LISTEN"),
    ] {
        let mut environment: Vec<_> = good.into_iter().filter(|(other, _)| *other != name).collect();
        environment.push((name, value));
        let output = run(&["serve", path(dir.path())], &environment);
        let report = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{name}={value}");
        assert!(report.contains(named) && report.contains("1 error"), "{name}={value}:\n{report}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_all_in_order_it_starts_on_both_engines() {
    for engine in Engine::BOTH {
        let db = TestDb::open(engine).await;
        let url = db.url();
        let dir = app(APP);
        let environment =
            [("HARDPAN_PROFILE", "production"), ("HARDPAN_MASTER_KEY", KEY), ("DATABASE_URL", url.as_str())];
        let dir = dir.path().to_owned();
        tokio::task::spawn_blocking({
            let environment: Vec<(String, String)> =
                environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
            move || starts(&dir, &environment)
        })
        .await
        .unwrap();
    }
}

fn starts(dir: &Path, environment: &[(String, String)]) {
    let environment: Vec<(&str, &str)> =
        environment.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    let at_app = ["--app", path(dir)];
    let command = |arguments: &[&str]| run(&[arguments, &at_app[..]].concat(), &environment);

    // Production never migrates by surprise.
    let early = run(&["serve", path(dir), "--listen", "127.0.0.1:0"], &environment);
    assert_eq!(early.status.code(), Some(1));
    assert!(text(&early.stderr).contains("hardpan migrate apply"), "{}", text(&early.stderr));
    assert_eq!(command(&["migrate", "status"]).status.code(), Some(1));
    assert_eq!(command(&["migrate", "apply"]).status.code(), Some(0));
    assert_eq!(command(&["migrate", "status"]).status.code(), Some(0));

    let created = command(&["user", "create", "root@example.com", "--role", "admin", "--format", "json"]);
    assert_eq!(created.status.code(), Some(0), "{}", text(&created.stderr));
    let created: serde_json::Value = serde_json::from_slice(&created.stdout).unwrap();

    let server = Running::start(dir, &environment);
    assert_eq!(server.call("GET", "/docs", None, None).0, 401);
    let body = serde_json::json!({"email": "root@example.com", "password": created["password"]});
    let (status, answer) = server.call("POST", "/auth/v1/login", None, Some(&body));
    assert_eq!(status, 200, "{answer}");
    let token = answer["access_token"].as_str();
    let (_, health) = server.call("GET", "/health", token, None);
    assert_eq!(health["parts"]["database"]["status"], "ok");
    assert_eq!(server.call("POST", "/api/v1/notes", token, Some(&serde_json::json!({"title": "a"}))).0, 201);

    // Another master key is not this database's.
    let other: Vec<_> = environment
        .iter()
        .map(|(name, value)| {
            (*name, if *name == "HARDPAN_MASTER_KEY" { "yDCX1yeFmOJBNsN93j4FNSUc37XXXqhz7LDlqdoCn0Q=" } else { *value })
        })
        .collect();
    let refused = hardpan(&["serve", path(dir), "--listen", "127.0.0.1:0"], &other).output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("does not match the database"), "{}", text(&refused.stderr));
}

//! Moving from one database to another: both ways, resumed after kills, equal in the end.
use testkit::{Engine, TestDb};

use super::app::{App, count, create, fill, log_in, register, shown};

#[tokio::test(flavor = "multi_thread")]
async fn there_and_back_everything_is_equal() {
    for (from, to) in [(Engine::Sqlite, Engine::Postgres), (Engine::Postgres, Engine::Sqlite)] {
        let (source, target, back) = (TestDb::open(from).await, TestDb::open(to).await, TestDb::open(from).await);
        let app = App::at(&source);
        let server = app.serve();
        let token = register(&server, "ann@example.com");
        let id = create(&server, &token, 1);
        let said = app.command(&["move", "--to", &target.url()], 1);
        assert!(said.contains("using this database"), "{said}");
        let record = server.call("GET", &format!("/api/v1/documents/{id}"), Some(&token), None).1;
        drop(server);

        let first = app.json(&["move", "--to", &target.url()]);
        assert_eq!(first["ok"], true);
        // What is whole is not written to again.
        assert!(app.command(&["move", "--to", &target.url()], 1).contains("not empty"));
        let moved = App { url: target.url(), ..App::at(&target) };
        let second = moved.json(&["move", "--to", &back.url()]);
        let sums = |answer: &serde_json::Value| {
            let tables = answer["tables"].as_array().unwrap().iter();
            tables
                .map(|table| (table["table"].clone(), table["source"].clone(), table["target"].clone()))
                .collect::<Vec<_>>()
        };
        assert_eq!(sums(&first), sums(&second));
        assert!(sums(&first).len() > 10);

        assert_eq!(count(&back, found(from)).await, 1, "search data");
        assert_eq!(count(&target, found(to)).await, 1, "search data");
        let server = moved.serve();
        let token = log_in(&server, "ann@example.com");
        assert_eq!(server.call("GET", &format!("/api/v1/documents/{id}"), Some(&token), None).1, record);
        create(&server, &token, 2);
    }
}

/// Counts the documents that a search for `1` finds.
const fn found(engine: Engine) -> &'static str {
    match engine {
        Engine::Sqlite => "SELECT count(*) FROM documents__search WHERE documents__search MATCH '\"1\"'",
        Engine::Postgres => "SELECT count(*) FROM documents WHERE hardpan_search @@ '''1'''::tsquery",
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_again_and_again_it_goes_on_where_it_was() {
    for (from, to) in [(Engine::Sqlite, Engine::Postgres), (Engine::Postgres, Engine::Sqlite)] {
        let (source, target) = (TestDb::open(from).await, TestDb::open(to).await);
        let app = App::at(&source);
        app.command(&["migrate", "apply"], 0);
        fill(&source, 4_000).await;
        let url = target.url();
        let mut kills = 0;
        let mut milliseconds = 10;
        let mut is_changed = false;
        // Killed when everything was done and before it could say so, it finds a target that is whole.
        while !app.kill_after(milliseconds, &["move", "--to", &url], "not empty") {
            kills += 1;
            milliseconds += milliseconds / 4;
            let moved = App { url: url.clone(), ..App::at(&target) };
            if kills % 3 == 0 {
                // Not served while it is unfinished, nor taken for the target of something else.
                let served = moved.output(&["serve", shown(moved.dir.path()), "--listen", "x"]);
                assert!(!served.status.success());
            }
            if kills == 5 {
                fill(&source, 10).await;
                is_changed = true;
            }
        }
        assert!(is_changed, "{kills}");
        let target = App { url, ..App::at(&target) };
        let (one, other) = (app.file("one.hardpan"), target.file("other.hardpan"));
        let backup = |app: &App, file| app.json(&["backup", "--to", shown(file)])["tables"].clone();
        assert_eq!(backup(&app, &one), backup(&target, &other), "{from:?} to {to:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_with_something_else_in_it_is_refused() {
    for engine in Engine::BOTH {
        let (source, target) = (TestDb::open(Engine::Sqlite).await, TestDb::open(engine).await);
        let app = App::at(&source);
        app.command(&["migrate", "apply"], 0);
        App::at(&target).command(&["migrate", "apply"], 0);
        assert!(app.command(&["move", "--to", &target.url()], 1).contains("not empty"));
        assert!(app.command(&["move", "--to", &source.url()], 1).contains("to where it is"));
        app.command(&["move", "--to", "mysql://x/y"], 2);
    }
}

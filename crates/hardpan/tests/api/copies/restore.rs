//! Restoring: only alone, only when it is meant, and whole at every moment.
use testkit::Engine;

use super::app::{count, create, fill, log_in, on_both, register, shown};

#[tokio::test(flavor = "multi_thread")]
async fn it_needs_the_database_alone_and_leave_to_replace() {
    on_both(async |engine, database, app| {
        let file = app.file("a.hardpan");
        let server = app.serve();
        let token = register(&server, "ann@example.com");
        create(&server, &token, 1);
        app.command(&["backup", "--to", shown(&file), "--encrypt"], 0);
        create(&server, &token, 2);
        let said = app.command(&["restore", "--from", shown(&file), "--replace"], 1);
        assert!(said.contains("using this database"), "{said}");
        drop(server);
        database.db.close().await;
        let said = app.command(&["restore", "--from", shown(&file)], 1);
        assert!(said.contains("not empty"), "{said}");
        assert_eq!(count(database, "SELECT count(*) FROM documents").await, 2);
        let restored = app.json(&["restore", "--from", shown(&file), "--replace"]);
        let kept = restored["kept"].as_str().unwrap().to_owned();
        let is_there = engine == Engine::Postgres || std::path::Path::new(&kept).exists();
        assert!(is_there && kept.replace('-', "_").contains("before_restore_"), "{kept}");
        let server = app.serve();
        let token = register(&server, "new@example.com");
        create(&server, &token, 2);
        log_in(&server, "ann@example.com");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_at_any_time_the_old_or_the_new_is_there_whole() {
    on_both(async |engine, database, app| {
        let file = app.file("a.hardpan");
        app.command(&["migrate", "apply"], 0);
        fill(database, 3_000).await;
        app.command(&["backup", "--to", shown(&file)], 0);
        fill(database, 500).await;
        database.db.close().await;
        let mut seen = Vec::new();
        let mut milliseconds = 6;
        loop {
            let is_over = app.kill_after(milliseconds, &["restore", "--from", shown(&file), "--replace"], "never");
            let probe = app.file(&format!("probe-{milliseconds}.hardpan"));
            let taken = app.json(&["backup", "--to", shown(&probe)]);
            let audit = taken["tables"].as_array().unwrap().iter().find(|table| table["table"] == "audit_log").unwrap();
            let rows = audit["rows"].as_u64().unwrap();
            assert!([3_000, 3_500].contains(&rows), "{engine:?} after {milliseconds} ms: {rows}");
            seen.push(rows);
            if is_over {
                break;
            }
            milliseconds += milliseconds / 2;
        }
        assert_eq!((seen[0], seen.last()), (3_500, Some(&3_000)), "{engine:?}: {seen:?}");
        // Nothing of the attempts remains.
        app.command(&["restore", "--from", shown(&file), "--replace"], 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_an_earlier_declaration_comes_back_as_it_was_and_then_follows_the_app_file() {
    on_both(async |_, database, app| {
        let file = app.file("a.hardpan");
        let server = app.serve();
        let token = register(&server, "ann@example.com");
        let id = create(&server, &token, 1);
        app.command(&["backup", "--to", shown(&file)], 0);
        drop(server);
        database.db.close().await;
        let path = app.file("hardpan.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(
            &path,
            text.replace(
                "[resources.documents.fields]\n",
                "[resources.documents.fields]\ncolour = { type = \"text\" }\n",
            ),
        )
        .unwrap();
        app.command(&["migrate", "apply"], 0);
        app.command(&["restore", "--from", shown(&file), "--replace"], 0);
        let old =
            count(database, "SELECT count(*) FROM declared_tables WHERE CAST(shape AS text) LIKE '%colour%'").await;
        assert_eq!(old, 0);
        let server = app.serve();
        let token = log_in(&server, "ann@example.com");
        let body = serde_json::json!({"colour": "blue"});
        let (status, changed) = server.call("PATCH", &format!("/api/v1/documents/{id}"), Some(&token), Some(&body));
        assert_eq!((status, &changed["colour"]), (200, &body["colour"]), "{changed}");
    })
    .await;
}

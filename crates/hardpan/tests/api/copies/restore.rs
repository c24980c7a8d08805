//! Restoring: only alone, only when it is meant, and whole at every moment.
use futures_util::FutureExt as _;
use store::claim::claim_schema;
use testkit::{Engine, TestDb};

use super::app::{App, count, create, fill, log_in, on_both, register, shown};

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
        app.command(&["restore", "--from", shown(&file), "--replace"], 0);
        // Nothing of the attempts remains.
        if engine == Engine::Postgres {
            let left = "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname::text, 'hardpan_scratch_')";
            assert_eq!(count(database, left).await, 0);
        } else {
            let path = app.url.strip_prefix("sqlite:").unwrap();
            let left = ["", "-wal", "-shm"].map(|end| std::path::Path::new(&format!("{path}.restoring{end}")).exists());
            assert_eq!(left, [false; 3]);
        }
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
        let restored = app.json(&["restore", "--from", shown(&file), "--replace"]);
        assert_eq!(restored["is_behind"], true, "the app file wants a field more");
        let again = app.file("b.hardpan");
        app.command(&["backup", "--to", shown(&again)], 0);
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

/// An SQLite database whose writes are in its WAL still, and a backup from before them.
async fn with_log(test: impl AsyncFnOnce(&TestDb, &App, &std::path::Path, &std::path::Path)) {
    let database = TestDb::open(Engine::Sqlite).await;
    let app = App::at(&database);
    app.command(&["migrate", "apply"], 0);
    let file = app.file("a.hardpan");
    app.command(&["backup", "--to", shown(&file)], 0);
    fill(&database, 20).await;
    let path = std::path::PathBuf::from(app.url.strip_prefix("sqlite:").unwrap());
    test(&database, &app, &file, &path).await;
}

const AUDITED: &str = "SELECT count(*) FROM audit_log";

#[tokio::test(flavor = "multi_thread")]
async fn what_was_left_beside_a_removed_database_is_not_replayed_into_the_new_one() {
    with_log(async |database, app, file, path| {
        let wal = path.with_extension("db-wal");
        let bytes = std::fs::read(&wal).unwrap();
        assert!(!bytes.is_empty());
        database.db.close().await;
        std::fs::remove_file(path).unwrap();
        std::fs::write(&wal, bytes).unwrap();
        app.command(&["restore", "--from", shown(file)], 0);
        assert_eq!(count(database, AUDITED).await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_whose_last_writes_cannot_be_brought_into_it_is_not_replaced() {
    with_log(async |database, app, file, path| {
        let restore = ["restore", "--from", shown(file), "--replace"];
        // Not a server, which the lock would tell.
        assert!(app.command(&restore, 1).contains("something else uses it"));
        let wal = path.with_extension("db-wal");
        let bytes = std::fs::read(&wal).unwrap();
        database.db.close().await;
        std::fs::write(&wal, &bytes).unwrap();
        // Nobody can open it as long as this stands where SQLite wants a file.
        let in_the_way = path.with_extension("db-shm");
        std::fs::create_dir(&in_the_way).unwrap();
        assert!(app.command(&restore, 1).contains("cannot be opened"));
        assert_eq!(std::fs::read(&wal).unwrap(), bytes);
        std::fs::remove_dir(in_the_way).unwrap();
        assert_eq!(count(database, AUDITED).await, 20);
        app.command(&restore, 0);
        assert_eq!(count(database, AUDITED).await, 0);
    })
    .await;
}

async fn run(database: &TestDb, sql: &str) {
    let sql = sql.to_owned();
    database.ctx().alter(move |_, tx| async move { tx.batch(&sql).await }.boxed()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn scratch_schemas_of_the_living_and_of_others_stay() {
    let database = TestDb::open(Engine::Postgres).await;
    let app = App::at(&database);
    let file = app.file("a.hardpan");
    app.command(&["migrate", "apply"], 0);
    app.command(&["backup", "--to", shown(&file)], 0);
    let other = format!("other_{}", kernel::id::uuid_v7(database.ctx().now(), &kernel::OsRandom).simple());
    run(&database, &format!("CREATE ROLE {other}; CREATE SCHEMA hardpan_scratch_other AUTHORIZATION {other}")).await;
    run(&database, "CREATE SCHEMA hardpan_scratch_dead; CREATE SCHEMA hardpan_scratch_living").await;
    let living = claim_schema(&database.options(), "hardpan_scratch_living").await.unwrap();
    app.command(&["restore", "--from", shown(&file), "--replace"], 0);
    let left = "SELECT count(*) FROM pg_namespace WHERE starts_with(nspname::text, 'hardpan_scratch_')";
    assert_eq!(count(&database, left).await, 2);
    let dead = "SELECT count(*) FROM pg_namespace WHERE nspname = 'hardpan_scratch_dead'";
    assert_eq!(count(&database, dead).await, 0);
    drop(living);
    run(&database, &format!("DROP SCHEMA hardpan_scratch_other; DROP ROLE {other}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn owners_and_grants_stay_and_what_hangs_on_the_tables_is_told() {
    let database = TestDb::open(Engine::Postgres).await;
    let app = App::at(&database);
    let file = app.file("a.hardpan");
    app.command(&["migrate", "apply"], 0);
    app.command(&["backup", "--to", shown(&file)], 0);
    let role = |kind| format!("{kind}_{}", kernel::id::uuid_v7(database.ctx().now(), &kernel::OsRandom).simple());
    let (reader, keeper) = (role("reader"), role("keeper"));
    let granted = format!(
        "CREATE ROLE {reader}; CREATE ROLE {keeper}; GRANT ALL ON SCHEMA public TO {keeper};
        GRANT SELECT ON documents TO {reader}; ALTER TABLE audit_log OWNER TO {keeper};
        CREATE SCHEMA beside; CREATE VIEW beside.titles AS SELECT title FROM documents;
        CREATE TABLE beside.notes (document {id} REFERENCES documents (id))",
        id = "uuid"
    );
    run(&database, &granted).await;
    let restore = ["restore", "--from", shown(&file), "--replace"];
    let said = app.command(&restore, 1);
    assert!(said.contains("view beside.titles") && said.contains("of beside.notes"), "{said}");
    run(&database, "DROP SCHEMA beside CASCADE").await;
    app.command(&restore, 0);
    let rights = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND (
        relname = 'documents' AND EXISTS (SELECT 1 FROM aclexplode(relacl) a
            WHERE starts_with(pg_get_userbyid(a.grantee)::text, 'reader_') AND a.privilege_type = 'SELECT')
        OR relname = 'audit_log' AND starts_with(pg_get_userbyid(relowner)::text, 'keeper_'))";
    assert_eq!(count(&database, rights).await, 2);
    run(&database, &format!("DROP OWNED BY {reader}, {keeper}; DROP ROLE {reader}, {keeper}")).await;
}

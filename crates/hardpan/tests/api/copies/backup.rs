//! Backups while the app is served and written to.
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use serde_json::Value as Json;
use testkit::{Engine, TestDb};

use super::{
    app::{App, count, create, log_in, on_both, register, shown},
    damage::OTHER_KEY,
};
use crate::binary::program::{run, text};

#[tokio::test(flavor = "multi_thread")]
async fn under_load_it_holds_one_moment_and_restores_into_either_engine() {
    on_both(async |engine, database, app| {
        let file = app.file("one.hardpan");
        let acknowledged = tokio::task::block_in_place(|| back_up_under_load(app, &file, database.db.dialect().name()));
        let mut contents: Vec<Json> = vec![app.json(&["backup", "--verify", shown(&file)])["tables"].clone()];
        for target in Engine::BOTH {
            let restored = TestDb::open(target).await;
            restored.db.close().await;
            let twin = App::at(&restored);
            contents.push(twin.json(&["restore", "--from", shown(&file)])["tables"].clone());
            let documents = count(&restored, "SELECT count(*) FROM documents").await;
            let before = i64::try_from(acknowledged).unwrap();
            assert!(documents >= before, "{engine:?} to {target:?}: {documents} of at least {before}");
            // A record and the row about it are in one transaction.
            let paired = "SELECT count(*) FROM documents d JOIN audit_log a ON a.target_id = d.id AND a.action = 'record.created'";
            let any = "SELECT count(*) FROM audit_log WHERE target_type = 'documents'";
            assert_eq!((count(&restored, paired).await, count(&restored, any).await), (documents, documents));
            let server = twin.serve();
            log_in(&server, "ann@example.com");
            create(&server, &register(&server, "new@example.com"), 1_000_000);
        }
        assert!(contents.windows(2).all(|pair| pair[0] == pair[1]), "{contents:?}");
        assert!(count(database, "SELECT count(*) FROM documents").await >= i64::try_from(acknowledged).unwrap());
    })
    .await;
}

/// Returns how many records had been acknowledged before it began.
fn back_up_under_load(app: &App, file: &std::path::Path, engine: &str) -> usize {
    let server = app.serve();
    let token = register(&server, "ann@example.com");
    let (written, is_over) = (AtomicUsize::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        for writer in 0..2 {
            let (server, token, written, is_over) = (&server, &token, &written, &is_over);
            scope.spawn(move || {
                for number in 0.. {
                    if is_over.load(Ordering::Acquire) {
                        break;
                    }
                    create(server, token, writer * 100_000 + number);
                    written.fetch_add(1, Ordering::AcqRel);
                }
            });
        }
        while written.load(Ordering::Acquire) < 100 {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
        let before = written.load(Ordering::Acquire);
        let taken = app.json(&["backup", "--to", shown(file)]);
        let after = written.load(Ordering::Acquire);
        is_over.store(true, Ordering::Release);
        assert!(after > before, "writers were held up");
        assert_eq!((&taken["backup"]["app"], &taken["backup"]["engine"]), (&"tested".into(), &engine.into()));
        before
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_keeps_the_newest_and_no_backup_replaces_another() {
    on_both(async |_, _, app| {
        app.command(&["migrate", "apply"], 0);
        let folder = app.file("backups");
        let to = format!("{}/", shown(&folder));
        let names = || {
            let mut names: Vec<_> =
                std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
            names.sort();
            names
        };
        for _ in 0..3 {
            app.command(&["backup", "--to", &to, "--keep", "2"], 0);
        }
        let kept = names();
        assert_eq!(kept.len(), 2, "{kept:?}");
        app.command(&["backup", "--to", &to], 0);
        assert_eq!(names().len(), 3);
        let again = app.command(&["backup", "--to", shown(&folder.join(&kept[0]))], 1);
        assert!(again.contains("does not replace another"), "{again}");
        app.command(&["backup", "--to", shown(&app.file("x")), "--keep", "2"], 2);
        app.command(&["backup"], 2);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(folder.join(&kept[0])).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backup_never_looks_like_one() {
    on_both(async |_, database, app| {
        app.command(&["migrate", "apply"], 0);
        super::app::fill(database, 5_000).await;
        let file = app.file("cut.hardpan");
        for milliseconds in [30, 60, 100, 150] {
            app.kill_after(milliseconds, &["backup", "--to", shown(&file)], "never");
            if file.exists() {
                app.command(&["backup", "--verify", shown(&file)], 0);
                std::fs::remove_file(&file).unwrap();
            }
        }
        app.command(&["backup", "--to", shown(&file)], 0);
        app.command(&["backup", "--verify", shown(&file)], 0);
        assert!(!app.file("cut.hardpan.partial").exists());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_sealed_under_the_key_of_the_database_and_no_key_is_made_for_it() {
    on_both(async |engine, database, app| {
        app.command(&["user", "create", "ann@example.com"], 0);
        let other = App { key: OTHER_KEY.to_owned(), ..App::at(database) };
        let file = other.file("a.hardpan");
        let seal = ["backup", "--to", shown(&file), "--encrypt"];
        let said = other.command(&seal, 1);
        assert!(said.contains("does not match the database") && !file.exists(), "{engine:?}: {said}");
        let without_key = |arguments: &[&str]| {
            let arguments = [arguments, &["--app", shown(other.dir.path())]].concat();
            run(&arguments, &[("DATABASE_URL", &app.url)])
        };
        let refused = without_key(&seal);
        assert!(text(&refused.stderr).contains("there is no master key") && refused.status.code() == Some(1));
        assert!(without_key(&seal[..3]).status.success());
        assert!(without_key(&["backup", "--verify", shown(&file)]).status.success());
        let made = other.file("data/master.key").exists()
            || database
                .options()
                .url
                .expose()
                .strip_prefix("sqlite:")
                .is_some_and(|path| std::path::Path::new(path).with_file_name("master.key").exists());
        assert!(!made, "{engine:?}");
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_of_a_copy_that_has_not_ended_is_for_no_command() {
    on_both(async |engine, database, app| {
        app.command(&["migrate", "apply"], 0);
        store::copy::begin(&database.ctx(), "them".into()).await.unwrap();
        let file = app.file("a.hardpan");
        let commands: [&[&str]; 4] = [
            &["backup", "--to", shown(&file)],
            &["migrate", "apply"],
            &["user", "create", "ann@example.com"],
            &["purge"],
        ];
        for command in commands {
            let said = app.command(command, 1);
            assert!(said.contains("a copy that has not ended"), "{engine:?} {command:?}: {said}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_not_backed_up() {
    on_both(async |engine, _, app| {
        let said = app.command(&["backup", "--to", shown(&app.file("none.hardpan"))], 1);
        assert!(said.contains("nothing to back up"), "{engine:?}: {said}");
        assert_eq!(std::fs::read_dir(app.dir.path()).unwrap().count(), 1);
    })
    .await;
}

//! `hardpan import users`: accounts made by Django, a bcrypt app and an Argon2 app, and their old passwords over HTTP.
use std::{fs, path::Path, process::Output};

use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use super::program::{Running, repository, run, text};

/// Made by `make.py` beside them.
const DATA: &str = "crates/hardpan/tests/data/foreign_users";

/// The notes example over one database.
struct App {
    dir: tempfile::TempDir,
    url: String,
}

impl App {
    fn new(url: String) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::copy(repository("examples/notes/hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
        Self { dir, url }
    }

    fn import(&self, file: &Path, more: &[&str]) -> Output {
        let app = ["--app", self.dir.path().to_str().unwrap()];
        let arguments = [&["import", "users", file.to_str().unwrap()], more, &app].concat();
        run(&arguments, &[("DATABASE_URL", &self.url)])
    }

    fn write(&self, name: &str, content: &str) -> std::path::PathBuf {
        let path = self.dir.path().join(name);
        fs::write(&path, content).unwrap();
        path
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

fn answer(output: &Output) -> (Option<i32>, Json) {
    let json = serde_json::from_slice(&output.stdout);
    (output.status.code(), json.unwrap_or_else(|_| panic!("{} {}", text(&output.stdout), text(&output.stderr))))
}

fn counts(created: u64, present: u64, refused: u64, is_dry: bool) -> Json {
    json!({"created": created, "present": present, "refused": refused, "dry_run": is_dry})
}

fn log_in(server: &Running, name: &str, password: &str) -> (u16, Json) {
    let field = if name.contains('@') { "email" } else { "username" };
    server.call("POST", "/auth/v1/login", None, Some(&json!({field: name, "password": password})))
}

#[tokio::test(flavor = "multi_thread")]
async fn people_of_three_other_apps_log_in_with_their_old_passwords() {
    on_both(|app| {
        let data = repository(DATA);
        let passwords: Json = serde_json::from_slice(&fs::read(data.join("passwords.json")).unwrap()).unwrap();
        let mut emails: Vec<(String, &str)> = Vec::new();
        for (file, made, refused) in [("django.jsonl", 5, 1), ("bcrypt.csv", 5, 0), ("argon2.jsonl", 5, 0)] {
            let code = Some(i32::from(refused > 0));
            let file = data.join(file);
            let dry = app.import(&file, &["--dry-run", "--format", "json"]);
            assert_eq!(answer(&dry), (code, counts(made, 0, refused, true)));
            assert_eq!(answer(&app.import(&file, &["--format", "json"])), (code, counts(made, 0, refused, false)));
            assert_eq!(answer(&app.import(&file, &["--format", "json"])), (code, counts(0, made, refused, false)));
        }
        for (who, app) in
            [("pbkdf2_sha256", "django"), ("scrypt", "django"), ("argon2", "django"), ("bcrypt", "django")]
        {
            emails.push((format!("{who}@django.example"), app));
        }
        emails.push(("django_bcrypt_sha256".to_owned(), "django"));
        emails.extend(["ann", "bob", "cid", "php"].map(|who| (format!("{who}@bcrypt.example"), "bcrypt")));
        emails.extend(["default", "small", "i", "d", "same"].map(|who| (format!("{who}@argon2.example"), "argon2")));

        let limit = ("HARDPAN_LIMITS__CREDENTIALS__BURST", "1000");
        let server = Running::start(app.dir.path(), &[("DATABASE_URL", &app.url), limit]);
        for (name, app) in &emails {
            let password = passwords[app].as_str().unwrap();
            assert_eq!(log_in(&server, name, &format!("{password}.")).0, 401, "{name}");
            // The second time with the hash made anew.
            for _ in 0..2 {
                let (status, body) = log_in(&server, name, password);
                assert_eq!(status, 200, "{name} {body}");
                let is_verified = *app == "django" || name == "ann@bcrypt.example";
                assert_eq!(body["user"]["email_verified"], is_verified, "{name}");
            }
            assert_eq!(log_in(&server, name, &format!("{password}.")).0, 401, "{name}");
        }
        // As much as bcrypt sees of a longer password is not the password.
        assert_eq!(log_in(&server, "longest@bcrypt.example", &"x".repeat(73)).0, 401);
        assert_eq!(log_in(&server, "longest@bcrypt.example", &"x".repeat(72)).0, 200);
        assert_eq!(log_in(&server, "none@django.example", passwords["django"].as_str().unwrap()).0, 401);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refused_rows_are_told_by_line_and_do_not_stop_the_rest() {
    on_both(|app| {
        let hash = "$2b$04$NnXgL0VPQPNktpaecMf2A.QuRvf7cDgD.s0JM.ryzQKwcyotxYuIG";
        let rows = [
            json!({"email": "one@example.com", "password_hash": hash, "username": "one"}).to_string(),
            json!({"email": "two@example.com", "password_hash": "5f4dcc3b5aa765d61d8327deb882cf99"}).to_string(),
            json!({"email": "three", "password_hash": hash}).to_string(),
            json!({"email": "four@example.com", "password_hash": hash, "roles": ["emperor"]}).to_string(),
            json!({"email": "five@example.com", "password_hash": hash, "username": "ONE"}).to_string(),
            json!({"email": "ONE@example.com", "password_hash": hash}).to_string(),
            json!({"email": "six@example.com", "password_hash": hash.replace("$04$", "$31$")}).to_string(),
            json!({"email": "seven@example.com", "password_hash": hash, "is_staff": true}).to_string(),
            "{".to_owned(),
            json!({"email": "eight@example.com"}).to_string(),
            json!({"email": "nine@example.com", "password_hash": "$2b$12$é"}).to_string(),
            json!({"email": "ten@example.com", "password_hash": hash, "roles": ["admin"], "name": "Ten"}).to_string(),
        ];
        let file = app.write("users.jsonl", &rows.join("\n"));
        let report = app.dir.path().join("refused.jsonl");
        let more = ["--report", report.to_str().unwrap()];
        let summary = "2 created, 1 there already, 9 refused\n";
        let dry = app.import(&file, &[&more[..], &["--dry-run"]].concat());
        assert_eq!(text(&dry.stdout), format!("Dry run, nothing written: {summary}"));
        let done = app.import(&file, &more);
        assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(1), summary));
        let refused: Vec<Json> =
            fs::read_to_string(&report).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let told = |row: &Json| {
            let first = &row["errors"][0];
            let field = first["field"].as_str().unwrap_or_default().to_owned();
            (row["line"].as_u64().unwrap(), field, first["code"].as_str().unwrap_or_default().to_owned())
        };
        // In the order of the file, whoever refused.
        let told: Vec<_> = refused.iter().map(told).collect();
        let expected = [
            (2, "password_hash", "unknown_hash"),
            (3, "email", "format"),
            (4, "roles[0]", "unknown_role"),
            (5, "username", "taken"),
            (7, "password_hash", "unknown_hash"),
            (8, "is_staff", "unknown_field"),
            (9, "", ""),
            (10, "password_hash", "missing"),
            (11, "password_hash", "unknown_hash"),
        ];
        assert_eq!(told, expected.map(|(line, field, code)| (line, field.to_owned(), code.to_owned())));
        let again = app.import(&file, &[]);
        assert_eq!(text(&again.stdout), "0 created, 3 there already, 9 refused\n");
        // What was in the file does not leak into what is printed.
        assert!(!text(&again.stderr).contains("5f4dcc3b"), "{}", text(&again.stderr));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_go_in_by_chunks_from_standard_input_and_csv() {
    on_both(|app| {
        let hash = "$2b$04$NnXgL0VPQPNktpaecMf2A.QuRvf7cDgD.s0JM.ryzQKwcyotxYuIG";
        let rows = (0..1203).map(|nth| format!("user{nth}@example.com,{hash},\"[\"\"admin\"\"]\",true\r\n"));
        let csv: String =
            std::iter::once("email,password_hash,roles,email_verified\r\n".to_owned()).chain(rows).collect();
        let file = app.write("users.csv", &csv);
        let done = app.import(&file, &["--format", "json"]);
        assert_eq!(answer(&done), (Some(0), counts(1203, 0, 0, false)));
        let renamed = app.write("users.txt", &csv);
        let again = app.import(&renamed, &["--input", "csv", "--format", "json"]);
        assert_eq!(answer(&again), (Some(0), counts(0, 1203, 0, false)));
        let wrong = app.import(&app.write("wrong.csv", "email,pass\r\na@example.com,x\r\n"), &[]);
        assert_eq!(wrong.status.code(), Some(1));
        assert!(text(&wrong.stderr).contains("pass"), "{}", text(&wrong.stderr));
    })
    .await;
}

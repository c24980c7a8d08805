//! The commands: what they print, and the codes they end with.
use super::program::{Running, run, text};

#[test]
fn init_makes_an_app_that_serves_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().join("starter");
    let app = app.to_str().unwrap();
    assert_eq!(run(&["init", app], &[]).status.code(), Some(0));
    let checked = run(&["check", app, "--format", "json"], &[]);
    assert_eq!(checked.status.code(), Some(0), "{}", text(&checked.stdout));
    let report: serde_json::Value = serde_json::from_slice(&checked.stdout).unwrap();
    assert_eq!((&report["ok"], &report["errors"]), (&true.into(), &0.into()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(format!("{app}/.env")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
    let server = Running::start(app.as_ref(), &[]);
    assert_eq!(server.call("GET", "/livez", None, None).0, 200);
    drop(server);
    // Nothing is overwritten.
    assert_eq!(run(&["init", app], &[]).status.code(), Some(1));
}

#[test]
fn usage_errors_are_2_and_help_is_0() {
    assert_eq!(run(&["serv"], &[]).status.code(), Some(2));
    assert_eq!(run(&["serve", "--what"], &[]).status.code(), Some(2));
    for command in ["serve", "init", "check", "keygen", "migrate", "user", "export", "import", "purge", "openapi"] {
        assert_eq!(run(&[command, "--help"], &[]).status.code(), Some(0), "{command}");
    }
    let version = run(&["--version"], &[]);
    assert!(text(&version.stdout).starts_with("hardpan "));
}

#[test]
fn a_folder_without_an_app_file_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let output = run(&["check", dir.path().to_str().unwrap()], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("hardpan.toml"), "{}", text(&output.stdout));
}

#[test]
fn a_role_that_is_misspelt_in_a_rule_is_named_with_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let app = "[app]\nname = \"notes\"\n[auth]\nrequire_mfa = [\"edtior\"]\n[roles.editor]\npermissions = [\"users:reed\"]\n\
               [resources.notes.fields]\ntext = { type = \"text\" }\n\
               [resources.notes.access]\nread = \"actor.has_role('edtior')\"\n";
    std::fs::write(dir.path().join("hardpan.toml"), app).unwrap();
    let output = run(&["check", dir.path().to_str().unwrap()], &[]);
    let said = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{said}");
    for part in [
        "resources.notes.access.read",
        "at character 16: there is no role `edtior`; declared are admin, editor",
        "`users:reed` is not a permission",
        "known are users:read, users:manage",
        "auth.require_mfa",
        "declare [roles.edtior], or leave it out",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
}

#[test]
fn the_document_needs_no_database_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().to_str().unwrap();
    assert_eq!(run(&["init", app], &[]).status.code(), Some(0));
    let output = run(&["openapi", "--app", app], &[]);
    let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    assert!(document["paths"]["/auth/v1/login"]["post"].is_object());
    assert!(!dir.path().join("data").exists());
}

#[test]
fn accounts_and_roles_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().to_str().unwrap();
    assert_eq!(run(&["init", app], &[]).status.code(), Some(0));
    let user = |arguments: &[&str]| run(&[&["user"], arguments, &["--app", app]].concat(), &[]);
    let made = user(&["create", "Ann@example.com", "--role", "admin"]);
    assert_eq!(made.status.code(), Some(0), "{}", text(&made.stderr));
    assert!(text(&made.stdout).contains("Password: "));
    let twice = user(&["create", "ann@example.com"]);
    assert_eq!(twice.status.code(), Some(1));
    assert!(text(&twice.stderr).contains("email"), "{}", text(&twice.stderr));
    let unknown = user(&["role", "ann@example.com", "no-such-role"]);
    assert_eq!(unknown.status.code(), Some(1));
    assert!(text(&unknown.stderr).contains("\"no-such-role\" is not a role here"), "{}", text(&unknown.stderr));
    let last = user(&["role", "ann@example.com", "admin", "--remove"]);
    assert_eq!(last.status.code(), Some(1));
    assert!(text(&last.stderr).contains("last administrator"), "{}", text(&last.stderr));
    assert!(text(&user(&["list"]).stdout).contains("Ann@example.com"));
    let reset = user(&["reset-factors", "ann@example.com"]);
    assert_eq!(reset.status.code(), Some(0), "{}", text(&reset.stderr));
    assert!(text(&reset.stdout).starts_with("Ann@example.com has no second factor"), "{}", text(&reset.stdout));
    let nobody = user(&["reset-factors", "nobody@example.com"]);
    assert_eq!((nobody.status.code(), text(&nobody.stderr).contains("no account")), (Some(1), true));
}

#[test]
fn accounts_are_suspended_and_resumed_from_the_command_line() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().to_str().unwrap();
    assert_eq!(run(&["init", app], &[]).status.code(), Some(0));
    let user = |arguments: &[&str]| {
        let output = run(&[&["user"], arguments, &["--app", app]].concat(), &[]);
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert_eq!(user(&["create", "ann@example.com", "--role", "admin"]).0, Some(0));
    assert_eq!(user(&["create", "bob@example.com"]).0, Some(0));
    let is_suspended = || {
        let lines = user(&["list"]).1;
        let line = lines.lines().find(|line| line.contains("bob@example.com")).unwrap();
        line.ends_with("(suspended)")
    };
    assert!(!is_suspended());
    let (code, said, _) = user(&["suspend", "Bob@example.com", "--reason", "left"]);
    assert_eq!((code, said.starts_with("bob@example.com is suspended")), (Some(0), true), "{said}");
    assert!(is_suspended());
    assert_eq!(
        user(&["resume", "bob@example.com"]),
        (Some(0), "bob@example.com can log in again\n".into(), String::new())
    );
    assert!(!is_suspended());
    for (arguments, why) in [
        (&["suspend", "ann@example.com"][..], "last administrator"),
        (&["suspend", "nobody@example.com"], "no account"),
        (&["suspend", "bob@example.com", "--reason", &"x".repeat(201)], "reason"),
    ] {
        let (code, _, said) = user(arguments);
        assert_eq!((code, said.contains(why)), (Some(1), true), "{said}");
    }
    assert!(!is_suspended());
}

#[test]
fn purge_says_what_went() {
    let dir = tempfile::tempdir().unwrap();
    let app = dir.path().to_str().unwrap();
    assert_eq!(run(&["init", app], &[]).status.code(), Some(0));
    let output = run(&["purge", "--app", app], &[]);
    assert_eq!((output.status.code(), text(&output.stdout)), (Some(0), "Nothing to do: nothing is over.\n".to_owned()));
    let output = run(&["purge", "--app", app, "--format", "json"], &[]);
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(answer, serde_json::json!({"removed": 0, "by": {}}));
}

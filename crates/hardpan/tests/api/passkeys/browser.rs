//! The script of `docs/passkeys.md` in a real browser, with the browser's own authenticator, against the program itself.
use serde_json::{Value as Json, json};

use crate::{
    binary::program::{Running, free_address, repository},
    support::{Chromium, PASSWORD},
};

/// What stands between the tags, as a classic script.
fn script() -> String {
    let text = std::fs::read_to_string(repository("docs/passkeys.md")).unwrap();
    let (_, rest) = text.split_once("<script type=\"module\">").unwrap();
    rest.split_once("</script>").unwrap().0.replace("export ", "")
}

#[test]
fn passkeys_and_security_keys_in_chromium() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(repository("examples/notes/hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
    let address = free_address();
    let url = format!("http://localhost:{}", address.rsplit(':').next().unwrap());
    let server = Running::start_at(&address, dir.path(), &[("HARDPAN_APP__PUBLIC_URL", &url)]);
    let account = json!({"email": "ann@example.com", "password": PASSWORD});
    let (status, ann) = server.call("POST", "/auth/v1/register", None, Some(&account));
    assert_eq!(status, 201, "{ann}");
    let browser = Chromium::start();
    browser.open(&format!("{url}/livez"));
    let script = script();
    let run = |call: &str, given: &Json| browser.run(&format!("{script}; return await {call};"), given);

    // A laptop's authenticator: the whole log-in.
    let laptop = browser.plug_in(true);
    let made = run("register(given, 'laptop')", &ann["access_token"]).unwrap();
    assert_eq!(
        (&made["name"], &made["kind"], &made["transports"]),
        (&json!("laptop"), &json!("passkey"), &json!(["internal"]))
    );
    let granted = run("logIn()", &Json::Null).unwrap();
    assert_eq!(granted["user"]["id"], ann["user"]["id"]);
    let token = granted["access_token"].as_str().unwrap();
    let (status, list) = server.call("GET", "/auth/v1/passkeys", Some(token), None);
    assert_eq!((status, &list["items"][0]["id"]), (200, &made["id"]));
    assert!(list["items"][0]["last_used_at"].is_string());
    // The browser itself keeps a second one from being made on the same authenticator.
    let again = run("register(given, 'again')", &granted["access_token"]).unwrap_err();
    assert!(again.contains("InvalidStateError"), "{again}");
    // It completes a password log-in as well.
    let (_, challenge) = server.call("POST", "/auth/v1/login", None, Some(&account));
    assert_eq!(challenge["methods"], json!(["passkey"]));
    run("completeLogIn(given)", &challenge["challenge_id"]).unwrap();
    // Tokens as cookies, which go with the next request.
    let granted = run("logIn('cookie')", &Json::Null).unwrap();
    assert_eq!(granted["access_token"], Json::Null);
    let me = browser.run("return (await fetch('/auth/v1/me')).json();", &Json::Null).unwrap();
    assert_eq!(me["email"], "ann@example.com");
    browser.unplug(&laptop);

    // A key that is touched: a second factor, and no log-in by itself.
    let bob = json!({"email": "bob@example.com", "password": PASSWORD});
    let (_, registered) = server.call("POST", "/auth/v1/register", None, Some(&bob));
    browser.plug_in(false);
    let made = run("register(given, 'key')", &registered["access_token"]).unwrap();
    assert_eq!(made["kind"], "security_key");
    let (_, challenge) = server.call("POST", "/auth/v1/login", None, Some(&bob));
    let granted = run("completeLogIn(given)", &challenge["challenge_id"]).unwrap();
    assert_eq!(granted["user"]["email"], "bob@example.com");
}

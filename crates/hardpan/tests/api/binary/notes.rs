//! The notes example from start to end, as its README tells it.
use serde_json::json;

use super::program::{Running, repository};
use crate::support::PASSWORD;

#[test]
fn folders_documents_conversations_and_messages() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(repository("examples/notes/hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
    let server = Running::start(dir.path(), &[]);
    let people: Vec<String> = ["ann@example.com", "bob@example.com"].map(|email| register(&server, email)).to_vec();
    let (ann, bob) = (Some(people[0].as_str()), Some(people[1].as_str()));
    let create = |resource: &str, body| {
        let (status, record) = server.call("POST", &format!("/api/v1/{resource}"), ann, Some(&body));
        assert_eq!(status, 201, "{record}");
        record
    };

    let work = create("folders", json!({"name": "Work", "colour": "blue"}));
    let plans = create("folders", json!({"name": "Plans", "parent": work["id"]}));
    let document = create("documents", json!({"title": "Roadmap", "folder": plans["id"], "due": "2026-12-01"}));
    let conversation =
        create("conversations", json!({"title": "About it", "document": document["id"], "settings": {"t": 0.2}}));
    for (role, content) in [("user", "What is next?"), ("assistant", "The roadmap.")] {
        create(
            "messages",
            json!({"conversation": conversation["id"], "role": role, "content": content, "cost": "0.000210"}),
        );
    }

    // In order, and nobody else's.
    let (_, page) = server.call("GET", "/api/v1/messages?sort=created_at", ann, None);
    let contents: Vec<_> = page["items"].as_array().unwrap().iter().map(|item| item["content"].clone()).collect();
    assert_eq!(contents, ["What is next?", "The roadmap."]);
    assert_eq!(server.call("GET", "/api/v1/messages", bob, None).1["items"], json!([]));

    // A stranger cannot tell the document from one that does not exist.
    let path = format!("/api/v1/documents/{}", document["id"].as_str().unwrap());
    assert_eq!(server.call("GET", &path, bob, None).0, 404);
    assert_eq!(server.call("PATCH", &path, bob, Some(&json!({"title": "Mine"}))).0, 404);
    let foreign = json!({"title": "x", "folder": plans["id"]});
    assert_eq!(server.call("POST", "/api/v1/documents", bob, Some(&foreign)).0, 422);

    // Messages are said once.
    let message = format!("/api/v1/messages/{}", page["items"][0]["id"].as_str().unwrap());
    assert_eq!(server.call("PATCH", &message, ann, Some(&json!({"content": "?"}))).0, 403);

    // A folder takes its folders along and leaves its documents; a conversation takes its messages.
    let folder = format!("/api/v1/folders/{}", work["id"].as_str().unwrap());
    assert_eq!(server.call("DELETE", &folder, ann, None).0, 204);
    assert_eq!(server.call("GET", "/api/v1/folders", ann, None).1["items"], json!([]));
    assert_eq!(server.call("GET", &path, ann, None).1["folder"], json!(null));
    let talk = format!("/api/v1/conversations/{}", conversation["id"].as_str().unwrap());
    assert_eq!(server.call("DELETE", &talk, ann, None).0, 204);
    assert_eq!(server.call("GET", "/api/v1/messages", ann, None).1["items"], json!([]));
}

#[test]
fn the_first_start_shows_an_administrator_who_can_log_in_twice() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::copy(repository("examples/notes/hardpan.toml"), dir.path().join("hardpan.toml")).unwrap();
    let server = Running::start(dir.path(), &[]);
    let welcome = server.welcome.clone();
    let curl = welcome.lines().find(|line| line.contains("/auth/v1/login")).unwrap();
    assert!(curl.contains(&server.url), "{curl}");
    let body: serde_json::Value = serde_json::from_str(curl.split('\'').rev().nth(1).unwrap()).unwrap();
    for _ in 0..2 {
        let (status, answer) = server.call("POST", "/auth/v1/login", None, Some(&body));
        assert_eq!((status, &answer["user"]["roles"]), (200, &json!(["admin"])));
    }
    #[cfg(unix)]
    assert_eq!(server.stop(), Some(0));
    let again = Running::start(dir.path(), &[]);
    assert!(!again.welcome.contains("Password"), "{}", again.welcome);
    assert_eq!(again.call("POST", "/auth/v1/login", None, Some(&body)).0, 200);
}

fn register(server: &Running, email: &str) -> String {
    let body = json!({"email": email, "password": PASSWORD});
    let (status, answer) = server.call("POST", "/auth/v1/register", None, Some(&body));
    assert_eq!(status, 201, "{answer}");
    answer["access_token"].as_str().unwrap().to_owned()
}

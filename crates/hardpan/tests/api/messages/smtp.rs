//! Mail to a real mail server, which is up, down and up again, refuses, and is or is not what it says.
use std::time::Duration;

use platform::notifications::{Mailbox, Template};
use serde_json::{Value as Json, json};

use super::{
    letters::{ann, send},
    sink::Sink,
};
use crate::support::{TestApp, on_both_with};

async fn welcome(app: &TestApp, to: Mailbox) {
    let values = json!({"code": "493021", "valid_for": "10 minutes"});
    send(app, &app.db.ctx(), Template::LoginCode, to, values).await.unwrap();
}

async fn deliver(app: &TestApp) -> u64 {
    app.server.outbox.deliver_now(&app.db.ctx()).await.unwrap()
}

/// What administrators see of the mail.
async fn health(app: &TestApp) -> (Json, Json) {
    let admin = app.person("admin@example.com", &["admin"]).await;
    let health = app.get("/health").bearer(&admin.token).send().await.expect(200).json();
    (health["status"].clone(), health["parts"]["outbox"]["mail"].clone())
}

#[tokio::test]
async fn mail_arrives_at_a_real_mail_server() {
    let mut sink = Sink::start(json!({"user": "hardpan@example.com", "password": "p:w@d"})).await;
    let url = format!("smtp://hardpan%40example.com:p%3Aw%40d@127.0.0.1:{}", sink.port);
    on_both_with(&[("HARDPAN_MAIL__URL", &url)], async |app| {
        // The transport is shared by nobody, and each engine sends once.
        let values = json!({"at": "now", "factor": "Schlüssel – 鍵", "device": "x".repeat(300)});
        send(&app, &app.db.ctx(), Template::FactorAdded, ann(), values).await.unwrap();
        assert_eq!(deliver(&app).await, 1);
    })
    .await;
    for _ in 0..2 {
        let mail = sink.receive().await;
        assert_eq!(mail["from"], "no-reply@tested.example");
        assert_eq!(mail["to"], json!(["ann@example.com"]));
        assert_eq!(mail["user"], "hardpan@example.com");
        let raw = mail["raw"].as_str().unwrap();
        assert!(raw.contains("\r\nTo: Ann <ann@example.com>\r\n") || raw.starts_with("To: "), "{raw}");
        assert!(raw.contains("Message-ID: <msg_") && raw.contains("@127.0.0.1>\r\n"), "{raw}");
        assert!(raw.contains("Schl=C3=BCssel") || raw.contains("Schlüssel"), "{raw}");
        assert!(raw.lines().all(|line| line.len() <= 998 && line.is_ascii()), "{raw}");
    }
}

#[tokio::test]
async fn while_the_mail_server_is_down_requests_go_on_and_mail_waits() {
    let sink = Sink::start(json!({})).await;
    let port = sink.port;
    drop(sink);
    let url = format!("smtp://127.0.0.1:{port}");
    on_both_with(&[("HARDPAN_MAIL__URL", &url)], async |app| {
        welcome(&app, ann()).await;
        assert_eq!(deliver(&app).await, 0);
        // Nobody waits for mail; who registers is sent some, too.
        app.register("ben@example.com").await;
        app.get("/readyz").send().await.expect(200);
        let (status, mail) = health(&app).await;
        assert_eq!(status, "degraded");
        let expected = json!({
            "status": "failing", "waiting": 2, "oldest_seconds": 0, "dead": 0,
            "failure": "the mail server cannot be reached: connection refused",
        });
        assert_eq!(mail, expected);
        let mut sink = Sink::start_on(port, json!({})).await;
        app.advance(Duration::from_secs(5));
        assert_eq!(deliver(&app).await, 2);
        let mut to = [sink.receive().await["to"].take(), sink.receive().await["to"].take()].map(|to| to.to_string());
        to.sort();
        assert_eq!(to, [r#"["ann@example.com"]"#, r#"["ben@example.com"]"#]);
        let admin = app.login("admin@example.com").await;
        deliver(&app).await;
        drop(sink);
        let health = app.get("/health").bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(health["status"], "ok");
        assert_eq!(health["parts"]["outbox"]["mail"]["waiting"], 0);
    })
    .await;
}

#[tokio::test]
async fn refusals_of_an_address_stay_and_those_of_us_pass() {
    let refuse = json!({"gone@example.com": 550, "busy@example.com": 450});
    let sink = Sink::start(json!({"refuse": refuse, "user": "u", "password": "right"})).await;
    let url = |password: &str| format!("smtp://u:{password}@127.0.0.1:{}", sink.port);
    on_both_with(&[("HARDPAN_MAIL__URL", &url("right"))], async |app| {
        for address in ["gone@example.com", "busy@example.com"] {
            welcome(&app, Mailbox::new(None, address).unwrap()).await;
        }
        assert_eq!(deliver(&app).await, 0);
        let standing = &app.server.outbox.standing(&app.db.ctx()).await.unwrap()[0];
        assert_eq!((standing.waiting, standing.failing, standing.dead), (1, 1, 1));
        // The server's words, which repeat the address, are not kept.
        assert!(standing.failure.as_ref().unwrap().starts_with("the mail server answered"), "{standing:?}");
    })
    .await;
    on_both_with(&[("HARDPAN_MAIL__URL", &url("wrong"))], async |app| {
        welcome(&app, ann()).await;
        assert_eq!(deliver(&app).await, 0);
        let standing = &app.server.outbox.standing(&app.db.ctx()).await.unwrap()[0];
        assert_eq!((standing.failing, standing.dead), (1, 0));
        assert_eq!(standing.failure.as_deref(), Some("the mail server answered 535"));
    })
    .await;
}

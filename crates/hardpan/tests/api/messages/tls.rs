//! TLS to the mail server: never without it beyond this machine, and never with one that nobody vouches for.
use std::{path::PathBuf, sync::Arc};

use futures_util::FutureExt as _;
use kernel::Secret;
use platform::{
    notifications::{
        Mail, MailServer, MailUrl, Mailbox, Notifications, Post, PostSettings, Security, Template, Templates,
    },
    outbox::Outbox,
    secrets::Keyring,
};
use serde_json::{Value as Json, json};
use testkit::{Engine, TestDb};

use super::sink::{Sink, certificate};

/// What came of a mail: nothing, or why it did not leave.
async fn send(port: u16, security: Security, tls_ca: Option<PathBuf>) -> Option<String> {
    let db = TestDb::open(Engine::Sqlite).await;
    let ctx = db.ctx();
    store::migrate::apply(&ctx, &hardpan::assemble::migrations()).await.unwrap();
    let server = MailServer { host: "localhost".to_owned(), port, security, credentials: None };
    let from: Mailbox = "no-reply@tested.example".parse().unwrap();
    let url = MailUrl::Smtp(server);
    let settings = PostSettings { url, from, host: "tested.example".to_owned(), tls_ca, logs_text: false };
    let post = Post::new(settings, Templates::built_in().unwrap()).unwrap();
    let keyring = Keyring::new(Secret::new(vec![1; 32]), None).unwrap();
    let outbox = Outbox::new(&keyring, vec![Arc::new(post)]);
    let notifications = Notifications::new(outbox.clone(), "x".to_owned(), "https://x.example".to_owned(), false);
    let to = Mailbox::new(None, "ann@example.com").unwrap();
    let mail = Mail { to, template: Template::PasswordChanged, values: json!({"at": "now"}), expires_at: None };
    let sent = ctx.write(move |ctx, tx| async move { notifications.mail(tx, &ctx, mail).await }.boxed());
    sent.await.unwrap();
    outbox.deliver_now(&ctx).await.unwrap();
    outbox.standing(&ctx).await.unwrap()[0].failure.clone()
}

fn options(certificate: &str, key: &str, is_secure: bool) -> Json {
    json!({"cert": certificate, "key": key, "secure": is_secure})
}

#[tokio::test]
async fn both_ways_of_tls_work_where_someone_vouches() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    for (security, is_secure) in [(Security::StartTls, false), (Security::Tls, true)] {
        let mut sink = Sink::start(options(&certificate, &key, is_secure)).await;
        assert_eq!(send(sink.port, security, Some(folder.path().join("ca.pem"))).await, None, "{security:?}");
        assert_eq!(sink.receive().await["is_secure"], true);
        let why = send(sink.port, security, None).await;
        assert_eq!(why.as_deref(), Some("no trusted TLS connection to the mail server"), "{security:?}");
        drop(sink);
    }
}

#[tokio::test]
async fn a_server_that_hides_tls_gets_no_mail() {
    let sink = Sink::start(json!({})).await;
    let why = send(sink.port, Security::StartTls, None).await;
    assert_eq!(why.as_deref(), Some("the mail server does not speak as it should, or offers no TLS"));
    assert_eq!(send(sink.port, Security::Loopback, None).await, None);
}

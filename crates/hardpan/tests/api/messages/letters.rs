//! Mail as it is written: links, headers, every template.
use futures_util::FutureExt as _;
use kernel::{Result, Secret};
use platform::notifications::{Mail, Mailbox, Notifications, Template};
use serde_json::{Value as Json, json};
use store::Ctx;

use crate::support::{TestApp, on_both, on_both_with};

/// Sends a mail as a service does.
pub async fn send(app: &TestApp, ctx: &Ctx, template: Template, to: Mailbox, values: Json) -> Result<()> {
    let notifications = app.server.notifications.clone();
    let mail = Mail { to, template, values, expires_at: None };
    ctx.write(move |ctx, tx| async move { notifications.mail(tx, &ctx, mail).await.map(|_| ()) }.boxed()).await
}

pub fn ann() -> Mailbox {
    Mailbox::new(Some("Ann"), "ann@example.com").unwrap()
}

#[tokio::test]
async fn a_mail_arrives_as_it_was_written() {
    on_both(async |app| {
        let link = app.server.notifications.link("/verify", Some(&Secret::new("t0ken".to_owned())));
        let values = json!({"link": link, "valid_for": "24 hours"});
        send(&app, &app.db.ctx(), Template::VerifyEmail, ann(), values).await.unwrap();
        let letters = app.letters_to("ann@example.com").await;
        assert_eq!(letters.len(), 1);
        let letter = &letters[0];
        assert_eq!(letter.to, "Ann <ann@example.com>");
        assert_eq!(letter.subject, "Confirm your email address");
        assert_eq!(letter.link(), "http://127.0.0.1:8080/verify#token=t0ken");
        assert_eq!(letter.token(), "t0ken");
        assert!(letter.html.contains("#token=t0ken"), "{}", letter.html);
        for line in [
            "From: Tested <no-reply@tested.example>",
            "Date: Sat, 21 Nov 2026 09:00:00 +0000",
            "Auto-Submitted: auto-generated",
            "Message-ID: <msg_",
        ] {
            assert!(
                letter.raw.contains(&format!("\n{line}")) || letter.raw.starts_with(line),
                "{line}\n{}",
                letter.raw
            );
        }
        // Delivered once.
        assert_eq!(app.letters().await.len(), 1);
    })
    .await;
}

#[tokio::test]
async fn every_template_arrives() {
    on_both(async |app| {
        let mails: Vec<_> = Template::ALL.into_iter().filter(|template| !template.is_sms()).collect();
        for template in &mails {
            let values =
                template.values().iter().map(|name| ((*name).to_owned(), format!("the {name}").into())).collect();
            send(&app, &app.db.ctx(), *template, ann(), Json::Object(values)).await.unwrap();
        }
        let letters = app.letters().await;
        assert_eq!(letters.len(), mails.len());
        for template in mails {
            let shows = |text: &str| template.values().iter().all(|name| text.contains(&format!("the {name}")));
            let found = letters.iter().any(|letter| shows(&letter.text) && shows(&letter.html));
            assert!(found, "{template:?}");
        }
    })
    .await;
}

/// Zitadel CVE-2023-49097, GHSA-93m4-mfpg-c3xf, CVE-2025-64101, GHSA-pfrf-9r5f-73f5; Supabase GHSA-3529-5m8x-rpv3: the rest of the
/// test is where a request makes a mail.
#[tokio::test]
async fn zitadel_cve_2025_64101_links_come_from_the_configured_address_alone() {
    let environment = [("HARDPAN_PROFILE", "production"), ("HARDPAN_APP__PUBLIC_URL", "https://tested.example")];
    on_both_with(&environment, async |app| {
        for path in ["/reset", "reset", "//evil.example/reset", "/\\evil.example"] {
            let link = app.server.notifications.link(path, None);
            assert!(link.starts_with("https://tested.example/") && !link[8..].contains("//"), "{link}");
        }
    })
    .await;
}

#[tokio::test]
async fn what_a_template_needs_is_asked_for_before_the_commit() {
    on_both(async |app| {
        let sent = send(&app, &app.db.ctx(), Template::VerifyEmail, ann(), json!({"link": "x"})).await;
        assert!(format!("{:?}", sent.unwrap_err()).contains("verify_email needs valid_for"));
        let event = Notifications::event(&app.db.ctx());
        assert_eq!(event, json!({"at": "2026-11-21 09:00 UTC", "device": null, "address": null}));
    })
    .await;
}

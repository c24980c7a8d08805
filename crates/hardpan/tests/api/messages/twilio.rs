//! SMS through Twilio's API: path, form and credentials as it publishes them; what it refuses for good and what passes.
use std::time::Duration;

use futures_util::FutureExt as _;
use platform::notifications::{Phone, Sms, Template};
use serde_json::json;

use crate::support::{TestApp, Twilio, on_both_with, on_both_with_twilio};

async fn send(app: &TestApp) {
    let notifications = app.server.notifications.clone();
    assert!(notifications.has_sms());
    let values = json!({"code": "493021", "valid_for": "10 minutes"});
    let to = Phone::new("+1 555 123 4567").unwrap();
    let sms = Sms { to, template: Template::SmsCode, values, expires_at: None };
    let ctx = app.db.ctx();
    let sent = ctx.write(move |ctx, tx| async move { notifications.sms(tx, &ctx, sms).await }.boxed());
    sent.await.unwrap();
}

/// How many were delivered, and how the rest stands: waiting and dead.
async fn deliver(app: &TestApp) -> (u64, i64, i64) {
    let ctx = app.db.ctx();
    let delivered = app.server.outbox.deliver_now(&ctx).await.unwrap();
    let standing = app.server.outbox.standing(&ctx).await.unwrap();
    let sms = standing.iter().find(|standing| standing.kind == "sms").unwrap();
    (delivered, sms.waiting, sms.dead)
}

#[tokio::test]
async fn an_sms_is_asked_for_as_twilio_publishes_it() {
    on_both_with_twilio(async |app, twilio| {
        twilio.answers("201 Created", r#"{"sid": "SM1", "status": "queued", "error_code": null}"#);
        send(&app).await;
        assert_eq!(deliver(&app).await, (1, 0, 0));
        let heard = twilio.heard();
        let (head, form) = heard[0].split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /2010-04-01/Accounts/AC2a8c/Messages.json HTTP/1.1\r\n"), "{head}");
        // AC2a8c:s3cret
        assert!(head.contains("authorization: Basic QUMyYThjOnMzY3JldA==\r\n"), "{head}");
        assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
        let expected = "To=%2B15551234567&From=%2B15550000000&\
                        Body=493021+is+your+code+for+tested%2C+valid+for+10+minutes.+Never+pass+it+on.%0A%0A%40127.0.0.1+%23493021";
        assert_eq!(form, expected);
    })
    .await;
}

#[tokio::test]
async fn what_passes_is_tried_again_and_what_stays_is_given_up() {
    on_both_with_twilio(async |app, twilio| {
        twilio.answers("429 Too Many Requests", r#"{"code": 20429, "status": 429}"#);
        send(&app).await;
        assert_eq!(deliver(&app).await, (0, 1, 0));
        twilio.answers("503 Service Unavailable", "<html>");
        app.advance(Duration::from_secs(5));
        assert_eq!(deliver(&app).await, (0, 1, 0));
        twilio.answers("201 Created", "{}");
        app.advance(Duration::from_secs(15));
        assert_eq!(deliver(&app).await, (1, 0, 0));
        twilio.answers("400 Bad Request", r#"{"code": 21211, "message": "+15551234567 is not valid", "status": 400}"#);
        send(&app).await;
        assert_eq!(deliver(&app).await, (0, 0, 1));
        assert_eq!(twilio.heard().len(), 4);
        let standing = app.server.outbox.standing(&app.db.ctx()).await.unwrap();
        let sms = standing.iter().find(|standing| standing.kind == "sms").unwrap();
        assert_eq!(sms.failure.as_deref(), Some("Twilio answered 400, error 21211"));
    })
    .await;
}

#[tokio::test]
async fn without_being_allowed_a_private_address_is_not_called() {
    let twilio = Twilio::start().await;
    let environment = [
        ("HARDPAN_SMS__URL", twilio.url.as_str()),
        ("TWILIO_ACCOUNT_SID", "AC2a8c"),
        ("TWILIO_AUTH_TOKEN", "s3cret"),
        ("TWILIO_FROM", "+15550000000"),
    ];
    on_both_with(&environment, async |app| {
        send(&app).await;
        assert_eq!(deliver(&app).await, (0, 1, 0));
        assert!(twilio.heard().is_empty());
    })
    .await;
}

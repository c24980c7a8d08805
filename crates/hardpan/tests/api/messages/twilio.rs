//! SMS through Twilio's API: the stand-in holds every request against its published description; what it refuses for good and what passes.
use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use futures_util::FutureExt as _;
use platform::notifications::{Phone, Sms, Template};
use serde_json::json;

use crate::support::{ACCOUNT, TestApp, Twilio, on_both_with, on_both_with_twilio, published};

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
        send(&app).await;
        assert_eq!(deliver(&app).await, (1, 0, 0));
        let heard = twilio.heard();
        let (head, form) = heard[0].split_once("\r\n\r\n").unwrap();
        let path = format!("POST /2010-04-01/Accounts/{ACCOUNT}/Messages.json HTTP/1.1\r\n");
        assert!(head.starts_with(&path), "{head}");
        let credentials = STANDARD.encode(format!("{ACCOUNT}:s3cret"));
        assert!(head.contains(&format!("authorization: Basic {credentials}\r\n")), "{head}");
        let expected = "To=%2B15551234567&From=%2B15550000000&\
                        Body=493021+is+your+code+for+tested%2C+valid+for+10+minutes.+Never+pass+it+on.%0A%0A%40127.0.0.1+%23493021";
        assert_eq!(form, expected);
    })
    .await;
}

#[tokio::test]
async fn a_messaging_service_sends_too() {
    let twilio = Twilio::start().await;
    let mut environment = twilio.environment();
    environment[3] = ("TWILIO_FROM", "MG0123456789abcdef0123456789abcdef");
    on_both_with(&environment, async |app| {
        send(&app).await;
        assert_eq!(deliver(&app).await, (1, 0, 0));
        let heard = twilio.heard().pop().unwrap();
        assert!(heard.contains("&MessagingServiceSid=MG0123456789abcdef0123456789abcdef&"), "{heard}");
    })
    .await;
}

/// Twilio's advice: <https://support.twilio.com/hc/en-us/articles/48916449686299>. What 429 refused was not taken, and may be sent again.
#[tokio::test]
async fn what_passes_is_tried_again() {
    on_both_with_twilio(async |app, twilio| {
        send(&app).await;
        let too_many = published::refusal(429, 20429, "Too Many Requests");
        twilio.answers("429 Too Many Requests", "retry-after: 60\r\n", &too_many);
        assert_eq!(deliver(&app).await, (0, 1, 0));
        // As long as it was asked to wait, though the first pause is five seconds.
        app.advance(Duration::from_secs(59));
        assert_eq!(deliver(&app).await, (0, 1, 0));
        assert_eq!(twilio.heard().len(), 1);
        app.advance(Duration::from_secs(1));
        for (status, code) in [(500, 20500), (502, 20502), (503, 20503), (504, 20504)] {
            twilio.refuses(status, code, "Internal Server Error");
            assert_eq!(deliver(&app).await, (0, 1, 0), "{status}");
            app.advance(Duration::from_hours(1));
        }
        twilio.answers("503 Service Unavailable", "", "<html>");
        assert_eq!(deliver(&app).await, (0, 1, 0));
        app.advance(Duration::from_hours(1));
        twilio.takes();
        assert_eq!(deliver(&app).await, (1, 0, 0));
        assert_eq!(twilio.heard().len(), 7);
    })
    .await;
}

#[tokio::test]
async fn what_stays_is_given_up_and_told_without_the_number() {
    on_both_with_twilio(async |app, twilio| {
        let refusals = [
            (400, 21211, "Invalid 'To' Phone Number: +1555123XXXX"),
            (400, 21610, "Attempt to send to unsubscribed recipient"),
            (401, 20003, "Authenticate"),
            (403, 20008, "Resource not accessible with Test Account Credentials"),
            (404, 20404, "The requested resource was not found"),
        ];
        for (dead, (status, code, message)) in (1..).zip(refusals) {
            twilio.refuses(status, code, message);
            send(&app).await;
            assert_eq!(deliver(&app).await, (0, 0, dead), "{code}");
            let standing = app.server.outbox.standing(&app.db.ctx()).await.unwrap();
            let sms = standing.iter().find(|standing| standing.kind == "sms").unwrap();
            assert_eq!(sms.failure.as_deref(), Some(&*format!("Twilio answered {status}, error {code}")));
            // The last failure is told.
            app.advance(Duration::from_secs(1));
        }
    })
    .await;
}

/// The stand-in would be no check if it took everything.
#[test]
fn what_twilio_does_not_publish_is_noticed() {
    let whole = |account: &str, user: &str, form: &str| {
        let credentials = STANDARD.encode(format!("{user}:s3cret"));
        format!(
            "POST /2010-04-01/Accounts/{account}/Messages.json HTTP/1.1\r\nauthorization: Basic {credentials}\r\n\
             content-type: application/x-www-form-urlencoded\r\n\r\n{form}"
        )
    };
    let right = whole(ACCOUNT, ACCOUNT, "To=%2B1555&From=%2B1556&Body=x");
    assert_eq!(published::is_request(&right), Ok(()));
    for wrong in [
        right.replace("POST", "PUT"),
        right.replace("2010-04-01", "2010-04-02"),
        right.replace("Messages.json", "Messages"),
        right.replace("authorization", "x-authorization"),
        right.replace("Basic", "Bearer"),
        right.replace("x-www-form-urlencoded", "json"),
        whole("AC2a8c", "AC2a8c", "To=%2B1555&From=%2B1556&Body=x"),
        whole(ACCOUNT, "AC2a8c", "To=%2B1555&From=%2B1556&Body=x"),
        whole(ACCOUNT, ACCOUNT, "to=%2B1555&From=%2B1556&Body=x"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&From=%2B1556&Body=x&Text=x"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&To=%2B1556&From=%2B1556&Body=x"),
        whole(ACCOUNT, ACCOUNT, "From=%2B1556&Body=x"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&Body=x"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&From=%2B1556"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&MessagingServiceSid=MGSHOP&Body=x"),
        whole(ACCOUNT, ACCOUNT, "To=%2B1555&From=%2B1556&Body=x&RiskCheck=maybe"),
    ] {
        assert!(published::is_request(&wrong).is_err(), "{wrong}");
    }
    let answer: serde_json::Value = serde_json::from_str(&published::queued()).unwrap();
    for (name, value) in
        [("sid", json!("SM1")), ("status", json!("done")), ("error_code", json!("0")), ("other", json!(1))]
    {
        let mut wrong = answer.clone();
        wrong[name] = value;
        assert!(published::is_answer(&wrong).is_err(), "{wrong}");
    }
}

#[tokio::test]
async fn without_being_allowed_a_private_address_is_not_called() {
    let twilio = Twilio::start().await;
    let environment = [
        ("HARDPAN_SMS__URL", twilio.url.as_str()),
        ("TWILIO_ACCOUNT_SID", ACCOUNT),
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

//! How many codes an account, a device and a telephone are sent.
use std::time::Duration;

use serde_json::json;

use super::codes::{FACTORS, challenged, count, holder};
use crate::support::{Answer, PASSWORD, PAUSE, Person, TestApp, Twilio, all, on_both_with_twilio, person};

#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_sent_one_a_minute_and_five_an_hour() {
    on_both_with_twilio(async |app, twilio| {
        let ann = app.register("ann@example.com").await;
        app.enrol_sent(&ann, "sms").send().await.expect(201);
        let code = twilio.last(&app).await.code();
        let wait = |answer: Answer| {
            let answer = answer.expect_problem(429, "rate_limited");
            answer.header("retry-after").unwrap().parse::<u64>().unwrap()
        };
        app.advance(Duration::from_secs(20));
        // Whichever way, whatever for.
        assert_eq!(wait(app.enrol_sent(&ann, "email").send().await), 40);
        assert_eq!(wait(app.enrol_sent(&ann, "sms").send().await), 40);
        // What was refused has changed nothing.
        let listed = app.get(FACTORS).bearer(&ann.token).send().await.expect(200).json();
        let factor = &listed["items"][0];
        let ann = person(&app.confirm_factor(&ann, factor, &code).send().await.expect(200).json());
        let challenge = app.challenge("ann@example.com").await;
        assert_eq!(wait(app.send_code(&challenge, "sms").send().await), 40);
        assert_eq!(wait(app.send_step_up(&ann, "sms").send().await), 40);
        app.advance(Duration::from_secs(40));
        let answers = all(vec![app.send_code(&challenge, "sms"); 50]).await;
        assert_eq!((count(&answers, 202), count(&answers, 429)), (1, 49), "of fifty at once");
        for _ in 0..3 {
            app.advance(PAUSE);
            app.send_code(&challenge, "sms").send().await.expect(202);
        }
        assert_eq!(twilio.messages(&app).await.len(), 5);
        app.advance(PAUSE);
        // Five minutes after the first.
        assert_eq!(wait(app.send_code(&challenge, "sms").send().await), 55 * 60);
        app.advance(Duration::from_secs(55 * 60 - 1));
        let challenge = app.challenge("ann@example.com").await;
        assert_eq!(wait(app.send_code(&challenge, "sms").send().await), 1);
        app.advance(Duration::from_secs(1));
        app.send_code(&challenge, "sms").send().await.expect(202);
        assert_eq!(twilio.messages(&app).await.len(), 6);
    })
    .await;
}

/// Ann, with a telephone, and what her device is known by. One code went to her, counted with those of strangers.
async fn ann_on_a_device(app: &TestApp, twilio: &Twilio) -> (Person, String) {
    let body = json!({"email": "ann@example.com", "password": PASSWORD});
    let registered = app.post("/auth/v1/register", &body).send().await.expect(201).json();
    let (_, ann) = app.with_sent(twilio, &person(&registered), "sms").await;
    (ann, registered["device_token"].as_str().unwrap().to_owned())
}

/// Who knows the password uses up the codes of strangers, not those of the owner's device.
#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_is_known_has_codes_of_its_own() {
    on_both_with_twilio(async |app, twilio| {
        let (ann, device) = ann_on_a_device(&app, twilio).await;
        let stolen = app.challenge("ann@example.com").await;
        for _ in 0..4 {
            app.send_code(&stolen, "sms").send().await.expect(202);
            app.advance(PAUSE);
        }
        app.send_code(&stolen, "sms").send().await.expect_problem(429, "rate_limited");
        // A device the account does not know is a stranger, whatever it sends.
        let unknown = "A".repeat(43);
        for sent in [unknown.as_str(), "x"] {
            let sent = app.send_code(&stolen, "sms").header("x-device-token", sent).send().await;
            sent.expect_problem(429, "rate_limited");
        }
        app.send_step_up(&ann, "sms").send().await.expect_problem(429, "rate_limited");
        app.enrol_sent(&ann, "email").send().await.expect_problem(429, "rate_limited");
        // Delivered before the next is asked for: what waits together arrives in no order.
        assert_eq!(twilio.messages(&app).await.len(), 5);

        let challenge = app.challenge("ann@example.com").await;
        app.send_code(&challenge, "sms").header("x-device-token", &device).send().await.expect(202);
        let code = twilio.last(&app).await.code();
        let logged_in = app.verify(&challenge, "sms", &code).header("x-device-token", &device).send().await.expect(200);
        let ann = person(&logged_in.json());
        // One a minute and five an hour here, too, whatever for.
        let again = app.send_step_up(&ann, "sms").header("x-device-token", &device);
        again.clone().send().await.expect_problem(429, "rate_limited");
        app.advance(PAUSE);
        app.enrol_sent(&ann, "email").header("x-device-token", &device).send().await.expect(201);
        for _ in 0..3 {
            app.advance(PAUSE);
            again.clone().send().await.expect(202);
        }
        app.advance(PAUSE);
        again.send().await.expect_problem(429, "rate_limited");
    })
    .await;
}

/// Messages cost money: whoever has many devices is sent so many and no more.
#[tokio::test(flavor = "multi_thread")]
async fn an_account_is_sent_twenty_an_hour_whatever_devices_it_has() {
    on_both_with_twilio(async |app, twilio| {
        let body = json!({"email": "ann@example.com", "password": PASSWORD});
        app.post("/auth/v1/register", &body).send().await.expect(201);
        let mut devices = Vec::new();
        for _ in 0..4 {
            let answer = app.log_in("ann@example.com", PASSWORD).send().await.expect(200).json();
            devices.push(answer["device_token"].as_str().unwrap().to_owned());
        }
        let ann = app.login("ann@example.com").await;
        app.with_sent(twilio, &ann, "sms").await;
        let challenge = app.challenge("ann@example.com").await;
        let send = |device: &str| app.send_code(&challenge, "sms").header("x-device-token", device).send();
        for _ in 0..4 {
            for device in &devices {
                send(device).await.expect(202);
            }
            app.advance(PAUSE);
        }
        // The first one was of a stranger.
        for device in &devices[..3] {
            send(device).await.expect(202);
        }
        let refused = send(&devices[3]).await.expect_problem(429, "rate_limited");
        assert_eq!(refused.header("retry-after"), Some("3300"), "an hour after the first");
        app.send_code(&challenge, "sms").send().await.expect_problem(429, "rate_limited");
        assert_eq!(twilio.messages(&app).await.len(), 20);
        app.advance(Duration::from_mins(55));
        let challenge = app.challenge("ann@example.com").await;
        app.send_code(&challenge, "sms").header("x-device-token", &devices[3]).send().await.expect(202);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_accounts_cannot_flood_a_telephone_nor_shut_its_owner_out() {
    on_both_with_twilio(async |app, twilio| {
        let (_, ann) = holder(&app, twilio, "sms").await;
        for nth in 0..4 {
            let eve = app.register(&format!("eve{nth}@example.com")).await;
            app.enrol_sent(&eve, "sms").send().await.expect(201);
            let mallory = app.register(&format!("mallory{nth}@example.com")).await;
            app.enrol_sent(&mallory, "sms").send().await.expect_problem(429, "rate_limited");
            app.advance(PAUSE);
        }
        let eve = app.register("eve@example.com").await;
        app.enrol_sent(&eve, "sms").send().await.expect_problem(429, "rate_limited");
        assert_eq!(twilio.messages(&app).await.len(), 5);
        let (challenge, code) = challenged(&app, twilio, &ann, "sms").await;
        app.verify(&challenge, "sms", &code).send().await.expect(200);
    })
    .await;
}

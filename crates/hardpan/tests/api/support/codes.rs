//! Codes that travel, as they arrive.
use std::{fs, time::Duration};

use serde_json::{Value as Json, json};

use super::{Person, Request, TestApp, Twilio, person};

/// Where codes go in tests.
pub const PHONE: &str = "+41791234567";
/// After which another code may be sent.
pub const PAUSE: Duration = Duration::from_mins(1);

impl TestApp {
    /// Begins to add a telephone or the own address.
    pub fn enrol_sent(&self, who: &Person, kind: &str) -> Request {
        let body = if kind == "sms" { json!({"phone": PHONE}) } else { json!({}) };
        self.post(&format!("/auth/v1/me/factors/{kind}"), &body).bearer(&who.token)
    }

    pub fn confirm_factor(&self, who: &Person, factor: &Json, code: &str) -> Request {
        let path = format!("/auth/v1/me/factors/{}/confirm", factor["id"].as_str().unwrap());
        self.post(&path, &json!({"code": code})).bearer(&who.token)
    }

    /// Adds a telephone or the own address, and confirms it. The person as they are logged in then; another code may be sent.
    pub async fn with_sent(&self, twilio: &Twilio, who: &Person, kind: &str) -> (Json, Person) {
        let factor = self.enrol_sent(who, kind).send().await.expect(201).json();
        let code = self.sent_code(twilio, kind).await;
        let after = person(&self.confirm_factor(who, &factor, &code).send().await.expect(200).json());
        self.advance(PAUSE);
        (factor, after)
    }

    /// Asks for a code that answers a challenge.
    pub fn send_code(&self, challenge: &Json, kind: &str) -> Request {
        self.post("/auth/v1/mfa/send", &json!({"challenge_id": challenge["challenge_id"], "method": kind}))
    }

    pub fn send_step_up(&self, who: &Person, kind: &str) -> Request {
        self.post("/auth/v1/step-up/send", &json!({"method": kind})).bearer(&who.token)
    }

    pub fn step_up(&self, who: &Person, kind: &str, code: &str) -> Request {
        self.post("/auth/v1/step-up", &json!({"method": kind, "code": code})).bearer(&who.token)
    }

    /// The code that arrived last.
    pub async fn sent_code(&self, twilio: &Twilio, kind: &str) -> String {
        if kind == "sms" { twilio.last(self).await.code() } else { self.mailed_code().await.1 }
    }

    /// To whom a code was mailed, and the code. All mail until now is thrown away.
    pub async fn mailed_code(&self) -> (String, String) {
        let mut letters = self.letters().await;
        fs::remove_dir_all(self.dir().join("mail")).unwrap();
        letters.retain(|letter| letter.subject == "Your code for tested");
        let [letter] = &letters[..] else { panic!("{letters:#?}") };
        let code = letter.code();
        assert!(letter.html.contains(&code) && !letter.subject.contains(&code), "{letter:#?}");
        (letter.to.clone(), code)
    }
}

/// Another code than this one.
pub fn wrong_code(code: &str) -> String {
    format!("{:06}", (code.parse::<u32>().unwrap() + 1) % 1_000_000)
}

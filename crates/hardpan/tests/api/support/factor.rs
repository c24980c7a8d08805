//! An authenticator app.
use kernel::Clock as _;
use serde_json::{Value as Json, json};
use totp_rs::{Builder, Secret};

use super::{Person, TestApp, person};

/// Someone's generator of codes.
pub struct Authenticator {
    pub id: String,
    secret: Secret,
}

impl Authenticator {
    /// Enrolled and not confirmed.
    pub async fn enrol(app: &TestApp, person: &Person) -> Self {
        let request = app.post("/auth/v1/me/factors/totp", &json!({"label": "phone"})).bearer(&person.token);
        let enrolment = request.send().await.expect(201).json();
        let text = |name: &str| enrolment[name].as_str().unwrap().to_owned();
        Self { id: text("id"), secret: Secret::try_from_base32(text("secret")).unwrap() }
    }

    /// Enrolled and confirmed: the person as they are logged in then.
    pub async fn confirmed(app: &TestApp, owner: &Person) -> (Self, Person) {
        let authenticator = Self::enrol(app, owner).await;
        let path = format!("/auth/v1/me/factors/{}/confirm", authenticator.id);
        let confirm = app.post(&path, &json!({"code": authenticator.code(app)})).bearer(&owner.token);
        let owner = person(&confirm.send().await.expect(200).json());
        (authenticator, owner)
    }

    /// The code of now.
    pub fn code(&self, app: &TestApp) -> String {
        let seconds = u64::try_from(app.db.clock.now().seconds()).unwrap();
        let totp = Builder::new().with_secret(self.secret.clone()).build().unwrap();
        totp.generate(seconds).to_string()
    }

    /// A code that is not the one of now, nor of the steps beside.
    pub fn wrong_code(&self, app: &TestApp) -> String {
        let seconds = u64::try_from(app.db.clock.now().seconds()).unwrap();
        let totp = Builder::new().with_secret(self.secret.clone()).build().unwrap();
        let near = [seconds - 30, seconds, seconds + 30].map(|at| totp.generate(at).to_string());
        (0..1000).map(|code| format!("{code:06}")).find(|code| !near.contains(code)).unwrap()
    }
}

impl TestApp {
    /// What a log-in is answered whose account has a second factor.
    pub async fn challenge(&self, email: &str) -> Json {
        let body = json!({"email": email, "password": super::PASSWORD});
        let challenge = self.post("/auth/v1/login", &body).send().await.expect(200).json();
        assert_eq!(challenge["mfa_required"], true, "{challenge}");
        challenge
    }

    /// The answer to a challenge.
    pub fn verify(&self, challenge: &Json, method: &str, code: &str) -> super::Request {
        let body = json!({"challenge_id": challenge["challenge_id"], "method": method, "code": code});
        self.post("/auth/v1/mfa/verify", &body)
    }
}

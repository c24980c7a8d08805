//! Tries: every route that takes a password or a code counts them, by account, from the start.
use std::time::Duration;

use serde_json::json;
use web::Body;

use crate::support::{Authenticator, PASSWORD, Person, Request, TestApp, on_both_with};

/// Left as Hardpan has it: nobody configured anything.
const DEFAULTS: [(&str, &str); 1] = [("HARDPAN_LIMITS__ACCOUNT__BURST", "default")];
/// What people know or read off, and what somebody may therefore guess.
const GUESSED: [&str; 3] = ["password", "current_password", "code"];
/// Routes that take something of that name which nobody can guess, or which is new.
const NOT_GUESSED: [&str; 4] = ["register", "reset_password", "accept_invitation", "fetch_oauth_tokens"];

struct Victim {
    person: Person,
    authenticator: Authenticator,
    /// Each takes five tries.
    challenges: Vec<serde_json::Value>,
    /// Not confirmed yet.
    unconfirmed: Authenticator,
}

impl Victim {
    async fn new(app: &TestApp, email: &str) -> Self {
        let (authenticator, person) = Authenticator::confirmed(app, &app.register(email).await).await;
        app.advance(Duration::from_secs(30));
        let mut challenges = Vec::new();
        for _ in 0..3 {
            challenges.push(app.challenge(email).await);
        }
        let unconfirmed = Authenticator::enrol(app, &person).await;
        Self { person, authenticator, challenges, unconfirmed }
    }

    /// The try of this number by way of `operation`, right or wrong; none where nobody said how.
    fn try_by(&self, app: &TestApp, operation: &str, nth: usize, is_right: bool) -> Option<Request> {
        let password = if is_right { PASSWORD } else { "a wrong password" };
        let of = |authenticator: &Authenticator| {
            if is_right { authenticator.code(app) } else { authenticator.wrong_code(app) }
        };
        let by = |request: Request| request.bearer(&self.person.token);
        Some(match operation {
            "log_in" => app.post("/auth/v1/login", &json!({"email": self.person.email, "password": password})),
            "verify_mfa" => app.verify(&self.challenges[nth % 3], "totp", &of(&self.authenticator)),
            "step_up" => by(app.post("/auth/v1/step-up", &json!({"method": "password", "password": password}))),
            "change_password" => {
                let body = json!({"current_password": password, "new_password": "another battery staple horse"});
                by(app.post("/auth/v1/password/change", &body))
            }
            "confirm_factor" => {
                let path = format!("/auth/v1/me/factors/{}/confirm", self.unconfirmed.id);
                by(app.post(&path, &json!({"code": of(&self.unconfirmed)})))
            }
            _ => return None,
        })
    }
}

/// CVE-2025-64102 Zitadel: lock-out was off unless configured, and one generation of the API never counted. CVE-2025-24806 Authelia,
/// CVE-2025-54998 OpenBao: counters by name and not by account.
#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2025_64102_every_way_to_guess_is_counted_by_default() {
    on_both_with(&DEFAULTS, async |app| {
        let mut counted = 0;
        for (nth, route) in app.routes().iter().enumerate() {
            let operation = &*route.operation.id;
            let Body::Json { schema, .. } = &route.body else { continue };
            let is_guessed = schema.fields.iter().any(|field| GUESSED.contains(&&*field.name));
            if !is_guessed || NOT_GUESSED.contains(&operation) {
                continue;
            }
            let victim = Victim::new(&app, &format!("ann{nth}@example.com")).await;
            let attempt = |nth: usize, is_right: bool| {
                let attempt = victim.try_by(&app, operation, nth, is_right);
                attempt.unwrap_or_else(|| panic!("nobody said how {operation} is tried, nor that it cannot be guessed"))
            };
            // Every one from another network.
            for nth in 0..10 {
                let answer = attempt(nth, false).peer(&format!("2001:db8:0:{nth}::1")).send().await;
                assert_eq!(answer.status, 401, "{operation}: {}", answer.text());
            }
            let refused = attempt(10, true).peer("2001:db8:1::1").send().await;
            assert_eq!(refused.outcome(), (429, "rate_limited".to_owned()), "{operation} is not counted");
            // The same account by another way.
            let log_in = victim.try_by(&app, "log_in", 11, true).unwrap().send().await;
            log_in.expect_problem(429, "rate_limited");
            counted += 1;
        }
        assert!(counted >= 5, "{counted}");
    })
    .await;
}

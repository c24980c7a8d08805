//! What ends an account, a password or a role ends every credential that was handed out before, on every node, within a second.
use std::time::Duration;

use platform::single_use::{PURPOSES, Purpose};
use serde_json::json;
use web::Method;

use crate::{
    credentials::{NEW_PASSWORD, RESET, VERIFY},
    oauth::providers::{
        BEARER, Started, TARGET, claims, consent, fetch, location, log_in, on_both_with_more, start, tokens,
    },
    support::{
        Answer, Authenticator, Browser, PASSWORD, PAUSE, Person, Request, SoftKey, TestApp, Twilio, on_both_with_twilio,
    },
};

const ME: &str = "/auth/v1/me";
const ORIGIN: &str = "http://127.0.0.1:8080";

/// Every kind of credential there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Password,
    Bearer,
    Cookie,
    RefreshByBody,
    RefreshByCookie,
    KeyAsBearer,
    KeyAsHeader,
    TrustedDevice,
    Challenge,
    VerifyLink,
    ResetLink,
    ChangeLink,
    UndoLink,
    PasskeyRegistration,
    PasskeyLogin,
    PasskeyFactor,
    PasskeyStepUp,
    OauthState,
    OauthLink,
    OauthCode,
    SmsCode,
    EmailCode,
    StepUpCode,
    EnrolmentCode,
}

use Kind::*;

const KINDS: [Kind; 24] = [
    Password,
    Bearer,
    Cookie,
    RefreshByBody,
    RefreshByCookie,
    KeyAsBearer,
    KeyAsHeader,
    TrustedDevice,
    Challenge,
    VerifyLink,
    ResetLink,
    ChangeLink,
    UndoLink,
    PasskeyRegistration,
    PasskeyLogin,
    PasskeyFactor,
    PasskeyStepUp,
    OauthState,
    OauthLink,
    OauthCode,
    SmsCode,
    EmailCode,
    StepUpCode,
    EnrolmentCode,
];

/// Those that are good more than once, and whose state a node may therefore remember.
const LASTING: [Kind; 4] = [Bearer, Cookie, KeyAsBearer, KeyAsHeader];

impl Kind {
    const fn purpose(self) -> Option<Purpose> {
        Some(match self {
            Challenge => Purpose::MFA,
            VerifyLink => Purpose::VERIFY_EMAIL,
            ResetLink => Purpose::RESET_PASSWORD,
            ChangeLink => Purpose::CHANGE_EMAIL,
            UndoLink => Purpose::UNDO_EMAIL,
            PasskeyRegistration => Purpose::PASSKEY_REGISTRATION,
            PasskeyLogin => Purpose::PASSKEY_LOGIN,
            PasskeyFactor => Purpose::PASSKEY_FACTOR,
            PasskeyStepUp => Purpose::PASSKEY_STEP_UP,
            OauthState | OauthLink => Purpose::OAUTH_STATE,
            OauthCode => Purpose::OAUTH_CODE,
            SmsCode | EnrolmentCode => Purpose::SMS_CODE,
            EmailCode | StepUpCode => Purpose::EMAIL_CODE,
            _ => return None,
        })
    }
}

/// A credential of somebody's, as the request that uses it.
struct Held {
    kind: Kind,
    /// In a session of its own, where the credential is of one.
    person: Person,
    /// An access token of the session that the credential is of.
    token: String,
    request: Request,
}

/// Someone whose address is proven.
async fn proven(app: &TestApp, email: &str) -> Person {
    let person = app.register(email).await;
    let token = app.letter(email, VERIFY).await.token();
    app.verify_email(&token).send().await.expect(204);
    person
}

impl Held {
    async fn new(app: &TestApp, twilio: &Twilio, kind: Kind, email: &str) -> Self {
        let held =
            |person: Person, token: &str, request: Request| Self { kind, person, token: token.to_owned(), request };
        match kind {
            Password | Bearer | Cookie | RefreshByBody | RefreshByCookie | KeyAsBearer | KeyAsHeader => {
                Self::of_session(app, kind, proven(app, email).await).await
            }
            TrustedDevice | Challenge => {
                let (authenticator, person) = Authenticator::confirmed(app, &proven(app, email).await).await;
                app.advance(Duration::from_secs(30));
                let challenge = app.challenge(email).await;
                let code = authenticator.code(app);
                if kind == Challenge {
                    return held(person, "", app.verify(&challenge, "totp", &code));
                }
                let id = &challenge["challenge_id"];
                let body = json!({"challenge_id": id, "method": "totp", "code": code, "trust_device": true});
                let answer = app.post("/auth/v1/mfa/verify", &body).send().await.expect(200).json();
                let device = answer["device_token"].as_str().unwrap();
                held(person, "", app.log_in(email, PASSWORD).header("x-device-token", device))
            }
            VerifyLink => {
                let person = app.register(email).await;
                let token = app.letter(email, VERIFY).await.token();
                held(person, "", app.verify_email(&token))
            }
            ResetLink => {
                let person = proven(app, email).await;
                let token = app.reset_token(email).await;
                // So that another can be asked for.
                app.advance(Duration::from_mins(1));
                held(person, "", app.reset(&token, "a third battery staple horse"))
            }
            ChangeLink | UndoLink => {
                let mut person = proven(app, email).await;
                let new = format!("new-{email}");
                let change = app.post("/auth/v1/email/change", &json!({"email": new})).bearer(&person.token);
                change.send().await.expect(202);
                let change = app.verify_email(&app.letter(&new, "new email address").await.token());
                if kind == ChangeLink {
                    return held(person, "", change);
                }
                change.send().await.expect(204);
                person.email = new;
                let token = app.letter(email, "being changed").await.token();
                held(person, "", app.post("/auth/v1/email/undo", &json!({"token": token})))
            }
            PasskeyRegistration | PasskeyLogin | PasskeyFactor | PasskeyStepUp => {
                Self::of_passkey(app, kind, proven(app, email).await).await
            }
            OauthState | OauthLink | OauthCode => Self::of_provider(app, kind, proven(app, email).await).await,
            SmsCode | EmailCode | StepUpCode | EnrolmentCode => {
                Self::of_sent_code(app, twilio, kind, proven(app, email).await).await
            }
        }
    }

    async fn of_session(app: &TestApp, kind: Kind, person: Person) -> Self {
        let email = person.email.clone();
        let other = app.login(&email).await;
        let mut token = other.token.clone();
        let browser = async || {
            let body = json!({"email": email, "password": PASSWORD, "transport": "cookie"});
            Browser::of(&app.post("/auth/v1/login", &body).send().await.expect(200), "")
        };
        let request = match kind {
            Password => app.log_in(&email, PASSWORD),
            Bearer => app.get(ME).bearer(&other.token),
            RefreshByBody => app.post("/auth/v1/refresh", &json!({"refresh_token": other.refresh})),
            KeyAsBearer => app.get("/api/v1/documents").bearer(&app.api_key(&person, &["*:*"]).await.secret),
            KeyAsHeader => {
                app.get("/api/v1/documents").header("x-api-key", &app.api_key(&person, &["*:*"]).await.secret)
            }
            _ => {
                let browser = browser().await;
                browser.access.split_once('=').unwrap().1.clone_into(&mut token);
                let refresh = app.request(Method::POST, "/auth/v1/refresh").header("origin", ORIGIN);
                if kind == Cookie { browser.with_cookies(app.get(ME)) } else { browser.sent(refresh) }
            }
        };
        Self { kind, person, token, request }
    }

    async fn of_passkey(app: &TestApp, kind: Kind, person: Person) -> Self {
        let (mut key, path) = (SoftKey::passkey(), "/auth/v1");
        let begin = async |path: &str, token: &str, body: &serde_json::Value| {
            app.post(path, body).bearer(token).send().await.expect(200).json()
        };
        if kind == PasskeyRegistration {
            let other = app.login(&person.email).await;
            let start = app.request(Method::POST, &format!("{path}/passkeys/register/start")).bearer(&other.token);
            let started = start.send().await.expect(200).json();
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.create(&started["public_key"])});
            let request = app.post(&format!("{path}/passkeys/register/finish"), &body).bearer(&other.token);
            return Self { kind, person, token: other.token, request };
        }
        key.register(app, &person).await;
        let person = key.log_in(app).await;
        if kind == PasskeyStepUp {
            let other = key.log_in(app).await;
            let start = app.request(Method::POST, &format!("{path}/step-up/passkey/start")).bearer(&other.token);
            let started = start.send().await.expect(200).json();
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
            let request = app.post(&format!("{path}/step-up/passkey/finish"), &body).bearer(&other.token);
            return Self { kind, person, token: other.token, request };
        }
        if kind == PasskeyLogin {
            let start = app.request(Method::POST, &format!("{path}/passkeys/login/start"));
            let started = start.send().await.expect(200).json();
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
            let request = app.post(&format!("{path}/passkeys/login/finish"), &body);
            return Self { kind, person, token: String::new(), request };
        }
        let challenge = app.challenge(&person.email).await["challenge_id"].clone();
        let body = json!({"challenge_id": challenge});
        let started = begin(&format!("{path}/mfa/passkey/start"), &person.token, &body).await;
        let body = json!({
            "challenge_id": challenge, "ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"]),
        });
        let request = app.post(&format!("{path}/mfa/passkey/finish"), &body);
        Self { kind, person, token: String::new(), request }
    }

    async fn of_provider(app: &TestApp, kind: Kind, person: Person) -> Self {
        let email = person.email.clone();
        let said = claims(&email, &email, true);
        let request = if kind == OauthLink {
            let other = app.login(&email).await;
            let path = format!("/auth/v1/oauth/mock?redirect_to={TARGET}&link=true");
            let started = Started::of(&app.get(&path).bearer(&other.token).send().await);
            let callback = consent(&started, &said).await;
            app.get(&callback).header("cookie", &started.cookie).bearer(&other.token)
        } else {
            // Both sides proved the address, so it is linked by this.
            assert_eq!(tokens(app, &said).await["user"]["id"], json!(person.id));
            if kind == OauthState {
                let started = start(app, "mock", "").await;
                let callback = consent(&started, &said).await;
                app.get(&callback).header("cookie", &started.cookie)
            } else {
                let answer = log_in(app, BEARER, &said).await;
                fetch(app, &location(&answer))
            }
        };
        Self { kind, person, token: String::new(), request }
    }

    async fn of_sent_code(app: &TestApp, twilio: &Twilio, kind: Kind, person: Person) -> Self {
        if kind == EnrolmentCode {
            let other = app.login(&person.email).await;
            let factor = app.enrol_sent(&other, "sms").send().await.expect(201).json();
            let request = app.confirm_factor(&other, &factor, &app.sent_code(twilio, "sms").await);
            return Self { kind, person, token: other.token, request };
        }
        let way = if kind == SmsCode { "sms" } else { "email" };
        let (_, person) = app.with_sent(twilio, &person, way).await;
        let challenge = app.challenge(&person.email).await;
        app.send_code(&challenge, way).send().await.expect(202);
        let request = app.verify(&challenge, way, &app.sent_code(twilio, way).await);
        if kind != StepUpCode {
            return Self { kind, person, token: String::new(), request };
        }
        let other = crate::support::person(&request.send().await.expect(200).json());
        app.advance(PAUSE);
        app.send_step_up(&other, way).send().await.expect(202);
        let request = app.step_up(&other, way, &app.sent_code(twilio, way).await);
        Self { kind, person, token: other.token, request }
    }

    /// Whether it did what it was handed out for, to this account.
    async fn is_good(&self, app: &TestApp, answer: &Answer) -> bool {
        match self.kind {
            Password | TrustedDevice => answer.status == 200 && answer.json()["access_token"].is_string(),
            OauthLink => answer.status == 302 && location(answer).contains("#linked="),
            OauthState => {
                let Some(cookie) = answer.cookie("hardpan_access") else { return false };
                let me = app.get(ME).header("cookie", &cookie).send().await;
                me.status == 200 && me.json()["id"] == json!(self.person.id)
            }
            _ => answer.status.is_success(),
        }
    }

    async fn assert_refused(&self, app: &TestApp, answer: &Answer, why: &str) {
        let has_own_answer = [TrustedDevice, OauthLink, OauthState].contains(&self.kind);
        assert!(has_own_answer || answer.status == 401, "{:?} {why}: {}", self.kind, answer.text());
        assert!(!self.is_good(app, answer).await, "{:?} is good {why}: {}", self.kind, answer.text());
    }
}

/// What ends credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Event {
    Suspension,
    Deletion,
    PasswordReset,
    PasswordChange,
}

impl Event {
    async fn happen(self, app: &TestApp, person: &Person) {
        match self {
            Self::Suspension => {
                // Always another one, whose log-in is fresh.
                let admin = app.person(&format!("admin.{}@example.com", person.id), &["admin"]).await;
                app.set_state(&admin, person, "suspended").send().await.expect(200);
            }
            Self::Deletion => {
                app.delete(ME).bearer(&person.token).send().await.expect(204);
            }
            Self::PasswordReset => {
                app.forgot(&person.email).send().await.expect(202);
                // By the newest; where a link is the credential that is walked, there is an older one.
                let mut is_reset = false;
                for letter in app.letters_to(&person.email).await {
                    if letter.subject.contains(RESET) {
                        is_reset |= app.reset(&letter.token(), NEW_PASSWORD).send().await.status == 204;
                    }
                }
                assert!(is_reset);
            }
            Self::PasswordChange => {
                let body = json!({"current_password": PASSWORD, "new_password": NEW_PASSWORD});
                app.post("/auth/v1/password/change", &body).bearer(&person.token).send().await.expect(204);
            }
        }
    }
}

/// With every provider configured, and Twilio.
async fn on_both_with_all(test: impl AsyncFn(TestApp, &Twilio)) {
    let twilio = Twilio::start().await;
    on_both_with_more(&twilio.environment(), async |app| test(app, &twilio).await).await;
}

/// Walks every kind. Those of `kept` are of what the event does not concern, and are good still.
async fn after(event: Event, kept: &[Kind]) {
    on_both_with_all(async |app, twilio| {
        let other = app.another_node().await;
        for (nth, kind) in KINDS.into_iter().enumerate() {
            let held = Held::new(&app, twilio, kind, &format!("ann{nth}@example.com")).await;
            if LASTING.contains(&kind) {
                // Both nodes have seen it, and remember.
                for request in [held.request.clone(), held.request.clone().through(&other.app)] {
                    request.send().await.expect(200);
                }
            }
            event.happen(&app, &held.person).await;
            let mut request = held.request.clone();
            if kind == TrustedDevice && [Event::PasswordReset, Event::PasswordChange].contains(&event) {
                request = request.json(&json!({"email": held.person.email, "password": NEW_PASSWORD}));
            }
            if LASTING.contains(&kind) {
                let at_once = request.clone().send().await;
                held.assert_refused(&app, &at_once, &format!("at once after {event:?}")).await;
            }
            app.advance(Duration::from_secs(1));
            if kept.contains(&kind) {
                let answer = request.send().await;
                assert!(held.is_good(&app, &answer).await, "{kind:?} ended with {event:?}: {}", answer.text());
                continue;
            }
            for (node, request) in [("elsewhere", request.clone().through(&other.app)), ("here", request)] {
                let answer = request.send().await;
                held.assert_refused(&app, &answer, &format!("{node} after {event:?}")).await;
            }
        }
        other.source.db.close().await;
    })
    .await;
}

/// Without an event every one of them is good, or the walks below would prove nothing. And there is one for every purpose.
#[tokio::test(flavor = "multi_thread")]
async fn every_kind_of_credential_is_good_before_anything_ends_it() {
    on_both_with_all(async |app, twilio| {
        for (nth, kind) in KINDS.into_iter().enumerate() {
            let held = Held::new(&app, twilio, kind, &format!("ann{nth}@example.com")).await;
            let answer = held.request.clone().send().await;
            assert!(held.is_good(&app, &answer).await, "{kind:?}: {}", answer.text());
        }
    })
    .await;
    // What makes an account is of none that could end.
    let of_nobody = [Purpose::REGISTER, Purpose::INVITATION];
    for purpose in PURPOSES {
        let is_walked = KINDS.iter().any(|kind| kind.purpose() == Some(purpose));
        assert!(is_walked != of_nobody.contains(&purpose), "nobody said how {purpose:?} is held");
    }
}

/// GHSA-56p6-qw3c-fq2g, Directus; CVE-2024-21635, memos: tokens stayed good for whoever was suspended.
#[tokio::test(flavor = "multi_thread")]
async fn directus_ghsa_56p6_qw3c_fq2g_after_a_suspension_no_credential_is_good() {
    after(Event::Suspension, &[]).await;
}

/// GHSA-56p6-qw3c-fq2g, Directus.
#[tokio::test(flavor = "multi_thread")]
async fn directus_ghsa_56p6_qw3c_fq2g_after_a_deletion_no_credential_is_good() {
    after(Event::Deletion, &[]).await;
}

/// CVE-2024-21635, memos: a password that was changed left every token of before. What proves something else than the password stays: a
/// passkey, a provider, and the link by which an owner takes an address back from whoever changed both.
#[tokio::test(flavor = "multi_thread")]
async fn memos_cve_2024_21635_after_a_change_of_the_password_no_credential_of_before_is_good() {
    after(Event::PasswordChange, &[PasskeyLogin, OauthState, UndoLink]).await;
}

/// CVE-2024-21635, memos: the same by a mailed link.
#[tokio::test(flavor = "multi_thread")]
async fn memos_cve_2024_21635_after_a_reset_no_credential_of_before_is_good() {
    after(Event::PasswordReset, &[PasskeyLogin, OauthState, UndoLink]).await;
}

/// GHSA-56p6-qw3c-fq2g, Directus: what a role gave goes with it, whatever the credential that carries it.
#[tokio::test(flavor = "multi_thread")]
async fn directus_ghsa_56p6_qw3c_fq2g_a_role_that_is_removed_is_gone_from_every_credential() {
    on_both_with_twilio(async |app, twilio| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let other = app.another_node().await;
        let document = app.create("documents", &admin, &json!({"title": "a"})).await;
        let path = TestApp::path("documents", &document);
        for (nth, kind) in [Bearer, Cookie, KeyAsBearer, KeyAsHeader, RefreshByBody].into_iter().enumerate() {
            let held = Held::new(&app, twilio, kind, &format!("ann{nth}@example.com")).await;
            let roles = format!("/admin/v1/users/{}/roles", held.person.id);
            let set = async |roles_now: serde_json::Value| {
                app.put(&roles, &json!({"roles": roles_now})).bearer(&admin.token).send().await.expect(200);
            };
            set(json!(["reader"])).await;
            app.advance(Duration::from_secs(1));
            let read = held.request.clone().to(&path);
            if kind != RefreshByBody {
                for request in [read.clone(), read.clone().through(&other.app)] {
                    request.send().await.expect(200);
                }
            }
            set(json!([])).await;
            if kind == RefreshByBody {
                let token = held.request.clone().send().await.expect(200).json()["access_token"].clone();
                app.get(&path).bearer(token.as_str().unwrap()).send().await.expect_problem(404, "not_found");
                continue;
            }
            assert_eq!(read.clone().send().await.status, 404, "{kind:?} at once");
            app.advance(Duration::from_secs(1));
            assert_eq!(read.clone().through(&other.app).send().await.status, 404, "{kind:?} elsewhere");
        }
        other.source.db.close().await;
    })
    .await;
}

/// CVE-2024-28197, Zitadel; CVE-2026-7507, Keycloak: whoever had a session fixed on somebody won what its owner proved later.
#[tokio::test(flavor = "multi_thread")]
async fn zitadel_cve_2024_28197_a_factor_that_is_added_ends_what_its_session_handed_out_before() {
    on_both_with_twilio(async |app, twilio| {
        let other = app.another_node().await;
        for (nth, kind) in [Bearer, Cookie, RefreshByBody, RefreshByCookie, PasskeyRegistration].into_iter().enumerate()
        {
            let held = Held::new(&app, twilio, kind, &format!("ann{nth}@example.com")).await;
            if LASTING.contains(&kind) {
                for request in [held.request.clone(), held.request.clone().through(&other.app)] {
                    request.send().await.expect(200);
                }
            }
            let session = Person { token: held.token.clone(), ..held.person.clone() };
            let (_, elevated) = match kind {
                // In a session with cookies, the new tokens are in cookies, too.
                Cookie | RefreshByCookie => {
                    let authenticator = Authenticator::enrol(&app, &session).await;
                    let path = format!("/auth/v1/me/factors/{}/confirm", authenticator.id);
                    let confirm = app.post(&path, &json!({"code": authenticator.code(&app)})).bearer(&session.token);
                    let browser = Browser::of(&confirm.send().await.expect(200), "");
                    let token = browser.access.split_once('=').unwrap().1.to_owned();
                    (authenticator, Person { token, ..session })
                }
                _ => Authenticator::confirmed(&app, &session).await,
            };
            app.advance(Duration::from_secs(1));
            for (node, request) in
                [("elsewhere", held.request.clone().through(&other.app)), ("here", held.request.clone())]
            {
                let answer = request.send().await;
                held.assert_refused(&app, &answer, node).await;
            }
            assert!(app.is_in(&elevated.token).await);
        }
        other.source.db.close().await;
    })
    .await;
}

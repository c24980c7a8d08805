//! Two processes over one PostgreSQL: of fifty uses of a single-use thing at once, split over both, one succeeds.
use std::{
    collections::BTreeSet,
    sync::{Arc, Barrier},
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::{HeaderMap, header};
use kernel::{Clock as _, SystemClock};
use platform::single_use::{PURPOSES, Purpose};
use serde_json::{Value as Json, json};
use tempfile::TempDir;
use testkit::{Engine, TestDb};
use totp_rs::{Builder, Secret};
use ureq::{Agent, http::Request};

use crate::{
    binary::program::{Running, run},
    oauth::providers::{BEARER, TARGET, VERIFIER, browse, callback_of, claims, parameter, providers},
    support::{Letter, MASTER_KEY, PASSWORD, PHONE, SoftKey, Twilio, letters_in},
};

const MANY: usize = 50;
const ROOT: &str = "root@example.com";
/// How long a letter may take on a machine that is busy.
const PATIENCE: Duration = Duration::from_secs(30);
const APP: &str = "[app]\nname = \"tested\"\n[resources.notes.fields]\ntitle = { type = \"text\" }\n";

/// Two servers that share a database and nothing else, and a folder of mail.
struct World {
    servers: [Running; 2],
    agent: Agent,
    place: Arc<Place>,
    /// The password of an administrator.
    root: String,
}

/// What servers share, however they are configured.
struct Place {
    url: String,
    dir: TempDir,
    twilio: Twilio,
}

/// A request, to be sent to either.
#[derive(Clone)]
struct Use {
    method: &'static str,
    path: String,
    headers: Vec<(&'static str, String)>,
    body: Option<Json>,
}

/// What came back.
#[derive(Debug)]
struct Got {
    status: u16,
    headers: HeaderMap,
    json: Json,
}

impl Got {
    /// A log-in with a provider ends with a redirect, also when it failed.
    fn is_success(&self) -> bool {
        let led = self.headers.get(header::LOCATION).map(|url| url.to_str().unwrap());
        (200..300).contains(&self.status) || self.status == 302 && led.is_some_and(|url| !url.contains("error="))
    }

    #[track_caller]
    fn expect(self, status: u16) -> Json {
        assert_eq!(self.status, status, "{}", self.json);
        self.json
    }
}

impl Use {
    /// Null is no body.
    fn post(path: &str, body: Json) -> Self {
        Self {
            method: "POST",
            path: path.to_owned(),
            headers: Vec::new(),
            body: Some(body).filter(|body| !body.is_null()),
        }
    }

    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    fn bearer(self, token: &str) -> Self {
        self.header("authorization", &format!("Bearer {token}"))
    }
}

impl World {
    fn start(place: Arc<Place>, registration: &str) -> Self {
        let dir = &place.dir;
        let provider = format!(
            "[oauth.mock]\nissuer = \"{}\"\nclient_id = \"hardpan\"\nclient_secret = \"secret-of-the-client\"\n",
            providers().mock
        );
        std::fs::write(dir.path().join("hardpan.toml"), format!("{APP}{provider}")).unwrap();
        let mail = format!("file:{}", dir.path().join("mail").display());
        let mut environment = vec![
            ("HARDPAN_PROFILE", "testing"),
            ("HARDPAN_MASTER_KEY", MASTER_KEY),
            ("DATABASE_URL", &place.url),
            ("HARDPAN_AUTH__REGISTRATION", registration),
            ("HARDPAN_APP__PUBLIC_URL", "http://127.0.0.1:8080"),
            ("HARDPAN_MAIL__URL", &mail),
            ("HARDPAN_MAIL__FROM", "Tested <no-reply@tested.example>"),
            ("HARDPAN_OAUTH__REDIRECTS", TARGET),
        ];
        environment.extend(place.twilio.environment());
        for name in [
            "HARDPAN_LIMITS__ADDRESS__BURST",
            "HARDPAN_LIMITS__PRINCIPAL__BURST",
            "HARDPAN_LIMITS__CREDENTIALS__BURST",
            "HARDPAN_LIMITS__ACCOUNT__BURST",
        ] {
            environment.push((name, "100000"));
        }
        let servers = [Running::start(dir.path(), &environment), Running::start(dir.path(), &environment)];
        let path = dir.path().to_str().unwrap();
        let made = run(&["user", "create", ROOT, "--role", "admin", "--format", "json", "--app", path], &environment);
        // The second two over a database find it there.
        let made: Json = serde_json::from_slice(&made.stdout).unwrap_or_default();
        let root = made["password"].as_str().unwrap_or_default().to_owned();
        let agent = Agent::config_builder().http_status_as_error(false).max_redirects(0);
        let agent = agent.max_redirects_will_error(false).timeout_global(Some(Duration::from_mins(1)));
        Self { servers, agent: agent.build().into(), place, root }
    }

    fn send(&self, server: usize, wanted: &Use) -> Got {
        let mut request =
            Request::builder().method(wanted.method).uri(format!("{}{}", self.servers[server].url, wanted.path));
        for (name, value) in &wanted.headers {
            request = request.header(*name, value);
        }
        let sent = match &wanted.body {
            Some(body) => {
                let request = request.header("content-type", "application/json");
                self.agent.run(request.body(body.to_string()).unwrap())
            }
            None => self.agent.run(request.body(()).unwrap()),
        };
        let (head, mut body) = sent.unwrap().into_parts();
        let json = serde_json::from_str(&body.read_to_string().unwrap()).unwrap_or(Json::Null);
        Got { status: head.status.as_u16(), headers: head.headers, json }
    }

    /// To the first of the two.
    fn ask(&self, wanted: &Use) -> Got {
        self.send(0, wanted)
    }

    fn post(&self, path: &str, body: Json) -> Json {
        let got = self.ask(&Use::post(path, body));
        assert!(got.is_success(), "{path}: {got:?}");
        got.json
    }

    fn post_as(&self, token: &str, path: &str, body: Json) -> Json {
        let got = self.ask(&Use::post(path, body).bearer(token));
        assert!(got.is_success(), "{path}: {got:?}");
        got.json
    }

    /// All at once, every other one to the other process.
    fn at_once(&self, uses: &[Use]) -> Vec<Got> {
        let together = Barrier::new(uses.len());
        thread::scope(|scope| {
            let send = |(nth, wanted)| {
                let together = &together;
                scope.spawn(move || {
                    together.wait();
                    self.send(nth % 2, wanted)
                })
            };
            let sent: Vec<_> = uses.iter().enumerate().map(send).collect();
            sent.into_iter().map(|each| each.join().unwrap()).collect()
        })
    }

    fn one_succeeds(&self, what: &str, uses: &[Use]) {
        assert_eq!(uses.len(), MANY);
        let got = self.at_once(uses);
        let succeeded = got.iter().filter(|got| got.is_success()).count();
        let statuses: Vec<_> = got.iter().map(|got| got.status).collect();
        assert_eq!(succeeded, 1, "{what}: {statuses:?}");
        // The others were refused for what they were, and nothing broke.
        let is_refusal = |got: &Got| [401, 409].contains(&got.status) || got.is_success();
        assert!(got.iter().all(is_refusal), "{what}: {statuses:?}");
    }

    /// The letter to someone with this subject, once one of the two has delivered it.
    fn letter(&self, email: &str, subject: &str) -> Letter {
        arrived(&format!("letter with {subject} to {email}"), || {
            let letters = letters_in(&self.place.dir.path().join("mail"));
            letters.into_iter().find(|letter| letter.to == email && letter.subject.contains(subject))
        })
    }

    /// The confirmation of a factor whose code was sent.
    fn confirmation(&self, email: &str, kind: &str) -> Use {
        let token = self.token(email);
        let body = if kind == "sms" { json!({"phone": PHONE}) } else { json!({}) };
        let enrolment = self.post_as(&token, &format!("/auth/v1/me/factors/{kind}"), body);
        let code = match kind {
            "sms" => arrived("SMS", || self.place.twilio.sent().pop()).code(),
            _ => self.letter(email, "Your code for tested").code(),
        };
        let path = format!("/auth/v1/me/factors/{}/confirm", text(&enrolment, "id"));
        Use::post(&path, json!({"code": code})).bearer(&token)
    }

    fn register(&self, email: &str) -> Json {
        self.post("/auth/v1/register", json!({"email": email, "password": PASSWORD}))
    }

    fn token(&self, email: &str) -> String {
        text(&self.register(email), "access_token")
    }

    fn challenge(&self, email: &str) -> Json {
        self.post("/auth/v1/login", json!({"email": email, "password": PASSWORD}))
    }

    /// Someone with a generator of codes, and what it is made of. The code of now is not used up.
    fn generator(&self, email: &str) -> (String, Secret) {
        let token = self.token(email);
        let enrolment = self.post_as(&token, "/auth/v1/me/factors/totp", json!({}));
        let secret = Secret::try_from_base32(text(&enrolment, "secret")).unwrap();
        let path = format!("/auth/v1/me/factors/{}/confirm", text(&enrolment, "id"));
        let confirmed = self.post_as(&token, &path, json!({"code": code(&secret, -1)}));
        (text(&confirmed, "access_token"), secret)
    }

    /// Someone with a passkey, logged in with it.
    fn holder(&self, email: &str) -> (String, SoftKey) {
        // One that does not count: nothing but the ceremony can tell its answers apart.
        let mut key = SoftKey { counts: false, ..SoftKey::passkey() };
        let token = self.token(email);
        let finish = self.registration(&token, &mut key);
        self.ask(&finish).expect(201);
        let granted = self.ask(&self.passkey_login(&mut key)).expect(200);
        (text(&granted, "access_token"), key)
    }

    fn registration(&self, token: &str, key: &mut SoftKey) -> Use {
        let started = self.post_as(token, "/auth/v1/passkeys/register/start", Json::Null);
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.create(&started["public_key"])});
        Use::post("/auth/v1/passkeys/register/finish", body).bearer(token)
    }

    /// Answers to one ceremony, each of an authenticator of its own: no index stands in for the rule.
    fn registrations(&self, token: &str) -> Vec<Use> {
        let started = self.post_as(token, "/auth/v1/passkeys/register/start", Json::Null);
        let one = |_| {
            let credential = SoftKey::passkey().create(&started["public_key"]);
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": credential});
            Use::post("/auth/v1/passkeys/register/finish", body).bearer(token)
        };
        (0..MANY).map(one).collect()
    }

    fn passkey_login(&self, key: &mut SoftKey) -> Use {
        let started = self.post("/auth/v1/passkeys/login/start", json!({}));
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
        Use::post("/auth/v1/passkeys/login/finish", body)
    }

    /// A log-in with the provider, up to its way back.
    fn callback(&self, email: &str, query: &str) -> Use {
        let path = format!("/auth/v1/oauth/mock?redirect_to={TARGET}{query}");
        let begin = Use { method: "GET", path, headers: Vec::new(), body: None };
        let got = self.ask(&begin);
        let header = |name: header::HeaderName| got.headers[name].to_str().unwrap().to_owned();
        let cookie = header(header::SET_COOKIE).split(';').next().unwrap().to_owned();
        let forge = URL_SAFE_NO_PAD.encode(claims(email, email, true).to_string());
        let (back, _) = browse(&format!("{}&forge={forge}", header(header::LOCATION)), "");
        Use { path: callback_of(&back.unwrap()), ..begin }.header("cookie", &cookie)
    }
}

/// What `look` finds, once it is there.
fn arrived<T>(what: &str, look: impl Fn() -> Option<T>) -> T {
    let begun = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(begun.elapsed() < PATIENCE, "no {what} came");
        thread::sleep(Duration::from_millis(20));
    }
}

fn text(json: &Json, name: &str) -> String {
    json[name].as_str().unwrap_or_else(|| panic!("no {name} in {json}")).to_owned()
}

/// The code of the step that is so many from now.
fn code(secret: &Secret, steps: i64) -> String {
    let seconds = u64::try_from(SystemClock.now().seconds() + steps * 30).unwrap();
    Builder::new().with_secret(secret.clone()).build().unwrap().generate(seconds).to_string()
}

fn verify(challenge: &Json, method: &str, code: &str) -> Use {
    let body = json!({"challenge_id": challenge["challenge_id"], "method": method, "code": code});
    Use::post("/auth/v1/mfa/verify", body)
}

/// Issues a thing of this purpose to someone new, and gives its uses, unless they were made here; none where nobody said how.
fn issued(world: &World, purpose: Purpose) -> Option<Vec<Use>> {
    let email = format!("{}@example.com", purpose.name);
    let asks = |path: &str, subject: &str| {
        world.post(path, json!({"email": email}));
        world.letter(&email, subject).token()
    };
    let changed = |new: &str| {
        world.post_as(&world.token(&email), "/auth/v1/email/change", json!({"email": new}));
        let body = json!({"token": world.letter(new, "new email address").token()});
        Use::post("/auth/v1/email/verify", body)
    };
    let one = match purpose {
        Purpose::MFA => {
            let (_, secret) = world.generator(&email);
            verify(&world.challenge(&email), "totp", &code(&secret, 0))
        }
        Purpose::VERIFY_EMAIL => {
            world.register(&email);
            let token = world.letter(&email, "Confirm your email address").token();
            Use::post("/auth/v1/email/verify", json!({"token": token}))
        }
        Purpose::REGISTER => {
            // Of two other processes, where nobody registers otherwise.
            let strict = World::start(Arc::clone(&world.place), "verify_first");
            strict.post("/auth/v1/register", json!({"email": email, "password": PASSWORD}));
            let token = strict.letter(&email, "Finish creating your account").token();
            let verify = Use::post("/auth/v1/email/verify", json!({"token": token}));
            strict.one_succeeds(purpose.name, &vec![verify; MANY]);
            return Some(Vec::new());
        }
        Purpose::INVITATION => {
            let root = world.post("/auth/v1/login", json!({"email": ROOT, "password": world.root}));
            let body = json!({"email": email, "roles": []});
            world.post_as(&text(&root, "access_token"), "/admin/v1/invitations", body);
            let token = world.letter(&email, "You are invited").token();
            Use::post("/auth/v1/invitations/accept", json!({"token": token, "password": PASSWORD}))
        }
        Purpose::RESET_PASSWORD => {
            world.register(&email);
            let token = asks("/auth/v1/password/forgot", "Reset your password");
            Use::post("/auth/v1/password/reset", json!({"token": token, "password": "another battery staple horse"}))
        }
        Purpose::CHANGE_EMAIL => changed("changed@example.com"),
        Purpose::UNDO_EMAIL => {
            let account = world.register(&email);
            let proof = json!({"token": world.letter(&email, "Confirm your email address").token()});
            world.ask(&Use::post("/auth/v1/email/verify", proof)).expect(204);
            let token = text(&account, "access_token");
            world.post_as(&token, "/auth/v1/email/change", json!({"email": "undone@example.com"}));
            let body = json!({"token": world.letter("undone@example.com", "new email address").token()});
            world.ask(&Use::post("/auth/v1/email/verify", body)).expect(204);
            let token = world.letter(&email, "being changed").token();
            Use::post("/auth/v1/email/undo", json!({"token": token}))
        }
        Purpose::OAUTH_STATE => world.callback(&email, ""),
        Purpose::OAUTH_CODE => {
            let got = world.ask(&world.callback(&email, &format!("&{BEARER}")));
            let target = got.headers[header::LOCATION].to_str().unwrap();
            let code = parameter(target, "code").unwrap_or_else(|| panic!("{target}"));
            Use::post("/auth/v1/oauth/token", json!({"code": code, "code_verifier": VERIFIER}))
        }
        Purpose::PASSKEY_REGISTRATION => return Some(world.registrations(&world.token(&email))),
        Purpose::PASSKEY_LOGIN => world.passkey_login(&mut world.holder(&email).1),
        Purpose::PASSKEY_FACTOR => {
            let (_, mut key) = world.holder(&email);
            let challenge = world.challenge(&email)["challenge_id"].clone();
            let started = world.post("/auth/v1/mfa/passkey/start", json!({"challenge_id": challenge}));
            let credential = key.get(&started["public_key"]);
            let ceremony = &started["ceremony_id"];
            let body = json!({"challenge_id": challenge, "ceremony_id": ceremony, "credential": credential});
            Use::post("/auth/v1/mfa/passkey/finish", body)
        }
        Purpose::PASSKEY_STEP_UP => {
            let (token, mut key) = world.holder(&email);
            let started = world.post_as(&token, "/auth/v1/step-up/passkey/start", Json::Null);
            let body = json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])});
            Use::post("/auth/v1/step-up/passkey/finish", body).bearer(&token)
        }
        Purpose::SMS_CODE => world.confirmation(&email, "sms"),
        Purpose::EMAIL_CODE => world.confirmation(&email, "email"),
        _ => return None,
    };
    Some(vec![one; MANY])
}

/// Runs `test` with two processes over a PostgreSQL database of their own.
async fn with_two_processes(test: impl FnOnce(&World) + Send + 'static) {
    let db = TestDb::open(Engine::Postgres).await;
    let place = Place { url: db.url(), dir: tempfile::tempdir().unwrap(), twilio: Twilio::start().await };
    tokio::task::spawn_blocking(move || test(&World::start(Arc::new(place), "open"))).await.unwrap();
    drop(db);
}

/// GHSA-4hf6-3x24-c9m8, GHSA-2299-ghjr-6vjp, GHSA-w73w-g5xw-rwhf and GHSA-jpq4-7fmq-q5fj, Parse Server: four times a thing that was good
/// once was good for each of many at once. So: everything there is that is good once.
#[tokio::test(flavor = "multi_thread")]
async fn parse_server_ghsa_4hf6_of_fifty_uses_over_two_processes_one_succeeds_whatever_the_purpose() {
    with_two_processes(|world| {
        for purpose in PURPOSES {
            let uses = issued(world, purpose).unwrap_or_else(|| panic!("nobody said how {purpose:?} is used"));
            if !uses.is_empty() {
                world.one_succeeds(purpose.name, &uses);
            }
        }
    })
    .await;
}

/// The same for codes that come with a challenge each, and for an address.
#[tokio::test(flavor = "multi_thread")]
async fn parse_server_ghsa_2299_of_fifty_challenges_one_is_answered_by_one_code() {
    with_two_processes(|world| {
        let challenges = |email: &str| -> Vec<Json> {
            let log_in = Use::post("/auth/v1/login", json!({"email": email, "password": PASSWORD}));
            world.at_once(&vec![log_in; MANY]).into_iter().map(|got| got.expect(200)).collect()
        };
        let (token, secret) = world.generator("ann@example.com");
        let made = world.post_as(&token, "/auth/v1/me/backup-codes", Json::Null);
        let backup = made["codes"][0].as_str().unwrap();
        for (method, code) in [("backup_code", backup), ("totp", &code(&secret, 0))] {
            let challenges = challenges("ann@example.com");
            let uses: Vec<_> = challenges.iter().map(|challenge| verify(challenge, method, code)).collect();
            world.one_succeeds(method, &uses);
        }
        let register = Use::post("/auth/v1/register", json!({"email": "bob@example.com", "password": PASSWORD}));
        world.one_succeeds("an address", &vec![register; MANY]);
    })
    .await;
}

/// GHSA-392p-2q2v-4372, better-auth: refreshes at once made a family of tokens fork. supabase/auth#466: the parent yields the same successor,
/// whatever is older ends the session, and nothing makes the time longer in which the parent does.
#[tokio::test(flavor = "multi_thread")]
async fn better_auth_ghsa_392p_2q2v_4372_refreshes_over_two_processes_never_fork_a_family() {
    with_two_processes(|world| {
        let refresh = |token: &str| Use::post("/auth/v1/refresh", json!({"refresh_token": token}));
        let successors = |parent: &str| -> BTreeSet<String> {
            let got = world.at_once(&vec![refresh(parent); MANY]);
            got.into_iter().map(|got| text(&got.expect(200), "refresh_token")).collect()
        };
        let first = text(&world.register("ann@example.com"), "refresh_token");
        let second = successors(&first);
        assert_eq!(second.len(), 1, "the family forked");
        let second = second.first().unwrap();
        let third = successors(second);
        assert_eq!(third.len(), 1, "the family forked");
        let third = third.first().unwrap();
        assert!(third != second && *second != first);
        // The grandparent ends the session, whichever process is asked: for the thief and for the owner.
        let reused = world.send(1, &refresh(&first));
        assert_eq!((reused.status, &reused.json["code"]), (401, &json!("refresh_reused")));
        for server in [0, 1] {
            assert_eq!(world.send(server, &refresh(third)).status, 401);
        }
    })
    .await;
}

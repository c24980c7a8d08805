//! Passkeys and security keys, as clients see them.
mod browser;
mod log_in;
mod manage;
mod register;
mod second_factor;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};

use crate::support::{Answer, PASSWORD, Person, SoftKey, TestApp};

const REGISTER_START: &str = "/auth/v1/passkeys/register/start";
const REGISTER_FINISH: &str = "/auth/v1/passkeys/register/finish";
const LOGIN_START: &str = "/auth/v1/passkeys/login/start";
pub const LOGIN_FINISH: &str = "/auth/v1/passkeys/login/finish";

/// Begins to register, and what `key` makes of it.
async fn begin(app: &TestApp, person: &Person, key: &mut SoftKey) -> Json {
    let started = app.request(web::Method::POST, REGISTER_START).bearer(&person.token).send().await.expect(200).json();
    json!({"ceremony_id": started["ceremony_id"], "credential": key.create(&started["public_key"])})
}

/// Registers `key`, and what is answered.
async fn try_register(app: &TestApp, person: &Person, key: &mut SoftKey) -> Answer {
    let body = begin(app, person, key).await;
    app.post(REGISTER_FINISH, &body).bearer(&person.token).send().await
}

async fn register(app: &TestApp, person: &Person, key: &mut SoftKey) -> Json {
    try_register(app, person, key).await.expect(201).json()
}

/// Someone with a passkey.
pub async fn holder(app: &TestApp, email: &str) -> (Person, SoftKey, Json) {
    let (person, mut key) = (app.register(email).await, SoftKey::passkey());
    let passkey = register(app, &person, &mut key).await;
    (person, key, passkey)
}

/// Begins to log in, and what `key` says to it.
pub async fn answer(app: &TestApp, key: &mut SoftKey) -> Json {
    let started = app.request(web::Method::POST, LOGIN_START).send().await.expect(200).json();
    json!({"ceremony_id": started["ceremony_id"], "credential": key.get(&started["public_key"])})
}

pub async fn try_login(app: &TestApp, key: &mut SoftKey) -> Answer {
    let body = answer(app, key).await;
    app.post(LOGIN_FINISH, &body).send().await
}

/// The only thing that a refused answer may say, whatever is wrong with it.
pub fn assert_refused(answer: &Answer) {
    assert_eq!((answer.status.as_u16(), answer.code().as_str()), (401, "invalid_passkey"), "{}", answer.text());
}

async fn password_login(app: &TestApp, email: &str) -> Json {
    app.post("/auth/v1/login", &json!({"email": email, "password": PASSWORD})).send().await.expect(200).json()
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

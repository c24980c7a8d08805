//! A WebAuthn authenticator and its browser in one, which can be told to lie.
use aws_lc_rs::{
    digest::{SHA256, digest},
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value as Json, json};
use web::Method;

use super::{Person, TestApp, person};

/// One ES256 credential, once it was made.
pub struct SoftKey {
    pub pair: EcdsaKeyPair,
    pub credential_id: Vec<u8>,
    pub user_handle: Vec<u8>,
    /// Counts each use; 0 for good when it does not count.
    pub counter: u32,
    pub counts: bool,
    pub verifies_user: bool,
    pub is_backed_up: bool,
    /// What the browser says it is at.
    pub origin: String,
    /// Instead of what the server says.
    pub rp_id: Option<String>,
    /// Instead of `webauthn.create` or `webauthn.get`.
    pub kind: Option<&'static str>,
}

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const BACKUP_ELIGIBLE: u8 = 0x08;
const BACKED_UP: u8 = 0x10;
const HAS_CREDENTIAL: u8 = 0x40;

impl SoftKey {
    /// One that verifies its user, as phones and laptops do, at the tested server's origin.
    pub fn passkey() -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).unwrap();
        let credential_id = digest(&SHA256, pair.public_key().as_ref()).as_ref().to_vec();
        Self {
            pair,
            credential_id,
            user_handle: Vec::new(),
            counter: 0,
            counts: true,
            verifies_user: true,
            is_backed_up: false,
            origin: "http://localhost:8080".into(),
            rp_id: None,
            kind: None,
        }
    }

    /// One that is touched and asks for no PIN.
    pub fn security_key() -> Self {
        Self { verifies_user: false, ..Self::passkey() }
    }

    /// Registers it for someone with a fresh log-in.
    pub async fn register(&mut self, app: &TestApp, person: &Person) -> Json {
        let path = "/auth/v1/passkeys/register";
        let start = app.request(Method::POST, &format!("{path}/start")).bearer(&person.token);
        let started = start.send().await.expect(200).json();
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": self.create(&started["public_key"])});
        app.post(&format!("{path}/finish"), &body).bearer(&person.token).send().await.expect(201).json()
    }

    /// Logs in with it.
    pub async fn log_in(&mut self, app: &TestApp) -> Person {
        let path = "/auth/v1/passkeys/login";
        let started = app.request(Method::POST, &format!("{path}/start")).send().await.expect(200).json();
        let body = json!({"ceremony_id": started["ceremony_id"], "credential": self.get(&started["public_key"])});
        person(&app.post(&format!("{path}/finish"), &body).send().await.expect(200).json())
    }

    /// Someone new with a passkey, logged in with it, and the passkey's id.
    pub async fn holder(app: &TestApp, email: &str) -> (Person, String) {
        // Where its pages are; passkeys are bound to names, and so not to 127.0.0.1.
        let origin = app.server.config.app.public_url.replace("127.0.0.1", "localhost");
        let mut key = Self { origin, ..Self::passkey() };
        let passkey = key.register(app, &app.register(email).await).await;
        (key.log_in(app).await, passkey["id"].as_str().unwrap().to_owned())
    }

    /// `navigator.credentials.create({publicKey: ...})`, then `toJSON()`.
    pub fn create(&mut self, options: &Json) -> Json {
        self.user_handle = URL_SAFE_NO_PAD.decode(options["user"]["id"].as_str().unwrap()).unwrap();
        let rp_id = options["rp"]["id"].as_str().unwrap();
        let id_length = u16::try_from(self.credential_id.len()).unwrap().to_be_bytes();
        let attested = [&[0; 16], &id_length[..], &self.credential_id, &self.cose_key()].concat();
        let authenticator_data = self.authenticator_data(rp_id, HAS_CREDENTIAL, &attested);
        // {"fmt": "none", "attStmt": {}, "authData": bytes}
        let length = u16::try_from(authenticator_data.len()).unwrap().to_be_bytes();
        let attestation =
            [b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59".as_slice(), &length, &authenticator_data].concat();
        let client_data = self.client_data("webauthn.create", options);
        self.answer(&json!({
            "attestationObject": encode(&attestation),
            "authenticatorData": encode(&authenticator_data),
            "clientDataJSON": encode(&client_data),
            "transports": ["internal", "hybrid"],
        }))
    }

    /// `navigator.credentials.get({publicKey: ...})`, then `toJSON()`.
    pub fn get(&mut self, options: &Json) -> Json {
        let authenticator_data = self.authenticator_data(options["rpId"].as_str().unwrap(), 0, &[]);
        let client_data = self.client_data("webauthn.get", options);
        let signed = [authenticator_data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let signature = self.pair.sign(&SystemRandom::new(), &signed).unwrap();
        self.answer(&json!({
            "authenticatorData": encode(&authenticator_data),
            "clientDataJSON": encode(&client_data),
            "signature": encode(signature.as_ref()),
            "userHandle": encode(&self.user_handle),
        }))
    }

    /// Claims the credential of another, without its key.
    pub fn adopt(&mut self, other: &Self) {
        self.credential_id.clone_from(&other.credential_id);
        self.user_handle.clone_from(&other.user_handle);
        self.counter = other.counter + 1;
    }

    fn answer(&self, response: &Json) -> Json {
        let id = encode(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "response": response,
            "authenticatorAttachment": "platform", "clientExtensionResults": {"credProps": {"rk": true}},
        })
    }

    fn authenticator_data(&mut self, rp_id: &str, flags: u8, attested: &[u8]) -> Vec<u8> {
        if self.counts {
            self.counter += 1;
        }
        let flag = |is_set: bool, flag: u8| if is_set { flag } else { 0 };
        let flags = USER_PRESENT
            | flags
            | flag(self.verifies_user, USER_VERIFIED)
            | flag(self.is_backed_up, BACKUP_ELIGIBLE | BACKED_UP);
        let rp_id = self.rp_id.as_deref().unwrap_or(rp_id);
        [digest(&SHA256, rp_id.as_bytes()).as_ref(), &[flags], &self.counter.to_be_bytes(), attested].concat()
    }

    fn client_data(&self, kind: &str, options: &Json) -> Vec<u8> {
        let kind = self.kind.unwrap_or(kind);
        let data =
            json!({"type": kind, "challenge": options["challenge"], "origin": self.origin, "crossOrigin": false});
        data.to_string().into_bytes()
    }

    /// `{1: 2, 3: -7, -1: 1, -2: x, -3: y}`: ES256 on P-256, RFC 9053.
    fn cose_key(&self) -> Vec<u8> {
        let point = self.pair.public_key().as_ref();
        let (x, y) = point[1..].split_at(32);
        [b"\xa5\x01\x02\x03\x26\x20\x01\x21\x58\x20".as_slice(), x, b"\x22\x58\x20", y].concat()
    }
}

fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

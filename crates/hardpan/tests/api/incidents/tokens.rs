//! Access tokens that are not ours: forged, borrowed, of another type, or signed by us and wrong nevertheless.
use aws_lc_rs::{
    hmac,
    signature::{Ed25519KeyPair, KeyPair as _},
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use kernel::{Clock as _, Secret};
use platform::secrets::Keyring;
use serde_json::{Value as Json, json};
use web::Access;

use crate::support::{MASTER_KEY, Targets, TestApp, on_both};

/// The server's own key, taken from its database, and a good token taken apart.
struct Forge {
    pair: Ed25519KeyPair,
    header: Json,
    claims: Json,
}

fn part(token: &str, index: usize) -> Json {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(token.split('.').nth(index).unwrap()).unwrap()).unwrap()
}

fn message(header: &Json, claims: &Json) -> String {
    let encode = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
    format!("{}.{}", encode(header), encode(claims))
}

/// One member changed; null removes it.
fn with(object: &Json, name: &str, value: Json) -> Json {
    let mut object = object.clone();
    let members = object.as_object_mut().unwrap();
    if value.is_null() {
        members.remove(name)
    } else {
        members.insert(name.to_owned(), value)
    };
    object
}

impl Forge {
    async fn of(app: &TestApp, token: &str) -> Self {
        let sql = "SELECT sealed FROM signing_keys";
        let row = app.db.ctx().read(move |_, tx| Box::pin(async move { tx.query_one(sql, &[]).await })).await;
        let sealed: Vec<u8> = row.unwrap().get(0).unwrap();
        let keyring = Keyring::new(Secret::new(STANDARD.decode(MASTER_KEY).unwrap()), None).unwrap();
        let seed = keyring.open("signing_key", b"EdDSA", &sealed).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).unwrap();
        Self { pair, header: part(token, 0), claims: part(token, 1) }
    }

    fn signed(&self, header: &Json, claims: &Json) -> String {
        let message = message(header, claims);
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes())))
    }

    fn claim(&self, name: &str, value: Json) -> String {
        self.signed(&self.header, &with(&self.claims, name, value))
    }

    fn head(&self, name: &str, value: Json) -> String {
        self.signed(&with(&self.header, name, value), &self.claims)
    }

    /// `alg` and a MAC under what everyone knows.
    fn symmetric(&self, algorithm: &str, with_digest: hmac::Algorithm, secret: &[u8]) -> String {
        let message = message(&with(&self.header, "alg", json!(algorithm)), &self.claims);
        let mac = hmac::sign(&hmac::Key::new(with_digest, secret), message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(mac.as_ref()))
    }

    /// By a key of the forger's own, which the header offers.
    fn foreign(&self, name: &str, value: Json) -> String {
        let other = Self { pair: stranger(), header: self.header.clone(), claims: self.claims.clone() };
        other.head(name, value)
    }
}

fn stranger() -> Ed25519KeyPair {
    Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap()
}

async fn refused(app: &TestApp, targets: &Targets, forged: Vec<(String, String)>) {
    for (what, token) in &forged {
        let me = app.get("/auth/v1/me").bearer(token).send().await;
        assert_eq!(me.outcome(), (401, "invalid_token".to_owned()), "{what}");
        // Nor as a cookie, nor in the place of another kind of credential.
        let cookie = app.get("/auth/v1/me").header("cookie", &format!("hardpan_access={token}")).send().await;
        assert_eq!(cookie.status, 401, "{what} as a cookie");
        let refresh = app.post("/auth/v1/refresh", &json!({"refresh_token": token})).send().await;
        assert!([401, 422].contains(&refresh.status.as_u16()), "{what} as a refresh token");
    }
    for route in app.routes().iter().filter(|route| route.access != Access::Public) {
        let nth = route.path.len() % forged.len();
        let (what, token) = &forged[nth];
        let answer = targets.request(app, route).bearer(token).send().await;
        assert_eq!(answer.status, 401, "{} with {what}", route.operation.id);
    }
}

async fn forge(app: &TestApp) -> (Forge, Targets) {
    let admin = app.person("admin@example.com", &["admin"]).await;
    let targets = Targets::new(app, &admin, &admin).await;
    let forge = Forge::of(app, &admin.token).await;
    // It works: what it signs unchanged is taken.
    assert!(app.is_in(&forge.signed(&forge.header, &forge.claims)).await);
    (forge, targets)
}

fn named(what: &str, token: String) -> (String, String) {
    (what.to_owned(), token)
}

/// CVE-2026-22817 and CVE-2026-22818, Hono: the algorithm was the one that a token's header named, so that the public key did as the
/// secret of a MAC. Here it is the one of the key's record.
#[tokio::test(flavor = "multi_thread")]
async fn hono_cve_2026_22817_the_algorithm_is_the_keys_and_never_the_headers() {
    on_both(async |app| {
        let (forge, targets) = forge(&app).await;
        let public = forge.pair.public_key().as_ref().to_vec();
        let x = URL_SAFE_NO_PAD.encode(&public);
        let jwks = app.get("/.well-known/jwks.json").send().await.expect(200);
        let mut forged = Vec::new();
        for algorithm in ["none", "None", "NONE", "nOnE", "", "HS256", "HS512", "RS256", "PS256", "ES256", "ES256K"] {
            let header = with(&forge.header, "alg", json!(algorithm));
            forged.push((format!("{algorithm}, unsigned"), format!("{}.", message(&header, &forge.claims))));
            forged.push((format!("{algorithm}, signed by us"), forge.signed(&header, &forge.claims)));
        }
        forged.push(named("no algorithm", forge.head("alg", Json::Null)));
        forged.push(named("a list of algorithms", forge.head("alg", json!(["EdDSA"]))));
        for (what, secret) in [
            ("the public key", public.as_slice()),
            ("the published key", x.as_bytes()),
            ("the published set", &jwks.body),
            ("nothing", b""),
        ] {
            forged.push((format!("HS256 with {what}"), forge.symmetric("HS256", hmac::HMAC_SHA256, secret)));
            forged.push((format!("HS512 with {what}"), forge.symmetric("HS512", hmac::HMAC_SHA512, secret)));
            forged.push((format!("EdDSA, a MAC with {what}"), forge.symmetric("EdDSA", hmac::HMAC_SHA512, secret)));
        }
        refused(&app, &targets, forged).await;
    })
    .await;
}

/// Keys that a token brings along, or says where to find, are nobody's.
#[tokio::test(flavor = "multi_thread")]
async fn jwt_header_injection_no_token_brings_its_key() {
    on_both(async |app| {
        let (forge, targets) = forge(&app).await;
        let x = URL_SAFE_NO_PAD.encode(stranger().public_key().as_ref());
        let jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": x});
        let mut forged = vec![
            named("jwk", forge.foreign("jwk", jwk.clone())),
            named("jwk of that name", forge.foreign("jwk", with(&jwk, "kid", forge.header["kid"].clone()))),
            named("jku", forge.foreign("jku", json!("https://evil.example/jwks.json"))),
            named("x5u", forge.foreign("x5u", json!("https://evil.example/key.pem"))),
            named("x5c", forge.foreign("x5c", json!([x]))),
            named("another key", forge.foreign("kid", forge.header["kid"].clone())),
            named("something critical", forge.head("crit", json!(["b64"]))),
            named("an unencoded payload", forge.head("b64", json!(false)) + "x"),
        ];
        for kid in ["", "0", "../../../dev/null", "/dev/null", "' OR '1'='1", "x' UNION SELECT 'a", "\0", &x] {
            forged.push((format!("kid {kid:?}"), forge.head("kid", json!(kid))));
            forged.push((format!("kid {kid:?}, another key"), forge.foreign("kid", json!(kid))));
        }
        forged.push(named("no kid", forge.head("kid", Json::Null)));
        forged.push(named("a kid that is a number", forge.head("kid", json!(1))));
        refused(&app, &targets, forged).await;
    })
    .await;
}

/// CVE-2026-25537, the crate `jsonwebtoken` before 10.3: times that are strings were not compared at all. And what was made for others,
/// however well signed.
#[tokio::test(flavor = "multi_thread")]
async fn jsonwebtoken_cve_2026_25537_claims_of_another_type_and_for_others_are_refused() {
    on_both(async |app| {
        let (forge, targets) = forge(&app).await;
        let now = app.db.clock.now().seconds();
        let mut forged = Vec::new();
        for name in ["exp", "iat", "nbf"] {
            for value in [
                json!((now + 60).to_string()),
                json!((now - 60).to_string()),
                json!("soon"),
                json!([now]),
                json!({"at": now}),
                json!(true),
                json!(1e18),
            ] {
                forged.push((format!("{name} {value}"), forge.claim(name, value)));
            }
        }
        for (name, value) in [
            ("exp", json!(now)),
            ("exp", json!(-1)),
            ("exp", Json::Null),
            ("iat", json!(now + 3000)),
            ("iat", Json::Null),
            ("nbf", json!(now + 3000)),
            ("aud", json!("another")),
            ("aud", json!(["tested"])),
            ("aud", json!(["tested", "another"])),
            ("aud", Json::Null),
            ("iss", json!("https://evil.example")),
            ("iss", json!("http://127.0.0.1:8080/")),
            ("iss", json!(["http://127.0.0.1:8080"])),
            ("iss", Json::Null),
            ("sub", Json::Null),
            ("sub", json!(targets.user)),
            ("sub", forge.claims["sid"].clone()),
            ("sid", Json::Null),
            ("sid", json!("ses_01h455vb4pex5vsknk084sn02q")),
        ] {
            forged.push((format!("{name} {value}"), forge.claim(name, value)));
        }
        for kind in [json!("JWT"), json!("id+jwt"), json!("logout+jwt"), json!("application/jwt"), Json::Null] {
            forged.push((format!("typ {kind}"), forge.head("typ", kind)));
        }
        refused(&app, &targets, forged).await;
    })
    .await;
}

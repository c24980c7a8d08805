//! Access tokens: what is accepted, and everything that is not.
use std::time::Duration;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{Lifetimes, Settings};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use kernel::Clock as _;
use serde_json::{Value as Json, json};
use testkit::Engine;

use crate::support::{App, PASSWORD, get, keyring, on_both, post, refresh, settings};

/// The server's own signing key, and a good token taken apart.
struct Forge {
    pair: Ed25519KeyPair,
    header: Json,
    claims: Json,
}

fn part(token: &str, index: usize) -> Json {
    let part = token.split('.').nth(index).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

impl Forge {
    async fn of(app: &App, token: &str) -> Self {
        let sealed: Vec<u8> = app.query("SELECT sealed FROM signing_keys").await[0].get(0).unwrap();
        let seed = keyring().open("signing_key", b"EdDSA", &sealed).unwrap();
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).unwrap();
        Self { pair, header: part(token, 0), claims: part(token, 1) }
    }

    fn signed(&self, header: &Json, claims: &Json) -> String {
        let encode = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = URL_SAFE_NO_PAD.encode(self.pair.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }

    /// A token with one member of the claims changed; null removes it.
    fn claim(&self, name: &str, value: Json) -> String {
        self.signed(&self.header, &changed(&self.claims, name, value))
    }

    fn head(&self, name: &str, value: Json) -> String {
        self.signed(&changed(&self.header, name, value), &self.claims)
    }
}

fn changed(object: &Json, name: &str, value: Json) -> Json {
    let mut object = object.as_object().unwrap().clone();
    if value.is_null() {
        object.remove(name);
    } else {
        object.insert(name.to_owned(), value);
    }
    Json::Object(object)
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_say_what_the_contract_says() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let token = granted.text("access_token");
        let (header, claims) = (part(&token, 0), part(&token, 1));
        assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("EdDSA")));
        let jwks = app.ask(get("/.well-known/jwks.json")).await;
        assert_eq!(header["kid"], jwks.json["keys"][0]["kid"]);
        let now = app.db.clock.now().seconds();
        assert_eq!((&claims["iss"], &claims["aud"]), (&json!("https://notes.example"), &json!("notes")));
        assert_eq!((&claims["iat"], &claims["exp"]), (&json!(now), &json!(now + 3600)));
        assert_eq!(claims["sub"], granted.user_id());
        assert!(claims["sid"].as_str().unwrap().starts_with("ses_"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn claims_that_are_not_ours_are_refused_however_well_signed() {
    on_both(async |app| {
        let token = app.register("ann@example.com").await.text("access_token");
        let bob = app.register("bob@example.com").await;
        let forge = Forge::of(&app, &token).await;
        // The forge works: what it signs unchanged is accepted.
        assert_eq!(app.me(&forge.signed(&forge.header, &forge.claims)).await.status, 200);
        let now = app.db.clock.now().seconds();
        for (what, forged) in [
            ("another audience", forge.claim("aud", json!("other"))),
            ("a list of audiences", forge.claim("aud", json!(["notes"]))),
            ("no audience", forge.claim("aud", Json::Null)),
            ("another issuer", forge.claim("iss", json!("https://notes.example/"))),
            ("a list of issuers", forge.claim("iss", json!(["https://notes.example"]))),
            ("no issuer", forge.claim("iss", Json::Null)),
            ("another's session", forge.claim("sub", json!(bob.user_id()))),
            ("no subject", forge.claim("sub", Json::Null)),
            ("a subject that is no user", forge.claim("sub", forge.claims["sid"].clone())),
            ("no session", forge.claim("sid", Json::Null)),
            ("an unknown session", forge.claim("sid", json!("ses_01h455vb4pex5vsknk084sn02q"))),
            ("expired", forge.claim("exp", json!(now))),
            ("exp as a string", forge.claim("exp", json!((now + 3600).to_string()))),
            ("exp as a fraction", forge.claim("exp", json!(1e18))),
            ("exp past all time", forge.claim("exp", json!(i64::MAX))),
            ("no exp", forge.claim("exp", Json::Null)),
            ("issued tomorrow", forge.claim("iat", json!(now + 3000))),
            ("no iat", forge.claim("iat", Json::Null)),
            ("another type", forge.head("typ", json!("JWT"))),
            ("no type", forge.head("typ", Json::Null)),
            ("an unknown key", forge.head("kid", json!("other"))),
            ("no key", forge.head("kid", Json::Null)),
            ("something critical", forge.head("crit", json!(["b64"]))),
            ("HS256 in the header", forge.head("alg", json!("HS256"))),
            ("ES256 in the header", forge.head("alg", json!("ES256"))),
        ] {
            assert_eq!(app.me(&forged).await.error(), (401, "invalid_token"), "{what}");
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_that_are_not_ours_are_refused() {
    on_both(async |app| {
        let token = app.register("ann@example.com").await.text("access_token");
        let forge = Forge::of(&app, &token).await;
        let unsigned = {
            let header = changed(&forge.header, "alg", json!("none"));
            let encode = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
            format!("{}.{}.", encode(&header), encode(&forge.claims))
        };
        // The public key as the secret of an HMAC, raw and as it is published.
        let hmac = |secret: &[u8]| {
            let mut header = Header::new(Algorithm::HS256);
            header.typ = Some("at+jwt".to_owned());
            header.kid = forge.header["kid"].as_str().map(str::to_owned);
            encode(&header, &forge.claims, &EncodingKey::from_secret(secret)).unwrap()
        };
        let public = forge.pair.public_key().as_ref().to_vec();
        let other = Forge {
            pair: Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap(),
            header: forge.header.clone(),
            claims: forge.claims.clone(),
        };
        let jwk =
            json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(other.pair.public_key().as_ref())});
        let (head, rest) = token.split_once('.').unwrap();
        let (body, signature) = rest.split_once('.').unwrap();
        for (what, forged) in [
            ("none", unsigned.clone()),
            ("none with a signature", format!("{unsigned}{signature}")),
            ("HMAC with the public key", hmac(&public)),
            ("HMAC with the published key", hmac(URL_SAFE_NO_PAD.encode(&public).as_bytes())),
            ("another key", other.signed(&other.header, &other.claims)),
            ("another key that it brings along", other.head("jwk", jwk)),
            ("a key from elsewhere", other.head("jku", json!("https://evil.example/jwks.json"))),
            ("no signature", format!("{head}.{body}.")),
            ("two parts", format!("{head}.{body}")),
            ("four parts", format!("{token}.x")),
            ("padding", format!("{token}==")),
            ("a cut signature", token[..token.len() - 2].to_owned()),
            ("something else", "x".to_owned()),
            ("something long", "x".repeat(5000)),
        ] {
            assert_eq!(app.me(&forged).await.error(), (401, "invalid_token"), "{what}");
        }
        assert_eq!(app.me(&token).await.status, 200);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_was_cached_still_expires() {
    on_both(async |app| {
        let token = app.register("ann@example.com").await.text("access_token");
        assert_eq!(app.me(&token).await.status, 200);
        app.db.clock.advance(Duration::from_secs(3599));
        assert_eq!(app.me(&token).await.status, 200);
        app.db.clock.advance(Duration::from_secs(1));
        assert_eq!(app.me(&token).await.error(), (401, "invalid_token"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token_outlives_its_session() {
    for engine in Engine::BOTH {
        let settings =
            Settings { sessions: Lifetimes { idle: Duration::from_mins(30), ..settings().sessions }, ..settings() };
        let app = App::start_with(engine, settings, Vec::new()).await;
        let token = app.register("ann@example.com").await.text("access_token");
        app.db.clock.advance(Duration::from_mins(30) - Duration::from_micros(1));
        assert_eq!(app.me(&token).await.status, 200);
        app.db.clock.advance(Duration::from_micros(1));
        assert_eq!(app.me(&token).await.error(), (401, "invalid_token"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_that_are_not_active_are_shut_out_everywhere() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        let ctx = app.db.ctx();
        let change = ctx.write(|_, tx| {
            Box::pin(async move { tx.execute("UPDATE users SET state = 'suspended'", &[]).await.map(|_| ()) })
        });
        change.await.unwrap();
        assert_eq!(app.me(&granted.text("access_token")).await.error(), (401, "invalid_token"));
        let refreshed = app.ask(refresh(&granted.text("refresh_token"))).await;
        assert_eq!(refreshed.error(), (401, "invalid_token"));
        let log_in = app.ask(post("/auth/v1/login", json!({"email": "ann@example.com", "password": PASSWORD}))).await;
        assert_eq!(log_in.error(), (401, "invalid_credentials"));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_database_the_answer_is_503_and_never_401() {
    on_both(async |app| {
        let granted = app.register("ann@example.com").await;
        app.db.db.close().await;
        let answer = app.me(&granted.text("access_token")).await;
        assert_eq!(answer.error(), (503, "unavailable"));
        let refreshed = app.ask(refresh(&granted.text("refresh_token"))).await;
        assert_eq!(refreshed.status, 503, "{refreshed:?}");
        let log_out = post("/auth/v1/logout", json!({})).without_body();
        let log_out = app.ask(log_out.bearer(&granted.text("access_token"))).await;
        assert_eq!(log_out.status, 503, "{log_out:?}");
    })
    .await;
}

//! What fuzzing reaches of this crate: the readers of what strangers send. No part of what the crate offers.
use std::time::Duration;

use ::store::Ctx;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Error, Limit, Result, Timestamp, Uuid};
use platform::secrets::Keyring;

use crate::{
    api_keys,
    cursor::Cursors,
    keys::Keys,
    passwords,
    sessions::{Session, Transport},
    tokens::Tokens,
};

const LIST: &str = "fuzz";

/// Readers of one server's tokens, and tokens of one session.
pub struct Readers {
    keys: Keys,
    tokens: Tokens,
    cursors: Cursors,
    session: Session,
    now: Timestamp,
    api_key: String,
}

/// What is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reader {
    Access,
    Refresh,
    Csrf,
    ApiKey,
    Cursor,
}

impl Reader {
    pub const ALL: [Self; 5] = [Self::Access, Self::Refresh, Self::Csrf, Self::ApiKey, Self::Cursor];
}

impl Readers {
    pub async fn new(ctx: &Ctx, keyring: &Keyring) -> Result<Self> {
        let keys = Keys::load(ctx, keyring).await?;
        let (issuer, audience) = ("https://app.example".to_owned(), "app".to_owned());
        let tokens = Tokens::new(keys.clone(), keyring, issuer, audience, Duration::from_mins(15))?;
        let api_key = api_keys::token::generate(ctx.new_id(), ctx.random()).expose().clone();
        let session = session(ctx);
        Ok(Self { keys, tokens, cursors: Cursors::new(keyring)?, session, now: ctx.now(), api_key })
    }

    /// One that is good.
    pub fn good(&self, reader: Reader) -> Result<String> {
        Ok(match reader {
            Reader::Access => self.tokens.issue_access(&self.session, self.now)?.0,
            Reader::Refresh => self.tokens.issue_refresh(&self.session),
            Reader::Csrf => self.tokens.csrf(self.session.id),
            Reader::ApiKey => self.api_key.clone(),
            Reader::Cursor => {
                let page = self.cursors.page(LIST, vec![Uuid::nil(), Uuid::max()], Limit::new(1)?, |id| *id);
                page.next.ok_or_else(|| Error::internal("a page without a next one"))?
            }
        })
    }

    /// Whether `text` is taken. Of an API key only its form is looked at.
    pub fn takes(&self, reader: Reader, text: &str) -> bool {
        match reader {
            Reader::Access => self.tokens.verify_access(text, self.now).is_some(),
            Reader::Refresh => self.tokens.read_refresh(text).is_some(),
            Reader::Csrf => self.tokens.is_csrf(self.session.id, text.as_bytes()),
            Reader::ApiKey => api_keys::token::id(text).is_some(),
            Reader::Cursor => self.cursors.start(LIST, Some(text)).is_ok(),
        }
    }

    /// Whether an access token with this header and these claims is taken, signed as ours are: what verifies is then read.
    pub fn takes_signed(&self, header: &[u8], claims: &[u8]) -> bool {
        let key = self.keys.active();
        let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let signature = jsonwebtoken::crypto::sign(signed.as_bytes(), &key.signing, key.algorithm);
        signature.is_ok_and(|signature| self.takes(Reader::Access, &format!("{signed}.{signature}")))
    }

    /// The name of the key that signs.
    pub fn key(&self) -> &str {
        &self.keys.active().kid
    }

    /// Reads a password's hash as another program wrote it; whether it is one.
    pub fn reads_hash(text: &str) -> bool {
        passwords::foreign::Foreign::parse(text).is_some()
    }

    /// Reads keys as a provider publishes them, and a token it might have signed; whether the token is right.
    #[cfg(feature = "oidc")]
    pub fn takes_of_provider(keys: &str, token: &str, now: Timestamp) -> bool {
        use crate::oauth::{
            id_token::{Expected, Issuers, verify},
            jws,
        };
        let Some(keys) = serde_json::from_str(keys).ok().and_then(|keys| jws::keys(keys).ok()) else { return false };
        let expected = |issuers| Expected { client_id: "app", issuers, nonce: "n", needs_nonce: false, now };
        let issuers = [Issuers::One("https://issuer.example"), Issuers::Tenants("https://issuer.example", None)];
        issuers.into_iter().any(|issuers| matches!(verify(token, &keys, expected(issuers)), Ok(Ok(_))))
    }
}

fn session(ctx: &Ctx) -> Session {
    Session {
        id: ctx.new_id(),
        user_id: ctx.new_id(),
        generation: 1,
        transport: Transport::Bearer,
        proofs: Vec::new(),
        device_id: None,
        user_agent: None,
        address: None,
        place: None,
        last_address: None,
        created_at: ctx.now(),
        last_seen_at: ctx.now(),
        rotated_at: None,
        expires_at: ctx.now().plus(Duration::from_hours(1)),
        revoked_at: None,
    }
}

//! The state of a log-in under way: single-use, and good in the browser alone that began it.
use ::store::{Ctx, Tx};
use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Error, Random, Result, Secret, UserId, Uuid};
use platform::single_use::{Issue, Purpose, SingleUse};

use super::model::Flow;

/// Characters of a random value: 32 bytes.
const LENGTH: usize = 43;

/// 32 random bytes, as they stand in URLs and cookies.
pub(super) fn random(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    URL_SAFE_NO_PAD.encode(bytes)
}

/// What the browser's cookie says, when it can be one of ours.
pub(super) fn browser(cookie: Option<&str>) -> Option<&str> {
    cookie.filter(|value| value.len() == LENGTH && URL_SAFE_NO_PAD.decode(value).is_ok())
}

/// What a verifier answers (RFC 7636, 4.2, S256).
pub(super) fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()))
}

/// Keeps `flow`, and returns its state.
pub(super) async fn begin(
    single_use: &SingleUse,
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    flow: &Flow,
    browser: &str,
    user_id: Option<UserId>,
) -> Result<String> {
    let mut subject = [0; 16];
    ctx.random().fill(&mut subject);
    let payload = serde_json::to_vec(flow).map_err(Error::internal)?;
    let issue = Issue { purpose: Purpose::OAUTH_STATE, user_id, payload: &payload };
    // The secret is the browser's cookie: whoever sees the state alone, in a log or a referrer, has nothing.
    single_use.issue_about(tx, ctx, issue, Uuid::from_bytes(subject), browser.as_bytes()).await?;
    Ok(URL_SAFE_NO_PAD.encode(subject))
}

/// What was kept, once (CVE-2025-46815). From another browser it is used up, too.
pub(super) async fn take(
    single_use: &SingleUse,
    tx: &mut Tx<'_>,
    ctx: &Ctx,
    state: &str,
    browser: &str,
) -> Result<Option<Flow>> {
    let Some(subject) = URL_SAFE_NO_PAD.decode(state).ok().and_then(|bytes| Uuid::from_slice(&bytes).ok()) else {
        return Ok(None);
    };
    let payload: Option<Secret<Vec<u8>>> =
        single_use.consume(tx, ctx, Purpose::OAUTH_STATE, subject, browser.as_bytes()).await?;
    payload.map(|payload| serde_json::from_slice(payload.expose()).map_err(Error::internal)).transpose()
}

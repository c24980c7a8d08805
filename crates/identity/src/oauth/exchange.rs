//! From a code to a person: the token endpoint, the ID token, and what of the person is told elsewhere.
use ::store::Ctx;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::{Code, Error, Result};
use openidconnect::url::form_urlencoded;
use serde::Deserialize;
use web::{Outbound, Request, StatusCode, header};

use super::{
    github,
    id_token::{self, Claims, Expected, Issuers},
    model::{Flow, Person, ProviderKind},
    providers::{Found, Known, get, send, silent},
};

#[derive(Deserialize)]
struct Tokens {
    access_token: Option<String>,
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
    name: Option<String>,
}

/// Trades `code` for who it was issued about. Errors: 401 `identity_refused`; 503.
pub(super) async fn person(
    ctx: &Ctx,
    outbound: &Outbound,
    known: &Known,
    flow: &Flow,
    code: &str,
    callback: &str,
) -> Result<Person> {
    let provider = &known.provider;
    let found = known.found(ctx, outbound, false).await?;
    let tokens = trade(
        outbound,
        known,
        &found,
        &[("code", code), ("redirect_uri", callback), ("code_verifier", &flow.verifier)],
    )
    .await?;
    let access_token = tokens.access_token.ok_or_else(|| refused("no access token came"))?;
    if let ProviderKind::GitHub { url } = &provider.kind {
        return github::person(outbound, &provider.name, url, &access_token).await;
    }
    let id_token = tokens.id_token.ok_or_else(|| refused("no ID token came"))?;
    let expected = Expected {
        client_id: &provider.client_id,
        issuers: known.issuers(),
        nonce: &flow.nonce,
        needs_nonce: known.needs_nonce(),
        now: ctx.now(),
    };
    let mut claims = if let Ok(claims) = id_token::verify(&id_token, &found.keys, expected)? {
        claims
    } else {
        let newer = known.found(ctx, outbound, true).await?;
        id_token::verify(&id_token, &newer.keys, expected)?.map_err(|_| refused("no key of the provider signed it"))?
    };
    if claims.email.is_none()
        && let Some(url) = &found.userinfo
    {
        fill_in(&mut claims, get(outbound, url, Some(&access_token)).await?, known.issuers())?;
    }
    Ok(Person {
        provider: provider.name.clone(),
        issuer: claims.issuer,
        subject: claims.subject,
        email: claims.email,
        is_email_verified: claims.is_email_verified,
        name: claims.name,
    })
}

/// Fills in what the ID token left out. It must be about the same person (OpenID Connect Core, 5.3.2).
fn fill_in(claims: &mut Claims, told: UserInfo, issuers: Issuers<'_>) -> Result<()> {
    if told.sub != claims.subject {
        return Err(refused("the provider told of another person"));
    }
    claims.email = told.email;
    // People of a tenant have the address that it writes for them, and the ID token alone says whether that is proven.
    claims.is_email_verified = told.email_verified && matches!(issuers, Issuers::One(_));
    claims.name = claims.name.take().or(told.name);
    Ok(())
}

async fn trade(outbound: &Outbound, known: &Known, found: &Found, fields: &[(&str, &str)]) -> Result<Tokens> {
    let answer = send(outbound, request(known, found, fields)?).await?;
    match answer.status() {
        StatusCode::OK => serde_json::from_slice(answer.body()).map_err(silent),
        status if status.is_client_error() => {
            // Its body may repeat what was sent, so the status alone is told.
            tracing::warn!(provider = known.provider.name, %status, "the provider refused a code");
            Err(refused(format!("the token endpoint answered {status}")))
        }
        status => Err(silent(format!("the token endpoint answered {status}"))),
    }
}

fn request(known: &Known, found: &Found, fields: &[(&str, &str)]) -> Result<Request<Vec<u8>>> {
    let provider = &known.provider;
    let mut body = form_urlencoded::Serializer::new(String::new());
    body.append_pair("grant_type", "authorization_code").extend_pairs(fields);
    let mut request = Request::post(&found.token)
        .header(header::ACCEPT, "application/json")
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    match &provider.client_secret {
        Some(secret) if found.is_basic => {
            // Both are written as in a form first (RFC 6749, 2.3.1).
            let part = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
            let both = format!("{}:{}", part(&provider.client_id), part(secret.expose()));
            request = request.header(header::AUTHORIZATION, format!("Basic {}", STANDARD.encode(both)));
        }
        Some(secret) => {
            body.append_pair("client_id", &provider.client_id).append_pair("client_secret", secret.expose());
        }
        None => {
            body.append_pair("client_id", &provider.client_id);
        }
    }
    request.body(body.finish().into_bytes()).map_err(Error::internal)
}

fn refused(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Error {
    Error::new(Code::IdentityRefused).with_source(why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_is_not_believed_that_an_address_is_proven() {
        for (issuers, is_believed) in [
            (Issuers::One("https://login.example"), true),
            (Issuers::Tenants("https://login.example", None), false),
            (Issuers::Tenants("https://login.example", Some("x")), false),
        ] {
            let (issuer, subject) = ("https://login.example".to_owned(), "ann".to_owned());
            let mut claims = Claims { issuer, subject, email: None, is_email_verified: false, name: None };
            let email = Some("ann@example.com".to_owned());
            let told = |sub: &str| UserInfo { sub: sub.into(), email: email.clone(), email_verified: true, name: None };
            assert!(fill_in(&mut claims, told("eve"), issuers).is_err());
            fill_in(&mut claims, told("ann"), issuers).unwrap();
            assert_eq!((&claims.email, claims.is_email_verified), (&email, is_believed));
        }
    }
}

//! GitHub: OAuth 2 without ID tokens. Who someone is comes from its API, by a number that never changes.
use kernel::Result;
use openidconnect::core::CoreJsonWebKeySet;
use serde::Deserialize;
use web::Outbound;

use super::{
    model::Person,
    providers::{Found, get},
};

pub(super) const URL: &str = "https://github.com";

#[derive(Deserialize)]
struct User {
    id: u64,
    name: Option<String>,
}

#[derive(Deserialize)]
struct Email {
    #[serde(rename = "email")]
    address: String,
    primary: bool,
    verified: bool,
}

/// Where GitHub, or a server of one's own, is asked what.
pub(super) fn found(url: &str) -> Found {
    Found {
        authorization: format!("{url}/login/oauth/authorize"),
        token: format!("{url}/login/oauth/access_token"),
        userinfo: None,
        names_issuer: false,
        is_basic: false,
        keys: CoreJsonWebKeySet::new(Vec::new()),
    }
}

/// Whose access token this is; of the addresses the primary one counts, and only GitHub's word that it is verified. Errors: 503.
pub(super) async fn person(outbound: &Outbound, provider: &str, url: &str, token: &str) -> Result<Person> {
    let api = if url == URL { "https://api.github.com".to_owned() } else { format!("{url}/api/v3") };
    let user: User = get(outbound, &format!("{api}/user"), Some(token)).await?;
    let emails: Vec<Email> = get(outbound, &format!("{api}/user/emails"), Some(token)).await?;
    let primary = emails.into_iter().find(|email| email.primary);
    Ok(Person {
        provider: provider.to_owned(),
        issuer: url.to_owned(),
        subject: user.id.to_string(),
        is_email_verified: primary.as_ref().is_some_and(|email| email.verified),
        email: primary.map(|email| email.address),
        name: user.name,
    })
}

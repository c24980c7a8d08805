//! Types of the log-in by others.
use kernel::{IdentityId, Secret, Timestamp, UserId};
use serde::{Deserialize, Serialize};

/// What the app file says of log-in by others.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    pub providers: Vec<Provider>,
    /// Where people may be sent afterwards, besides the root of the app: whole URLs.
    pub redirects: Vec<String>,
}

/// A provider that people may log in with.
#[derive(Clone, Debug)]
pub struct Provider {
    /// As paths name it.
    pub name: String,
    pub kind: ProviderKind,
    pub client_id: String,
    pub client_secret: Option<Secret<String>>,
}

/// How a provider is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// OpenID Connect; whatever it publishes is read below the issuer.
    Oidc { issuer: String },
    /// The same, but its tokens have no nonce.
    LinkedIn { issuer: String },
    /// A tenant's id, or `common`, `organizations` or `consumers`: each tenant is an issuer of its own.
    Microsoft { tenant: String },
    /// OAuth 2 without ID tokens; `https://github.com` or a server of one's own.
    GitHub { url: String },
}

impl Provider {
    /// The well-known ones by their names, and any other by its issuer. `place`: the issuer, a Microsoft tenant, or where GitHub is.
    pub fn new(name: String, place: String, client_id: String, client_secret: Option<Secret<String>>) -> Self {
        let kind = match name.as_str() {
            "microsoft" => ProviderKind::Microsoft { tenant: place },
            "github" => ProviderKind::GitHub { url: place },
            "linkedin" => ProviderKind::LinkedIn { issuer: place },
            _ => ProviderKind::Oidc { issuer: place },
        };
        Self { name, kind, client_id, client_secret }
    }
}

/// Who someone is, as a provider vouches for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Person {
    pub provider: String,
    pub issuer: String,
    pub subject: String,
    pub email: Option<String>,
    /// Whether the provider knows that the address is theirs.
    pub is_email_verified: bool,
    pub name: Option<String>,
}

/// A log-in under way; sealed in its state.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct Flow {
    pub provider: String,
    pub nonce: String,
    /// Of PKCE, RFC 7636.
    pub verifier: String,
    pub redirect_to: String,
    /// Of the app that fetches the tokens with a code, RFC 7636; without one the browser is given cookies.
    pub challenge: Option<String>,
    /// The account to link, instead of logging in.
    pub link: Option<String>,
}

/// What the callback was given.
#[derive(Default)]
pub(super) struct Returned {
    pub code: Option<String>,
    pub error: Option<String>,
    pub issuer: Option<String>,
}

/// A log-in that waits to be fetched by the app with its code.
#[derive(Deserialize, Serialize)]
pub(super) struct Fetched {
    pub user_id: String,
    pub challenge: String,
}

/// A stored identity.
pub(super) struct Stored {
    pub id: IdentityId,
    pub user_id: UserId,
}

/// What people see of an identity.
#[derive(Clone, Debug, Serialize)]
pub struct IdentityView {
    pub id: IdentityId,
    pub provider: String,
    pub issuer: String,
    pub email: Option<String>,
    pub created_at: Timestamp,
    pub last_used_at: Timestamp,
}

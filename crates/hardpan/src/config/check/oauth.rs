//! Log-in with providers: where it may lead, and clients that are half there.
use super::Subject;
use crate::config::{finding::Finding, url};

const REDIRECTS: &str = "oauth.redirects";
const TENANT: &str = "oauth.microsoft.tenant";
const NAMES: [&str; 4] = ["google", "github", "linkedin", "microsoft"];

pub fn check(Subject { profile, settings, .. }: Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for link in settings.list(REDIRECTS).unwrap_or_default() {
        if let Some(fault) = fault(link) {
            let fix = "write each in full, as https://app.example.com/welcome";
            findings.push(Finding::error(REDIRECTS, format!("contains {link:?}, which {fault}"), fix));
        } else if profile.is_exposed() && url::Url::split(link).is_some_and(|url| url.scheme != "https") {
            let reason = format!("contains {link:?}: over http, log-ins can be read on their way");
            findings.push(Finding::error(REDIRECTS, reason, "use https"));
        }
    }
    if let Some(tenant) = settings.text(TENANT).filter(|tenant| !is_tenant(tenant)) {
        let fix = "write the tenant's id, a GUID, or common, organizations or consumers";
        findings.push(Finding::error(TENANT, format!("is {tenant:?}, which no ID token names"), fix));
    }
    for name in NAMES {
        let [id, secret] = ["client_id", "client_secret"].map(|key| format!("oauth.{name}.{key}"));
        let (missing, there) = match (settings.text(&id), settings.text(&secret)) {
            (Some(_), None) => (secret, id),
            (None, Some(_)) => (id, secret),
            _ => continue,
        };
        findings.push(Finding::error(missing, format!("is missing, and {there} is there"), "set both, or neither"));
    }
    findings
}

/// By its domain Microsoft would lead people to a tenant, and their tokens would name its id.
fn is_tenant(text: &str) -> bool {
    let is_guid = text.split('-').map(str::len).eq([8, 4, 4, 4, 12])
        && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    is_guid || ["common", "organizations", "consumers"].iter().any(|name| text.eq_ignore_ascii_case(name))
}

#[cfg(feature = "oidc")]
fn fault(link: &str) -> Option<&'static str> {
    identity::oauth::redirect_fault(link)
}

#[cfg(not(feature = "oidc"))]
#[expect(clippy::unnecessary_wraps, reason = "with providers there are good ones")]
const fn fault(_: &str) -> Option<&'static str> {
    Some("leads nowhere: this program was built without log-in by providers")
}

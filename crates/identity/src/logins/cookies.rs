//! The three cookies of a session: two that scripts cannot read, and the token that they must echo. A fourth knows the device again.
use std::time::Duration;

use kernel::Result;
use web::{Cookie, Reply};

/// As long as browsers keep a cookie: 400 days.
const DEVICE_SECONDS: u64 = 400 * 24 * 3600;

/// What the cookies are called here.
#[derive(Clone, Debug)]
pub struct CookieNames {
    pub access: String,
    pub refresh: String,
    pub csrf: String,
    pub device: String,
    is_secure: bool,
}

/// What the cookies say.
pub(super) struct Values<'a> {
    pub access: &'a str,
    pub access_ttl: Duration,
    pub refresh: &'a str,
    pub csrf: &'a str,
    pub refresh_ttl: Duration,
}

impl CookieNames {
    /// Browsers take neither `Secure` nor the `__Host-` prefix over plain http, which is served on loopback alone.
    pub(crate) fn of_url(public_url: &str) -> Self {
        let is_secure = !is_loopback_http(public_url);
        let name = |name: &str| if is_secure { format!("__Host-hardpan_{name}") } else { format!("hardpan_{name}") };
        Self { access: name("access"), refresh: name("refresh"), csrf: name("csrf"), device: name("device"), is_secure }
    }

    pub(super) fn set(&self, reply: Reply, values: &Values<'_>) -> Result<Reply> {
        let refresh_ttl = values.refresh_ttl.as_secs();
        reply
            .cookie(&self.cookie(&self.access, values.access, values.access_ttl.as_secs(), true))?
            .cookie(&self.cookie(&self.refresh, values.refresh, refresh_ttl, true))?
            .cookie(&self.cookie(&self.csrf, values.csrf, refresh_ttl, false))
    }

    pub(super) fn clear(&self, reply: Reply) -> Result<Reply> {
        reply
            .cookie(&self.cookie(&self.access, "", 0, true))?
            .cookie(&self.cookie(&self.refresh, "", 0, true))?
            .cookie(&self.cookie(&self.csrf, "", 0, false))
    }

    /// What the device is known by from now on; it outlives the session.
    pub(super) fn set_device(&self, reply: Reply, token: &str) -> Result<Reply> {
        reply.cookie(&self.cookie(&self.device, token, DEVICE_SECONDS, true))
    }

    /// What binds a log-in with a provider to its browser.
    #[cfg(feature = "oidc")]
    pub(crate) fn oauth(&self, value: &str, max_age: u64) -> Cookie {
        self.cookie(&self.access.replace("access", "oauth"), value, max_age, true)
    }

    fn cookie(&self, name: &str, value: &str, max_age: u64, is_http_only: bool) -> Cookie {
        Cookie { name: name.to_owned(), value: value.to_owned(), max_age, is_http_only, is_secure: self.is_secure }
    }
}

fn is_loopback_http(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_http_loses_the_prefix() {
        for url in ["http://127.0.0.1:8080", "http://localhost", "http://app.localhost:1/x", "http://[::1]:8080"] {
            assert_eq!(CookieNames::of_url(url).access, "hardpan_access", "{url}");
        }
        for url in ["https://localhost", "https://example.com", "http://example.com", "http://localhost.example.com"] {
            let names = CookieNames::of_url(url);
            assert_eq!((names.refresh.as_str(), names.is_secure), ("__Host-hardpan_refresh", true), "{url}");
        }
    }

    #[test]
    fn scripts_read_the_csrf_cookie_alone() {
        let values = Values {
            access: "a",
            access_ttl: Duration::from_mins(1),
            refresh: "r",
            csrf: "c",
            refresh_ttl: Duration::from_mins(10),
        };
        let reply = CookieNames::of_url("https://example.com").set(Reply::no_content(), &values).unwrap();
        let cookies: Vec<_> = reply.headers.iter().map(|(_, value)| value.to_str().unwrap()).collect();
        assert_eq!(
            cookies,
            [
                "__Host-hardpan_access=a; Path=/; Max-Age=60; SameSite=Lax; HttpOnly; Secure",
                "__Host-hardpan_refresh=r; Path=/; Max-Age=600; SameSite=Lax; HttpOnly; Secure",
                "__Host-hardpan_csrf=c; Path=/; Max-Age=600; SameSite=Lax; Secure",
            ]
        );
    }
}

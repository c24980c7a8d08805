//! Addresses of other systems, taken apart as far as the checks need.
use std::net::IpAddr;

/// The parts of `scheme://user:password@host:port/path?query`, still percent-encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Url<'a> {
    pub scheme: &'a str,
    pub user: Option<&'a str>,
    pub password: Option<&'a str>,
    /// Without the brackets of an IPv6 address; a comma-separated list where a driver takes several.
    pub host: &'a str,
    /// Text after the last colon; not checked to be a number.
    pub port: Option<&'a str>,
    /// With its slash; empty when there is none.
    pub path: &'a str,
    pub query: &'a str,
}

impl<'a> Url<'a> {
    pub fn split(text: &'a str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.find('/').map_or((rest, ""), |slash| rest.split_at(slash));
        let (credentials, place) = authority.rsplit_once('@').map_or((None, authority), |(c, p)| (Some(c), p));
        let (user, password) = match credentials {
            None => (None, None),
            Some(both) => both.split_once(':').map_or((Some(both), None), |(user, word)| (Some(user), Some(word))),
        };
        let (host, port) = match place.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
            Some((host, port)) => (host, port.strip_prefix(':')),
            None => place.rsplit_once(':').map_or((place, None), |(host, port)| (host, Some(port))),
        };
        Some(Self { scheme, user, password, host, port, path, query })
    }

    /// The first value of a query parameter.
    pub fn parameter(&self, name: &str) -> Option<&'a str> {
        self.query
            .split('&')
            .filter_map(|pair| pair.split_once('='))
            .find(|(key, _)| *key == name)
            .map(|(_, value)| value)
    }
}

/// Whether a host is this machine for certain. An empty one is: drivers then use a local socket.
pub fn is_loopback(host: &str) -> bool {
    host.is_empty()
        || host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// What keeps `text` from being `http(s)://host[:port]` and nothing more; `None` when it is.
pub fn base_fault(text: &str) -> Option<&'static str> {
    let Some(url) = Url::split(text) else { return Some("is not a web address") };
    if !matches!(url.scheme, "http" | "https") {
        return Some("begins with neither http:// nor https://");
    }
    if url.user.is_some() {
        return Some("contains a user name");
    }
    let is_host = |host: &str| {
        host.parse::<IpAddr>().is_ok()
            || (!host.is_empty()
                && host.split('.').all(|label| !label.is_empty())
                && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte)))
    };
    if !is_host(url.host) {
        return Some("has no valid host name");
    }
    if url.port.is_some_and(|port| port.parse::<u16>().is_err()) {
        return Some("has a port that is not a number up to 65535");
    }
    if !url.path.is_empty() || !url.query.is_empty() || text.ends_with(['?', '#']) {
        return Some("has something after the host and port");
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_found() {
        let url = Url::split("postgres://ann:s3:c@db.example.com:5432/app?sslmode=require&x=1").unwrap();
        assert_eq!((url.scheme, url.user, url.password), ("postgres", Some("ann"), Some("s3:c")));
        assert_eq!((url.host, url.port, url.path), ("db.example.com", Some("5432"), "/app"));
        assert_eq!((url.parameter("sslmode"), url.parameter("none")), (Some("require"), None));
        assert_eq!(Url::split("redis://[::1]:6379").map(|url| (url.host, url.port)), Some(("::1", Some("6379"))));
        assert_eq!(Url::split("sqlite:data/app.db"), None);
    }

    #[test]
    fn bases_are_scheme_host_and_port_alone() {
        for text in ["http://localhost", "https://a.example.com:8443", "http://127.0.0.1:8080", "http://[::1]:80"] {
            assert_eq!(base_fault(text), None, "{text}");
        }
        for text in [
            "",
            "example.com",
            "ftp://example.com",
            "https://",
            "https://u@example.com",
            "https://a..b",
            "https://a b",
            "https://example.com:99999",
            "https://example.com/api",
            "https://example.com?x=1",
            "https://*.example.com",
        ] {
            assert!(base_fault(text).is_some(), "{text}");
        }
    }

    #[test]
    fn loopback_is_recognised() {
        for (host, expected) in
            [("localhost", true), ("127.9.9.9", true), ("::1", true), ("", true), ("10.0.0.1", false), ("db", false)]
        {
            assert_eq!(is_loopback(host), expected, "{host}");
        }
    }
}

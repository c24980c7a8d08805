//! The server a URL means.
use http::{HeaderValue, Uri};

use super::client::Fault;

/// Where a request goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Target {
    pub is_tls: bool,
    /// A name or an address; IPv6 without its brackets.
    pub host: String,
    pub port: u16,
    /// What the `Host` header says.
    pub authority: HeaderValue,
    /// Path and query.
    pub path: Uri,
}

impl Target {
    /// Errors: not an absolute http or https URL, or one with a name and a password in it.
    pub fn of(url: &Uri) -> Result<Self, Fault> {
        let is_tls = match url.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(Fault::Url("is neither http nor https")),
        };
        let authority = url.authority().ok_or(Fault::Url("names no host"))?;
        if authority.as_str().contains('@') {
            // What stands before it looks like the host and is none.
            return Err(Fault::Url("has credentials in it"));
        }
        let host = authority.host();
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        if host.is_empty() {
            return Err(Fault::Url("names no host"));
        }
        let has_port = authority.as_str().len() > authority.host().len();
        let port = match (authority.port_u16(), has_port) {
            (Some(port), _) if port != 0 => port,
            (None, false) if is_tls => 443,
            (None, false) => 80,
            _ => return Err(Fault::Url("has a port that is none")),
        };
        let header = HeaderValue::from_str(authority.as_str()).map_err(|_| Fault::Url("has a host that is none"))?;
        let path = url.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let path = path.parse().map_err(|_| Fault::Url("has a path that is none"))?;
        Ok(Self { is_tls, host: host.to_owned(), port, authority: header, path })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Result<(bool, String, u16), Fault> {
        Target::of(&url.parse().unwrap()).map(|target| (target.is_tls, target.host, target.port))
    }

    #[test]
    fn hosts_and_ports() {
        for (url, expected) in [
            ("https://a.example/x?y", (true, "a.example", 443)),
            ("http://a.example", (false, "a.example", 80)),
            ("https://a.example:8443/", (true, "a.example", 8443)),
            ("https://[::ffff:127.0.0.1]/", (true, "::ffff:127.0.0.1", 443)),
            ("https://[2606:4700::1111]:8443", (true, "2606:4700::1111", 8443)),
        ] {
            assert_eq!(target(url).unwrap(), (expected.0, expected.1.to_owned(), expected.2), "{url}");
        }
    }

    #[test]
    fn what_is_no_target() {
        for url in [
            "/path",
            "ftp://a.example/",
            "a.example:443",
            "https://good.example@evil.example/",
            "https://u:p@a.example/",
        ] {
            assert!(target(url).is_err(), "{url}");
        }
    }
}

//! In development only local host names are served: by a foreign one web pages reach a developer's machine (DNS rebinding).
use std::net::IpAddr;

use http::{HeaderMap, Uri, header, uri::Authority};
use kernel::{Code, Error, Result};

/// Errors: 400 `foreign_host` when the request names a host that is not this machine. Naming none is fine: browsers do.
pub(crate) fn check_local(uri: &Uri, headers: &HeaderMap) -> Result<()> {
    let is_foreign_target = uri.authority().is_some_and(|target| !is_local(target));
    let mut named = headers.get_all(header::HOST).iter().map(|host| Authority::try_from(host.as_bytes()));
    if is_foreign_target || named.any(|host| host.map_or(true, |host| !is_local(&host))) {
        return Err(Error::new(Code::ForeignHost));
    }
    Ok(())
}

fn is_local(authority: &Authority) -> bool {
    let host = authority.host().to_ascii_lowercase();
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host);
    !authority.as_str().contains('@')
        && (host == "localhost"
            || host.ends_with(".localhost")
            || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback()))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn is_served(host: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::HOST, HeaderValue::from_bytes(host.as_bytes()).unwrap())]);
        check_local(&Uri::from_static("/"), &headers).is_ok()
    }

    #[test]
    fn local_names_are_served() {
        for host in
            ["localhost", "LOCALHOST:8080", "app.localhost", "127.0.0.1:8080", "127.1.2.3", "[::1]", "[::1]:8080"]
        {
            assert!(is_served(host), "{host}");
        }
        assert!(check_local(&Uri::from_static("/"), &HeaderMap::new()).is_ok());
    }

    #[test]
    fn foreign_ones_are_not() {
        for host in
            ["", "evil.example", "localhost.evil.example", "10.0.0.1", "[::2]", "localhost@evil", "a@localhost", "é"]
        {
            assert!(!is_served(host), "{host}");
        }
        assert!(check_local(&Uri::from_static("http://evil.example/"), &HeaderMap::new()).is_err());
    }
}

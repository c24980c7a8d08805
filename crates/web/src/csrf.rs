//! Requests that browsers make for others: known origins, and the token that a write with cookies must echo.
use http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use kernel::{Code, Error, Result};

pub const TOKEN_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The origins whose pages may write: the server's own and those listed for CORS.
#[derive(Debug)]
pub struct Origins {
    own: Vec<String>,
    listed: Vec<String>,
}

impl Origins {
    /// At home (`is_local`) this machine's other names count as the server's own.
    ///
    /// Errors: internal when one of them is not an http or https origin; wildcards are none.
    pub fn new(public_url: &str, listed: &[String], is_local: bool) -> Result<Self> {
        let listed = listed.iter().map(|origin| normalise(origin)).collect::<Result<_>>()?;
        let mut own = vec![normalise(public_url)?];
        let port = public_url.parse::<Uri>().ok().and_then(|url| url.port_u16()).unwrap_or(80);
        if is_local {
            let names = ["localhost", "127.0.0.1", "[::1]"].map(|name| normalise(&format!("http://{name}:{port}")));
            own.extend(names.into_iter().collect::<Result<Vec<_>>>()?);
        }
        Ok(Self { own, listed })
    }

    /// Whether pages of `origin` may read answers (CORS).
    pub fn is_listed(&self, origin: &HeaderValue) -> bool {
        self.listed.iter().any(|listed| origin == listed.as_str())
    }

    pub fn has_listed(&self) -> bool {
        !self.listed.is_empty()
    }

    fn is_known(&self, origin: &HeaderValue) -> bool {
        self.own.iter().any(|own| origin == own.as_str()) || self.is_listed(origin)
    }
}

/// As browsers write an `Origin`: lower case, no default port, no path.
fn normalise(url: &str) -> Result<String> {
    let refused = || Error::internal(format!("{url} is not an http or https origin"));
    let uri: Uri = url.parse().map_err(|_| refused())?;
    let (Some(scheme @ ("http" | "https")), Some(host)) = (uri.scheme_str(), uri.host()) else { return Err(refused()) };
    if host.is_empty() || host.contains('*') {
        return Err(refused());
    }
    let host = host.to_ascii_lowercase();
    match (scheme, uri.port_u16()) {
        (_, None) | ("http", Some(80)) | ("https", Some(443)) => Ok(format!("{scheme}://{host}")),
        (_, Some(port)) => Ok(format!("{scheme}://{host}:{port}")),
    }
}

/// Errors: 403 `csrf_failed` when a browser says that the page of another origin asks. Programs that send no `Origin` pass.
pub fn check_origin(origins: &Origins, headers: &HeaderMap) -> Result<()> {
    let mut sent = headers.get_all(header::ORIGIN).iter();
    let is_known = match (sent.next(), sent.next()) {
        (None, _) => headers.get(FETCH_SITE).is_none_or(|site| site != "cross-site"),
        (Some(origin), None) => origins.is_known(origin),
        (Some(_), Some(_)) => false,
    };
    if is_known { Ok(()) } else { Err(Error::new(Code::CsrfFailed)) }
}

/// What the request echoes; empty when it echoes nothing.
pub fn sent_token(headers: &HeaderMap) -> &[u8] {
    headers.get(TOKEN_HEADER).map(HeaderValue::as_bytes).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origins() -> Origins {
        Origins::new("https://App.example:443/base", &["http://localhost:3000/".into()], false).unwrap()
    }

    fn passes(headers: &[(HeaderName, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(name, HeaderValue::from_static(value));
        }
        check_origin(&origins(), &map).is_ok()
    }

    #[test]
    fn known_origins_pass() {
        assert!(passes(&[]));
        assert!(passes(&[(header::ORIGIN, "https://app.example")]));
        assert!(passes(&[(header::ORIGIN, "http://localhost:3000"), (FETCH_SITE, "cross-site")]));
        assert!(passes(&[(FETCH_SITE, "same-origin")]));
    }

    #[test]
    fn foreign_ones_do_not() {
        for origin in [
            "null",
            "",
            "https://evil.example",
            "http://app.example",
            "https://app.example.evil.example",
            "https://app.example:8443",
        ] {
            assert!(!passes(&[(header::ORIGIN, origin)]), "{origin}");
        }
        assert!(!passes(&[(FETCH_SITE, "cross-site")]));
        assert!(!passes(&[(header::ORIGIN, "https://app.example"), (header::ORIGIN, "https://evil.example")]));
    }

    #[test]
    fn at_home_every_name_of_this_machine_is_its_own() {
        let is_known = |is_local, origin| {
            let origins = Origins::new("http://127.0.0.1:8080", &[], is_local).unwrap();
            origins.is_known(&HeaderValue::from_static(origin))
        };
        assert!(is_known(true, "http://localhost:8080"));
        assert!(!is_known(true, "http://localhost:8081"));
        assert!(!is_known(false, "http://localhost:8080"));
    }

    #[test]
    fn only_origins_are_listed() {
        for origin in ["*", "https://*.example", "ftp://a", "example.com", "null", ""] {
            assert!(Origins::new("http://localhost", &[origin.into()], false).is_err(), "{origin}");
        }
    }
}

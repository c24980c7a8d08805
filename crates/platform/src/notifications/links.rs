//! Links that leave the server: from the configured public address alone, never from what a request says.
use std::fmt::Write as _;

use kernel::Secret;

/// Makes links. No request, header or context comes near it.
#[derive(Clone, Debug)]
pub struct Links {
    public_url: String,
}

impl Links {
    /// `public_url`: scheme, host and port, no slash at the end.
    pub(super) const fn new(public_url: String) -> Self {
        Self { public_url }
    }

    /// `path` begins with a slash. A token goes into the fragment, which browsers do not send: it stays out of logs of servers and
    /// proxies, and out of `Referer`.
    pub fn to(&self, path: &str, token: Option<&Secret<String>>) -> String {
        let mut link = format!("{}/{}", self.public_url, path.trim_start_matches('/'));
        if let Some(token) = token {
            link.push_str("#token=");
            for byte in token.expose().bytes() {
                if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                    link.push(char::from(byte));
                } else {
                    // Writing to a String cannot fail.
                    let _ = write!(link, "%{byte:02X}");
                }
            }
        }
        link
    }

    pub fn public_url(&self) -> &str {
        &self.public_url
    }
}

/// The host of a public address, without its port.
pub fn host(public_url: &str) -> &str {
    let rest = public_url.split_once("://").map_or(public_url, |(_, rest)| rest);
    match rest.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => rest.split(':').next().unwrap_or(rest),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_stay_on_the_public_address() {
        let links = Links::new("https://notes.example.com".to_owned());
        let token = Secret::new("a-b_c+/=".to_owned());
        assert_eq!(links.to("/verify", Some(&token)), "https://notes.example.com/verify#token=a-b_c%2B%2F%3D");
        for path in ["evil.example", "//evil.example", "/@evil.example"] {
            assert!(links.to(path, None).starts_with("https://notes.example.com/"), "{path}");
        }
        assert!(!links.to("//evil.example", None)[8..].contains("//"));
    }

    #[test]
    fn hosts() {
        for (url, host) in
            [("https://a.example", "a.example"), ("http://127.0.0.1:8080", "127.0.0.1"), ("http://[::1]:80", "::1")]
        {
            assert_eq!(super::host(url), host);
        }
    }
}

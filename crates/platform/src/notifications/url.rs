//! `mail.url`: how mail leaves.
use std::{net::IpAddr, path::PathBuf};

use kernel::Secret;

/// How mail leaves.
#[derive(Clone, Debug)]
pub enum MailUrl {
    /// `log:`: it does not; the log shows it.
    Log,
    /// `file:FOLDER`: one file a message.
    Folder(PathBuf),
    /// `smtp://` and `smtps://`.
    Smtp(Server),
}

/// A mail server.
#[derive(Clone, Debug)]
pub struct Server {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// Name and password.
    pub credentials: Option<(String, Secret<String>)>,
}

/// How the connection to a mail server is kept from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Security {
    /// From the first byte, `smtps://`.
    Tls,
    /// After a greeting, and never without: `smtp://`.
    StartTls,
    /// Not at all: `smtp://` to this very machine.
    Loopback,
}

impl MailUrl {
    /// Errors: what is wrong, to follow the key in a sentence; without the password.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text == "log:" {
            return Ok(Self::Log);
        }
        if let Some(folder) = text.strip_prefix("file:") {
            let folder = folder.strip_prefix("//").unwrap_or(folder);
            return if folder.is_empty() { Err("names no folder") } else { Ok(Self::Folder(folder.into())) };
        }
        let (rest, is_tls) = match (text.strip_prefix("smtp://"), text.strip_prefix("smtps://")) {
            (Some(rest), _) => (rest, false),
            (_, Some(rest)) => (rest, true),
            _ => return Err("does not begin with log:, file:, smtp:// or smtps://"),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (credentials, place) = match rest.rsplit_once('@') {
            Some((credentials, place)) => (Some(read_credentials(credentials)?), place),
            None => (None, rest),
        };
        let (host, port) = split_port(place).ok_or("has a port that is none")?;
        let is_name = |host: &str| host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
        if host.is_empty() || !(is_name(host) || host.parse::<IpAddr>().is_ok()) {
            return Err("has no host, or more behind it than a port");
        }
        let security = match (is_tls, is_loopback(host)) {
            (true, _) => Security::Tls,
            (false, true) => Security::Loopback,
            (false, false) => Security::StartTls,
        };
        let port = port.unwrap_or(if is_tls { 465 } else { 587 });
        Ok(Self::Smtp(Server { host: host.to_owned(), port, security, credentials }))
    }
}

fn read_credentials(text: &str) -> Result<(String, Secret<String>), &'static str> {
    let (name, password) = text.split_once(':').ok_or("has a user without a password")?;
    let decoded = |part: &str| {
        web::percent_decode(part)
            .map(std::borrow::Cow::into_owned)
            .ok_or("has an escape that is none: % is written %25")
    };
    Ok((decoded(name)?, Secret::new(decoded(password)?)))
}

/// Host and port; IPv6 addresses stand in brackets.
fn split_port(place: &str) -> Option<(&str, Option<u16>)> {
    let (host, rest) = match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((host, rest)) => (host, rest),
        None => place.find(':').map_or((place, ""), |colon| place.split_at(colon)),
    };
    match rest.strip_prefix(':') {
        Some(port) => port.parse().ok().filter(|port| *port != 0).map(|port| (host, Some(port))),
        None => rest.is_empty().then_some((host, None)),
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Server {
        match MailUrl::parse(text) {
            Ok(MailUrl::Smtp(server)) => server,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn spellings() {
        let full = server("smtp://ann%40example.com:p%3Aw%40d@mail.example.com:2525");
        assert_eq!((full.host.as_str(), full.port, full.security), ("mail.example.com", 2525, Security::StartTls));
        let (name, password) = full.credentials.unwrap();
        assert_eq!((name.as_str(), password.expose().as_str()), ("ann@example.com", "p:w@d"));
        assert_eq!(server("smtp://mail.example.com").port, 587);
        assert_eq!(server("smtps://u:p@mail.example.com/").port, 465);
        assert_eq!(server("smtps://127.0.0.1").security, Security::Tls);
        for loopback in ["smtp://localhost:1025", "smtp://127.0.0.1:1025", "smtp://[::1]:1025"] {
            assert_eq!(server(loopback).security, Security::Loopback, "{loopback}");
        }
        assert!(
            matches!(MailUrl::parse("file:data/mail"), Ok(MailUrl::Folder(folder)) if folder.ends_with("data/mail"))
        );
    }

    #[test]
    fn what_is_none() {
        for text in [
            "",
            "log",
            "file:",
            "http://mail.example.com",
            "smtp://",
            "smtp://ann@mail.example.com",
            "smtp://u:p%@mail.example.com",
            "smtp://mail.example.com:",
            "smtp://mail.example.com:0",
            "smtp://mail.example.com:99999",
            "smtp://mail.example.com/path",
            "smtp://mail.example.com?tls=no",
            "smtp://mail.example.com:25\r\nx",
        ] {
            assert!(MailUrl::parse(text).is_err(), "{text:?}");
        }
        assert!(!format!("{:?}", server("smtp://u:hidden-word@mail.example.com")).contains("hidden-word"));
    }
}

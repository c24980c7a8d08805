//! The kinds of values a key can have, and how text and TOML become them.
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

use ipnet::IpNet;

use kernel::duration;
use platform::notifications::Mailbox;

use super::{database_url, setting::Setting, url};
use crate::logs;

/// What a key takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `[a-z][a-z0-9_-]*`.
    Name,
    /// `http(s)://host[:port]`.
    BaseUrl,
    /// What `store` can open.
    DatabaseUrl,
    /// A list of them.
    DatabaseUrls,
    /// A URL that begins with one of these.
    Url(&'static [&'static str]),
    /// A file or a folder.
    Path,
    /// Words without control characters.
    Text,
    /// A mail address, with or without a name.
    Mailbox,
    Bool,
    /// A whole number from the first to the second.
    Int(u64, u64),
    Duration,
    /// A duration, or `off`, which is the duration zero.
    DurationOrOff,
    /// An address and a port.
    Address,
    /// A list of networks, `10.0.0.0/8`, or single addresses.
    Networks,
    /// A list of web origins; [`super::check`] judges them, for that depends on the profile.
    Origins,
    /// A list of whole URLs; [`super::check`] judges them.
    Links,
    /// A list of names of roles.
    Roles,
    /// One of the first names; the second ones are known and not built yet.
    Choice(&'static [&'static str], &'static [&'static str]),
    LogLevel,
}

/// Why a value does not fit, to follow the value in a sentence.
pub type Fault = String;

impl Kind {
    /// As the environment, the command line and the table of defaults write it.
    pub fn read_text(self, text: &str) -> Result<Setting, Fault> {
        let text = text.trim();
        match self {
            Self::Name if is_name(text) => Ok(Setting::Text(text.to_owned())),
            Self::Name => Err("is not a name".into()),
            Self::BaseUrl => {
                let text = text.strip_suffix('/').unwrap_or(text);
                url::base_fault(text).map_or_else(|| Ok(Setting::Text(text.to_owned())), |fault| Err(fault.into()))
            }
            Self::DatabaseUrl => database_url::read(text).map(Setting::Text),
            Self::DatabaseUrls => {
                split_urls(text).iter().map(|url| database_url::read(url)).collect::<Result<_, _>>().map(Setting::List)
            }
            Self::Url(schemes) => read_url(text, schemes),
            Self::Path | Self::Text if text.is_empty() => Err("is empty".into()),
            Self::Text if text.contains(char::is_control) => Err("contains a control character".into()),
            Self::Path | Self::Text => Ok(Setting::Text(text.to_owned())),
            Self::Mailbox => {
                let mailbox: Mailbox = text.parse()?;
                Ok(Setting::Text(mailbox.to_string()))
            }
            Self::Bool => text.parse().map(Setting::Bool).map_err(|_| "is neither true nor false".into()),
            Self::Int(least, most) => {
                let number = text.parse().map_err(|_| "is not a whole number")?;
                in_range(number, least, most)
            }
            Self::DurationOrOff if text == "off" => Ok(Setting::Duration(Duration::ZERO)),
            Self::Duration | Self::DurationOrOff => duration::read(text).map(Setting::Duration).map_err(Into::into),
            Self::Address => read_address(text).map(Setting::Address),
            Self::Networks => {
                split(text).into_iter().map(read_network).collect::<Result<_, _>>().map(Setting::Networks)
            }
            Self::Origins | Self::Links => Ok(Setting::List(split(text).into_iter().map(str::to_owned).collect())),
            Self::Roles => {
                let names = split(text);
                let wrong = names.iter().find(|name| !kernel::actor::is_role(name));
                match wrong {
                    Some(name) => Err(format!("has `{name}`, which is no name of a role")),
                    None => Ok(Setting::List(names.into_iter().map(str::to_owned).collect())),
                }
            }
            Self::Choice(now, later) => read_choice(text, now, later),
            Self::LogLevel => {
                logs::filter(text).map(|_| Setting::Text(text.to_owned())).map_err(|_| "is not a log level".into())
            }
        }
    }

    /// As the app file writes it.
    pub fn read_toml(self, value: &toml::Value) -> Result<Setting, Fault> {
        match (self, value) {
            (Self::Bool, toml::Value::Boolean(truth)) => Ok(Setting::Bool(*truth)),
            (Self::Int(least, most), toml::Value::Integer(number)) => {
                in_range(u64::try_from(*number).map_err(|_| "is negative")?, least, most)
            }
            (
                Self::Networks | Self::Origins | Self::Links | Self::Roles | Self::DatabaseUrls,
                toml::Value::Array(items),
            ) => {
                let items: Option<Vec<_>> = items.iter().map(toml::Value::as_str).collect();
                self.read_text(&items.ok_or("has items that are not strings")?.join(","))
            }
            (
                Self::Bool
                | Self::Int(..)
                | Self::Networks
                | Self::Origins
                | Self::Links
                | Self::Roles
                | Self::DatabaseUrls,
                _,
            ) => Err(self.mismatch(value)),
            (_, toml::Value::String(text)) => self.read_text(text),
            _ => Err(self.mismatch(value)),
        }
    }

    fn mismatch(self, value: &toml::Value) -> Fault {
        format!("is of type {} where {} is expected", value.type_str(), self.toml_type())
    }

    const fn toml_type(self) -> &'static str {
        match self {
            Self::Bool => "true or false",
            Self::Int(..) => "a whole number",
            Self::Networks | Self::Origins | Self::Links | Self::Roles | Self::DatabaseUrls => "a list of strings",
            _ => "a string",
        }
    }

    /// How to write it, for fixes and the reference page.
    pub fn advice(self) -> String {
        match self {
            Self::Name => "a small letter, then small letters, digits, _ and -".into(),
            Self::BaseUrl => "scheme, host and port alone, as https://notes.example.com".into(),
            Self::DatabaseUrl => "sqlite:data/notes.db or postgres://user:password@host:5432/database".into(),
            Self::DatabaseUrls => "URLs, as postgres://user:password@replica:5432/database".into(),
            Self::Url(schemes) => format!("a URL that begins with {}", schemes.join(" or ")),
            Self::Path => "a path".into(),
            Self::Text => "text".into(),
            Self::Mailbox => "an address, as Notes <no-reply@notes.example.com>".into(),
            Self::Bool => "true or false".into(),
            Self::Int(least, most) => format!("a whole number from {least} to {most}"),
            Self::Duration => "a number and its unit, as 500ms, 30s, 15m, 1h or 7d".into(),
            Self::DurationOrOff => "a number and its unit, as 200ms or 1s, or off".into(),
            Self::Address => "address and port, as 127.0.0.1:8080".into(),
            Self::Networks => "networks, as 10.0.0.0/8".into(),
            Self::Origins => "origins, as https://app.example.com".into(),
            Self::Links => "URLs, as https://app.example.com/welcome".into(),
            Self::Roles => "names of roles, as editor".into(),
            Self::Choice(now, _) => now.join(" or "),
            Self::LogLevel => "error, warn, info, debug, trace, or a filter as info,web=debug".into(),
        }
    }

    pub const fn is_list(self) -> bool {
        matches!(self, Self::Networks | Self::Origins | Self::Links | Self::Roles | Self::DatabaseUrls)
    }
}

fn split(text: &str) -> Vec<&str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).collect()
}

/// A comma also stands between the hosts of one URL.
fn split_urls(text: &str) -> Vec<String> {
    let mut urls: Vec<String> = Vec::new();
    for part in split(text) {
        match urls.last_mut() {
            Some(url) if !part.contains("://") => {
                url.push(',');
                url.push_str(part);
            }
            _ => urls.push(part.to_owned()),
        }
    }
    urls
}

fn is_name(text: &str) -> bool {
    text.len() <= 64
        && text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte))
}

fn in_range(number: u64, least: u64, most: u64) -> Result<Setting, Fault> {
    if (least..=most).contains(&number) {
        Ok(Setting::Int(number))
    } else {
        Err(format!("is not between {least} and {most}"))
    }
}

fn read_url(text: &str, schemes: &[&str]) -> Result<Setting, Fault> {
    if schemes.iter().any(|scheme| text.starts_with(scheme)) {
        Ok(Setting::Text(text.to_owned()))
    } else {
        Err(format!("does not begin with {}", schemes.join(" or ")))
    }
}

fn read_address(text: &str) -> Result<SocketAddr, Fault> {
    if let Some(port) = text.strip_prefix("localhost:").and_then(|port| port.parse().ok()) {
        return Ok((Ipv4Addr::LOCALHOST, port).into());
    }
    text.parse().map_err(|_| "is not an address and a port".into())
}

fn read_network(text: &str) -> Result<IpNet, Fault> {
    let network = text.parse().or_else(|_| text.parse().map(|address: std::net::IpAddr| address.into()));
    network.map_err(|_| format!("contains {text:?}, which is not a network"))
}

fn read_choice(text: &str, now: &[&str], later: &[&str]) -> Result<Setting, Fault> {
    if now.contains(&text) {
        Ok(Setting::Text(text.to_owned()))
    } else if later.contains(&text) {
        Err("is not available yet".into())
    } else {
        Err(format!("is not one of {}", now.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_ok(kind: Kind, text: &str) -> bool {
        kind.read_text(text).is_ok()
    }

    #[test]
    fn text_is_checked_by_kind() {
        for (kind, good, bad) in [
            (Kind::Name, "my-app_2", "My app"),
            (Kind::BaseUrl, "https://a.example.com/", "https://a.example.com/x"),
            (Kind::DatabaseUrl, "postgresql+asyncpg://db/app", "mysql://db/app"),
            (Kind::DatabaseUrls, "postgres://a/x, postgres://b:1,c:2/x", "postgres://a/x,mysql://b/x"),
            (Kind::Url(&["redis://"]), "redis://cache", "http://cache"),
            (Kind::Mailbox, "Ann <ann@example.com>", "Ann"),
            (Kind::Bool, "true", "yes"),
            (Kind::Int(1, 5), "5", "6"),
            (Kind::Duration, "7d", "7"),
            (Kind::DurationOrOff, "off", "0s"),
            (Kind::Address, "localhost:80", "80"),
            (Kind::Address, "[::1]:0", "example.com:80"),
            (Kind::Networks, "10.0.0.0/8, ::1", "10.0.0.0/99"),
            (Kind::Choice(&["open"], &["invite"]), "open", "invite"),
            (Kind::LogLevel, "info,web=debug", "loud"),
        ] {
            assert!(is_ok(kind, good), "{kind:?} {good}");
            assert!(!is_ok(kind, bad), "{kind:?} {bad}");
        }
    }

    #[test]
    fn toml_keeps_its_types() {
        let fault = |kind: Kind, value: &str| kind.read_toml(&value.parse().unwrap()).err();
        assert_eq!(fault(Kind::Int(0, 9), "9"), None);
        assert_eq!(fault(Kind::Int(0, 9), "-1").as_deref(), Some("is negative"));
        assert_eq!(
            fault(Kind::Int(0, 9), "\"9\"").as_deref(),
            Some("is of type string where a whole number is expected")
        );
        assert_eq!(fault(Kind::Duration, "30").as_deref(), Some("is of type integer where a string is expected"));
        assert_eq!(fault(Kind::Networks, "[\"10.0.0.1\"]"), None);
        assert_eq!(fault(Kind::Networks, "[1]").as_deref(), Some("has items that are not strings"));
        assert_eq!(fault(Kind::Bool, "\"true\"").as_deref(), Some("is of type string where true or false is expected"));
    }
}

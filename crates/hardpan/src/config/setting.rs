//! Values after reading: what each key holds and which layer it came from.
use std::{collections::BTreeMap, fmt, net::SocketAddr, time::Duration};

use ipnet::IpNet;

use kernel::duration;

use super::keys;

/// A value of one [`super::kind::Kind`].
#[derive(Clone, PartialEq)]
pub enum Setting {
    Text(String),
    Bool(bool),
    Int(u64),
    Duration(Duration),
    Address(SocketAddr),
    Networks(Vec<IpNet>),
    List(Vec<String>),
}

/// The layer a value came from, in rising order of precedence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    Default,
    File,
    /// `.env`, and the variable's name.
    DotEnv(String),
    /// The environment, and the variable's name.
    Environment(String),
    Flag,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File => f.write_str("hardpan.toml"),
            Self::DotEnv(name) => write!(f, "{name} in .env"),
            Self::Environment(name) => write!(f, "{name} in the environment"),
            Self::Flag => f.write_str("command line"),
        }
    }
}

/// The values of all keys that could be read. A key whose value is wrong is missing here, and reported.
#[derive(Default)]
pub struct Settings(BTreeMap<&'static str, (Setting, Origin)>);

impl Settings {
    pub(super) fn set(&mut self, path: &'static str, setting: Setting, origin: Origin) {
        self.0.insert(path, (setting, origin));
    }

    fn get(&self, path: &str) -> Option<&Setting> {
        self.0.get(path).map(|(setting, _)| setting)
    }

    pub fn origin(&self, path: &str) -> Option<&Origin> {
        self.0.get(path).map(|(_, origin)| origin)
    }

    pub fn text(&self, path: &str) -> Option<&str> {
        match self.get(path)? {
            Setting::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn bool(&self, path: &str) -> Option<bool> {
        match self.get(path)? {
            Setting::Bool(truth) => Some(*truth),
            _ => None,
        }
    }

    pub fn int<T: TryFrom<u64>>(&self, path: &str) -> Option<T> {
        match self.get(path)? {
            Setting::Int(number) => T::try_from(*number).ok(),
            _ => None,
        }
    }

    pub fn duration(&self, path: &str) -> Option<Duration> {
        match self.get(path)? {
            Setting::Duration(duration) => Some(*duration),
            _ => None,
        }
    }

    pub fn address(&self, path: &str) -> Option<SocketAddr> {
        match self.get(path)? {
            Setting::Address(address) => Some(*address),
            _ => None,
        }
    }

    pub fn networks(&self, path: &str) -> Option<&[IpNet]> {
        match self.get(path)? {
            Setting::Networks(networks) => Some(networks),
            _ => None,
        }
    }

    pub fn list(&self, path: &str) -> Option<&[String]> {
        match self.get(path)? {
            Setting::List(items) => Some(items),
            _ => None,
        }
    }

    /// `(key, value as text, origin)` in the table's order; what may hold a password is hidden.
    pub fn shown(&self) -> impl Iterator<Item = (&'static str, String, &Origin)> {
        keys::KEYS.iter().filter_map(|key| {
            let (setting, origin) = self.0.get(key.path)?;
            let text = setting.to_string();
            let is_harmless = text.is_empty() || text.starts_with("sqlite:") || text == "log:";
            let is_hidden = key.is_secret && !is_harmless;
            Some((key.path, if is_hidden { "***".to_owned() } else { text }, origin))
        })
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Bool(truth) => write!(f, "{truth}"),
            Self::Int(number) => write!(f, "{number}"),
            Self::Duration(span) if span.is_zero() => f.write_str("off"),
            Self::Duration(span) => f.write_str(&duration::write(*span)),
            Self::Address(address) => write!(f, "{address}"),
            Self::Networks(networks) => {
                f.write_str(&networks.iter().map(IpNet::to_string).collect::<Vec<_>>().join(","))
            }
            Self::List(items) => f.write_str(&items.join(",")),
        }
    }
}

//! From layers to values: defaults < file < well-known names < `HARDPAN_*` < command line.
use std::net::SocketAddr;

use super::{
    environment::Environment,
    file::AppFile,
    finding::Finding,
    keys::{self, KEYS, Key, PORT},
    kind::Fault,
    profile::Profile,
    setting::{Origin, Setting, Settings},
    suggest,
};

/// Every layer above the defaults.
pub struct Layers<'a> {
    pub profile: Profile,
    pub file: &'a AppFile,
    pub environment: &'a Environment,
    pub flags: &'a [(String, String)],
}

/// The value of every key. Every wrong value is reported, also one that a higher layer replaces.
pub fn resolve(layers: &Layers<'_>, findings: &mut Vec<Finding>) -> Settings {
    let mut settings = Settings::default();
    for key in KEYS {
        let before = findings.len();
        let is_required = key.is_required && layers.profile.is_exposed() && layers.file.is_read;
        match layers.value(key, findings) {
            Some((setting, origin)) => settings.set(key.path, setting, origin),
            // A wrong value is not a missing one.
            None if findings.len() == before && is_required => {
                findings.push(missing(key, layers.profile));
            }
            None => {}
        }
    }
    layers.replace_port(&mut settings, findings);
    if !layers.profile.is_exposed()
        && settings.origin("app.public_url").is_none()
        && let Some(listen) = settings.address("server.listen")
    {
        settings.set("app.public_url", Setting::Text(format!("http://{listen}")), Origin::Default);
    }
    findings.extend(unknown_flags(layers.flags));
    settings
}

impl Layers<'_> {
    /// The value of the highest layer that has the key; `None` when there is none or that one is wrong.
    fn value(&self, key: &'static Key, findings: &mut Vec<Finding>) -> Option<(Setting, Origin)> {
        let candidates = [self.flag(key), self.variable(key, findings), self.well_known(key, findings), self.file(key)];
        let mut highest = None;
        for (read, origin, shown) in candidates.into_iter().flatten() {
            let value = match read {
                Ok(setting) => Some((setting, origin)),
                Err(fault) => {
                    findings.push(wrong(key, &fault, &origin, &shown));
                    None
                }
            };
            highest = highest.or(Some(value));
        }
        highest.unwrap_or_else(|| self.default(key))
    }

    fn flag(&self, key: &'static Key) -> Option<Candidate> {
        let (_, text) = self.flags.iter().rev().find(|(path, _)| path == key.path)?;
        if key.is_secret {
            let fault = "may hold a password, and everyone on this machine can read command lines".to_owned();
            return Some((Err(fault), Origin::Flag, String::new()));
        }
        Some((key.kind.read_text(text), Origin::Flag, text.clone()))
    }

    fn variable(&self, key: &'static Key, findings: &mut Vec<Finding>) -> Option<Candidate> {
        let name = key.variable();
        if key.kind.is_list() && !key.is_secret {
            // The empty list is a value: it takes away what the file lists.
            let (text, origin) = self.environment.get_even_empty(&name)?;
            return Some((key.kind.read_text(text), origin, text.to_owned()));
        }
        self.named(key, &name, findings)
    }

    fn well_known(&self, key: &'static Key, findings: &mut Vec<Finding>) -> Option<Candidate> {
        self.named(key, key.well_known?, findings)
    }

    fn named(&self, key: &'static Key, name: &str, findings: &mut Vec<Finding>) -> Option<Candidate> {
        let (text, origin) = if key.is_secret {
            self.environment.secret(name, findings)?
        } else {
            self.environment.get(name).map(|(text, origin)| (text.to_owned(), origin))?
        };
        Some((key.kind.read_text(&text), origin, text))
    }

    fn file(&self, key: &'static Key) -> Option<Candidate> {
        let value = self.file.values.get(key.path)?;
        let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        Some((key.kind.read_toml(value), Origin::File, shown))
    }

    fn default(&self, key: &'static Key) -> Option<(Setting, Origin)> {
        let text = if self.profile.is_exposed() { key.defaults.1 } else { key.defaults.0 };
        // Tests read every default, so a wrong one cannot get here.
        text.and_then(|text| key.kind.read_text(text).ok()).map(|setting| (setting, Origin::Default))
    }

    /// `PORT` stands between the file and `HARDPAN_SERVER__LISTEN`, and changes the port alone.
    fn replace_port(&self, settings: &mut Settings, findings: &mut Vec<Finding>) {
        let Some((text, origin)) = self.environment.get(PORT) else { return };
        let Ok(port) = text.trim().parse() else {
            findings.push(Finding::error(
                PORT,
                format!("is \"{text}\", which is not a port"),
                "set a number up to 65535",
            ));
            return;
        };
        let is_lower = matches!(settings.origin("server.listen"), Some(Origin::Default | Origin::File));
        if let Some(listen) = settings.address("server.listen").filter(|_| is_lower) {
            settings.set("server.listen", Setting::Address(SocketAddr::new(listen.ip(), port)), origin);
        }
    }
}

/// What a layer says, where, and how to show it.
type Candidate = (Result<Setting, Fault>, Origin, String);

fn wrong(key: &Key, fault: &str, origin: &Origin, shown: &str) -> Finding {
    let place = match origin {
        Origin::Default | Origin::File => String::new(),
        other => format!(" ({other})"),
    };
    // A value may be long, and one that may hold a password is not repeated.
    let reason = if key.is_secret || shown.is_empty() || shown.chars().count() > 60 {
        format!("{fault}{place}")
    } else {
        format!("is \"{shown}\"{place}, which {fault}")
    };
    let is_secret_flag = key.is_secret && *origin == Origin::Flag;
    let fix = if is_secret_flag {
        format!("set {} instead", key.well_known.map_or_else(|| key.variable(), str::to_owned))
    } else {
        format!("write {}", key.kind.advice())
    };
    Finding::error(key.path, reason, fix)
}

fn missing(key: &Key, profile: Profile) -> Finding {
    let variable = key.well_known.map_or_else(|| key.variable(), str::to_owned);
    Finding::error(
        key.path,
        format!("is missing, and {profile} requires it"),
        format!("set it in hardpan.toml or by {variable}"),
    )
}

fn unknown_flags(flags: &[(String, String)]) -> Vec<Finding> {
    let unknown = flags.iter().filter(|(path, _)| keys::find(path).is_none());
    let finding = |(path, _): &(String, String)| {
        let fix = match suggest::nearest(path, KEYS.iter().map(|key| key.path)) {
            Some(meant) => format!("did you mean {meant}?"),
            None => "remove it; docs/configuration.md lists every key".to_owned(),
        };
        Finding::error(path, "is not a known key (command line)", fix)
    };
    unknown.map(finding).collect()
}

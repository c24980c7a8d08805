//! Types of the API keys.
use std::{collections::BTreeSet, net::IpAddr, time::Duration};

use kernel::{ApiKeyId, FieldError, Scope, Secret, Timestamp, UserId};
use serde::{Deserialize, Serialize, Serializer};
use web::IpNet;

/// Longest label, in characters.
pub(super) const LABEL_MAX: usize = 100;
/// Longest scope: a table's name and an operation.
pub(super) const SCOPE_MAX: usize = 80;
pub(super) const SCOPES_MAX: usize = 100;
pub(super) const ADDRESSES_MAX: usize = 50;
/// Longest that a secret which was replaced may stay good.
pub(super) const OVERLAP_MAX: Duration = Duration::from_hours(7 * 24);

/// A key as its owner and administrators see it.
#[derive(Clone, Debug, Serialize)]
pub struct ApiKey {
    pub id: ApiKeyId,
    #[serde(skip)]
    pub user_id: UserId,
    pub label: String,
    #[serde(serialize_with = "shown")]
    pub scopes: Vec<Scope>,
    /// From where it is good; empty: from everywhere.
    #[serde(serialize_with = "shown")]
    pub addresses: Vec<IpNet>,
    pub requests_per_minute: Option<u32>,
    pub created_at: Timestamp,
    pub expires_at: Option<Timestamp>,
    pub rotated_at: Option<Timestamp>,
    /// How long the secret before the last rotation stays good.
    pub previous_until: Option<Timestamp>,
    /// To the minute.
    pub last_used_at: Option<Timestamp>,
    pub last_address: Option<String>,
}

/// A key with its secret, which is told this once.
#[derive(Clone, Debug)]
pub struct IssuedApiKey {
    pub key: ApiKey,
    pub secret: Secret<String>,
}

/// As it is asked for.
#[derive(Clone, Debug, Deserialize)]
pub struct NewApiKey {
    pub label: String,
    pub scopes: Vec<String>,
    pub expires_at: Option<String>,
    #[serde(default)]
    pub addresses: Vec<String>,
    pub requests_per_minute: Option<u32>,
}

/// How a secret is replaced.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Rotation {
    #[serde(default)]
    pub overlap_seconds: u64,
    pub expires_at: Option<String>,
}

/// What of a new key was understood.
pub(super) struct Terms {
    pub scopes: Vec<Scope>,
    pub addresses: Vec<IpNet>,
    pub expires_at: Option<Timestamp>,
}

impl ApiKey {
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

impl NewApiKey {
    /// Errors: what is wrong with each field.
    pub(super) fn terms(&self, now: Timestamp, resources: &BTreeSet<String>) -> Result<Terms, Vec<FieldError>> {
        let mut errors = Vec::new();
        let mut scopes = Vec::new();
        if self.scopes.is_empty() {
            errors.push(FieldError::new(
                "scopes",
                "too_short",
                "must have at least one item: without a scope a key may do nothing",
            ));
        }
        for (nth, text) in self.scopes.iter().enumerate() {
            match Scope::parse(text, |name| resources.contains(name)) {
                Some(scope) if scopes.contains(&scope) => {}
                Some(scope) => scopes.push(scope),
                None => {
                    let message =
                        "must be resource:action of what is declared here, as notes:read, *:read or account:read";
                    errors.push(FieldError::new(format!("scopes[{nth}]"), "unknown_scope", message));
                }
            }
        }
        let mut addresses = Vec::new();
        for (nth, text) in self.addresses.iter().enumerate() {
            match network(text) {
                Some(net) => addresses.push(net),
                None => errors.push(FieldError::new(
                    format!("addresses[{nth}]"),
                    "format",
                    "must be an address or a network, as 10.0.0.0/8 or 2001:db8::/32",
                )),
            }
        }
        let expires_at = expiry(self.expires_at.as_deref(), now).map_err(|error| errors.push(error)).ok().flatten();
        if errors.is_empty() { Ok(Terms { scopes, addresses, expires_at }) } else { Err(errors) }
    }
}

/// When a key is to expire: in the future.
pub(super) fn expiry(text: Option<&str>, now: Timestamp) -> Result<Option<Timestamp>, FieldError> {
    match text.map(Timestamp::parse) {
        None => Ok(None),
        Some(Some(at)) if at > now => Ok(Some(at)),
        Some(_) => Err(FieldError::new("expires_at", "past", "must be a time to come")),
    }
}

/// A network, or one address. IPv4 written as IPv6 is IPv4.
fn network(text: &str) -> Option<IpNet> {
    let net = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    let net = match net.addr().to_canonical() {
        address @ IpAddr::V4(_) if net.max_prefix_len() == 128 => {
            IpNet::new(address, net.prefix_len().checked_sub(96)?).ok()?
        }
        _ => net,
    };
    Some(net.trunc())
}

fn shown<T: ToString, S: Serializer>(things: &[T], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(things.iter().map(ToString::to_string))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn networks_are_read_as_people_write_them() {
        for (text, expected) in [
            ("10.1.2.3/8", Some("10.0.0.0/8")),
            ("192.0.2.7", Some("192.0.2.7/32")),
            ("2001:db8::1/32", Some("2001:db8::/32")),
            ("::1", Some("::1/128")),
            ("::ffff:10.0.0.0/104", Some("10.0.0.0/8")),
            ("::ffff:10.0.0.1", Some("10.0.0.1/32")),
            ("::ffff:10.0.0.0/90", None),
            ("10.0.0.0/33", None),
            ("10.0.0", None),
            ("example.com", None),
            ("", None),
        ] {
            assert_eq!(network(text).map(|net| net.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn everything_wrong_is_named() {
        let new = NewApiKey {
            label: "ci".to_owned(),
            scopes: ["notes:read", "note:read", "notes:read", "*:write"].map(str::to_owned).to_vec(),
            expires_at: Some("2026-01-01T00:00:00Z".to_owned()),
            addresses: vec!["10.0.0.0/8".to_owned(), "home".to_owned()],
            requests_per_minute: None,
        };
        let resources = BTreeSet::from(["notes".to_owned()]);
        let at = |text| Timestamp::parse(text).unwrap();
        let errors = new.terms(at("2026-06-01T00:00:00Z"), &resources).map(|_| ()).unwrap_err();
        let fields: Vec<_> = errors.iter().map(|error| error.field.as_str()).collect();
        assert_eq!(fields, ["scopes[1]", "scopes[3]", "addresses[1]", "expires_at"]);
        let good =
            NewApiKey { scopes: vec!["notes:read".to_owned(), "notes:read".to_owned()], addresses: Vec::new(), ..new };
        assert_eq!(good.terms(at("2025-06-01T00:00:00Z"), &resources).unwrap().scopes.len(), 1);
    }
}

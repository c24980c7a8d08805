//! Rate limits: per address before anyone is known, per principal after, tighter where passwords and codes are tried.
pub mod gcra;

use std::{fmt::Write as _, net::IpAddr, time::Duration};

use http::{HeaderName, HeaderValue};
use kernel::{Code, Error, Result, Timestamp, UserId, actor::ApiKeyGrant};

use self::gcra::{Pace, Table, Taken};
use crate::{Class, problem::whole_seconds};

/// draft-ietf-httpapi-ratelimit-headers-10.
pub const POLICY_HEADER: HeaderName = HeaderName::from_static("ratelimit-policy");
pub const LIMIT_HEADER: HeaderName = HeaderName::from_static("ratelimit");

/// Keys remembered a policy: some 4 MiB at most.
const KEYS: usize = 65_536;

/// How many requests may come at once, and how many a minute thereafter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    pub burst: u32,
    pub per_minute: u32,
}

/// The limits of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub enabled: bool,
    /// Every request but probes; an address is one IPv4 address or one IPv6 /64.
    pub address: Policy,
    /// Every request of someone known.
    pub principal: Policy,
    /// Per address, where passwords and codes are tried.
    pub credentials: Policy,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            enabled: true,
            address: Policy { burst: 1000, per_minute: 6000 },
            principal: Policy { burst: 600, per_minute: 3600 },
            credentials: Policy { burst: 20, per_minute: 30 },
        }
    }
}

/// What one policy said of one request.
#[derive(Clone, Copy, Debug)]
pub struct Verdict {
    /// The name of the policy.
    pub policy: &'static str,
    pub is_admitted: bool,
    quota: u32,
    /// Seconds.
    window: u64,
    remaining: u32,
    /// Until one more unit is there.
    next: Duration,
}

/// The counters.
pub struct Limiter {
    is_enabled: bool,
    address: Counter,
    principal: Counter,
    credentials: Counter,
    /// Each key has a pace of its own.
    api_keys: Table,
}

struct Counter {
    name: &'static str,
    policy: Policy,
    pace: Pace,
    table: Table,
}

impl Limiter {
    pub fn new(limits: Limits) -> Self {
        Self {
            is_enabled: limits.enabled,
            address: Counter::new("address", limits.address),
            principal: Counter::new("principal", limits.principal),
            credentials: Counter::new("credentials", limits.credentials),
            api_keys: Table::new(KEYS),
        }
    }

    /// Counts a request before anyone is known; adds what the policies said to `verdicts`. Errors: 429.
    pub fn by_address(&self, class: Class, address: IpAddr, now: Timestamp, verdicts: &mut Vec<Verdict>) -> Result<()> {
        if !self.is_enabled || class == Class::Probe {
            return Ok(());
        }
        let key = address_key(address);
        self.address.take(key, now, verdicts)?;
        if class == Class::Credentials { self.credentials.take(key, now, verdicts) } else { Ok(()) }
    }

    /// Counts a request of someone known. Errors: 429.
    pub fn by_principal(&self, class: Class, user: UserId, now: Timestamp, verdicts: &mut Vec<Verdict>) -> Result<()> {
        if !self.is_enabled || class == Class::Probe {
            return Ok(());
        }
        self.principal.take(user.uuid().as_u128(), now, verdicts)
    }

    /// Counts a request by an API key that has a limit of its own, which may all come at once. Errors: 429.
    pub fn by_api_key(&self, key: &ApiKeyGrant, now: Timestamp, verdicts: &mut Vec<Verdict>) -> Result<()> {
        let Some(per_minute) = key.requests_per_minute.filter(|_| self.is_enabled) else { return Ok(()) };
        let policy = Policy { burst: per_minute, per_minute };
        let pace = Pace::new(policy.burst, policy.per_minute);
        let taken = self.api_keys.take(pace, key.id.uuid().as_u128(), now);
        judge("api_key", policy, pace, taken, verdicts)
    }
}

impl Counter {
    fn new(name: &'static str, policy: Policy) -> Self {
        Self { name, policy, pace: Pace::new(policy.burst, policy.per_minute), table: Table::new(KEYS) }
    }

    fn take(&self, key: u128, now: Timestamp, verdicts: &mut Vec<Verdict>) -> Result<()> {
        judge(self.name, self.policy, self.pace, self.table.take(self.pace, key, now), verdicts)
    }
}

fn judge(name: &'static str, policy: Policy, pace: Pace, taken: Taken, verdicts: &mut Vec<Verdict>) -> Result<()> {
    verdicts.push(Verdict {
        policy: name,
        is_admitted: taken.is_admitted,
        quota: policy.burst,
        window: whole_seconds(pace.full()),
        remaining: taken.remaining,
        next: taken.next,
    });
    if taken.is_admitted { Ok(()) } else { Err(Error::new(Code::RateLimited).with_retry_after(taken.next)) }
}

/// One household or machine holds a whole IPv6 /64, and IPv4 written as IPv6 is IPv4.
fn address_key(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

/// The names of the policies that refused.
pub fn violated(verdicts: &[Verdict]) -> Vec<&'static str> {
    verdicts.iter().filter(|verdict| !verdict.is_admitted).map(|verdict| verdict.policy).collect()
}

/// `RateLimit-Policy` and `RateLimit`, when any policy applied. A quota of `q` refills evenly over `w` seconds.
pub fn fields(verdicts: &[Verdict]) -> Option<[(HeaderName, HeaderValue); 2]> {
    let (mut policies, mut limits) = (String::with_capacity(96), String::with_capacity(96));
    for (place, verdict) in verdicts.iter().enumerate() {
        let Verdict { policy, quota, window, remaining, next, .. } = verdict;
        let comma = if place == 0 { "" } else { ", " };
        let next = whole_seconds(*next);
        // Writing to a String cannot fail.
        let _ = write!(policies, "{comma}\"{policy}\";q={quota};w={window}");
        let _ = write!(limits, "{comma}\"{policy}\";r={remaining};t={next}");
    }
    if verdicts.is_empty() {
        return None;
    }
    let value = |text: String| HeaderValue::try_from(text).ok();
    Some([(POLICY_HEADER, value(policies)?), (LIMIT_HEADER, value(limits)?)])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> Limiter {
        Limiter::new(Limits {
            enabled: true,
            address: Policy { burst: 3, per_minute: 60 },
            principal: Policy { burst: 2, per_minute: 60 },
            credentials: Policy { burst: 1, per_minute: 30 },
        })
    }

    fn counted(limiter: &Limiter, class: Class, address: &str) -> (bool, Vec<Verdict>) {
        let mut verdicts = Vec::new();
        let now = Timestamp::from_micros(0);
        let is_admitted = limiter.by_address(class, address.parse().unwrap(), now, &mut verdicts).is_ok();
        (is_admitted, verdicts)
    }

    #[test]
    fn credentials_have_a_limit_of_their_own() {
        let limiter = limiter();
        assert!(counted(&limiter, Class::Credentials, "1.2.3.4").0);
        let (is_admitted, verdicts) = counted(&limiter, Class::Credentials, "1.2.3.4");
        assert!(!is_admitted);
        assert_eq!(violated(&verdicts), ["credentials"]);
        assert!(counted(&limiter, Class::Standard, "1.2.3.4").0);
    }

    #[test]
    fn the_fields_name_what_applied() {
        let (_, verdicts) = counted(&limiter(), Class::Credentials, "1.2.3.4");
        let [(_, policies), (_, limits)] = fields(&verdicts).unwrap();
        assert_eq!(policies, "\"address\";q=3;w=3, \"credentials\";q=1;w=2");
        assert_eq!(limits, "\"address\";r=2;t=1, \"credentials\";r=0;t=2");
        assert!(fields(&[]).is_none());
    }

    #[test]
    fn an_ipv6_network_is_one_address() {
        let limiter = limiter();
        for host in 1..=3 {
            assert!(counted(&limiter, Class::Standard, &format!("2001:db8::{host}")).0);
        }
        assert!(!counted(&limiter, Class::Standard, "2001:db8::ffff:1").0);
        assert!(counted(&limiter, Class::Standard, "2001:db8:0:1::1").0);
    }

    #[test]
    fn ipv4_in_ipv6_is_the_same_address() {
        let limiter = limiter();
        for address in ["1.2.3.4", "::ffff:1.2.3.4", "1.2.3.4"] {
            assert!(counted(&limiter, Class::Standard, address).0);
        }
        assert!(!counted(&limiter, Class::Standard, "::ffff:1.2.3.4").0);
        assert!(counted(&limiter, Class::Standard, "1.2.3.5").0);
    }

    #[test]
    fn probes_and_a_limiter_turned_off_count_nothing() {
        let limiter = limiter();
        let off = Limiter::new(Limits { enabled: false, ..Limits::default() });
        for _ in 0..2000 {
            assert!(counted(&limiter, Class::Probe, "1.2.3.4").0);
            assert!(counted(&off, Class::Credentials, "1.2.3.4").0);
        }
        assert!(counted(&off, Class::Standard, "1.2.3.4").1.is_empty());
    }
}

//! The guard: how often an account's passwords and codes may be tried, however they are named and wherever from.
use std::{collections::HashSet, net::IpAddr, sync::Arc, time::Duration};

use kernel::{Code, DeviceId, Error, Result, Timestamp, UserId, error::Kind};
use moka::sync::Cache;
use platform::secrets::{Keyring, MacKey};
use web::{
    Policy,
    gcra::{Pace, Table},
};

/// Accounts and devices remembered: some 4 MiB at most.
const KEYS: usize = 65_536;
/// Accounts that fail from one network within [`STUFFING_WINDOW`] before that is called credential stuffing.
const STUFFING: usize = 20;
const STUFFING_WINDOW: Duration = Duration::from_mins(10);
const NETWORKS: u64 = 10_000;

/// Counts tries; cheap to clone. Each process counts for itself.
#[derive(Clone)]
pub struct Guard(Arc<Inner>);

struct Inner {
    is_enabled: bool,
    pace: Pace,
    table: Table,
    mac: MacKey,
    /// By network, the accounts that failed from it lately.
    failing: Cache<u128, Arc<std::sync::Mutex<HashSet<u128>>>>,
}

/// Whose tries are counted.
#[derive(Clone, Copy, Debug)]
pub enum Subject<'a> {
    Account(UserId),
    /// Of an account, from a device it knows: strangers who use up the account's tries do not lock its owner out.
    Device(DeviceId),
    /// A name nobody has; counted like an account, so that the two cannot be told apart.
    Name(&'a str),
}

/// A try that is under way. It counts as a failure unless it is said to have been right.
#[must_use]
pub struct Try {
    guard: Guard,
    key: u128,
}

impl Guard {
    pub(crate) fn new(keyring: &Keyring, policy: Option<Policy>) -> Result<Self> {
        let (burst, per_minute) = policy.map_or((1, 1), |policy| (policy.burst, policy.per_minute));
        Ok(Self(Arc::new(Inner {
            is_enabled: policy.is_some(),
            pace: Pace::new(burst, per_minute),
            table: Table::new(KEYS),
            mac: keyring.mac_key("guard")?,
            failing: Cache::builder().max_capacity(NETWORKS).time_to_live(STUFFING_WINDOW).build(),
        })))
    }

    /// Counts a try. Errors: 429, with the time to wait.
    pub(crate) fn admit(&self, subject: Subject<'_>, now: Timestamp) -> Result<Try> {
        let key = self.key(subject);
        if self.0.is_enabled {
            let taken = self.0.table.take(self.0.pace, key, now);
            if !taken.is_admitted {
                return Err(Error::new(Code::RateLimited)
                    .with_detail("Too many tries for this account; wait a little.")
                    .with_retry_after(taken.next));
            }
        }
        Ok(Try { guard: self.clone(), key })
    }

    /// Notes a failure from a network. True once in a while when so many accounts failed from there that somebody is trying a list.
    pub(crate) fn is_stuffing(&self, subject: Subject<'_>, address: Option<IpAddr>) -> bool {
        let Some(address) = address else { return false };
        let accounts = self.0.failing.get_with(network(address), Arc::default);
        let mut accounts = accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_news = accounts.len() < STUFFING && accounts.insert(self.key(subject));
        is_news && accounts.len() == STUFFING
    }

    /// Whether somebody is trying a list from the network of `address`.
    pub(crate) fn is_stuffed(&self, address: Option<IpAddr>) -> bool {
        let accounts = address.and_then(|address| self.0.failing.get(&network(address)));
        accounts.is_some_and(|accounts| {
            accounts.lock().unwrap_or_else(std::sync::PoisonError::into_inner).len() >= STUFFING
        })
    }

    fn key(&self, subject: Subject<'_>) -> u128 {
        let (kind, bytes): (u8, Vec<u8>) = match subject {
            Subject::Account(id) => (0, id.uuid().as_bytes().to_vec()),
            Subject::Device(id) => (1, id.uuid().as_bytes().to_vec()),
            Subject::Name(name) => (2, name.to_ascii_lowercase().into_bytes()),
        };
        let mac = self.0.mac.sign(&[&[kind], bytes.as_slice()].concat());
        let mut key = [0; 16];
        key.copy_from_slice(&mac[..16]);
        u128::from_be_bytes(key)
    }
}

impl Try {
    /// It was right: nothing is counted.
    pub(crate) fn succeeded(self) {
        if self.guard.0.is_enabled {
            self.guard.0.table.give_back(self.guard.0.pace, self.key);
        }
    }

    /// What came of it. What the server could not do counts as nobody's failure, and must not lock an owner out.
    pub(crate) fn judge<T>(self, outcome: Result<T>) -> Result<(Self, T)> {
        match outcome {
            Ok(outcome) => Ok((self, outcome)),
            Err(error) => {
                if matches!(error.code().kind(), Kind::Internal | Kind::Unavailable | Kind::Timeout) {
                    self.succeeded();
                }
                Err(error)
            }
        }
    }
}

/// An IPv4 /24, or an IPv6 /64.
fn network(address: IpAddr) -> u128 {
    match address.to_canonical() {
        IpAddr::V4(address) => u128::from(u32::from(address) >> 8),
        IpAddr::V6(address) => u128::from(address) >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Secret, Uuid};

    use super::*;

    fn guard() -> Guard {
        let keyring = Keyring::new(Secret::new(vec![1; 32]), None).unwrap();
        Guard::new(&keyring, Some(Policy { burst: 3, per_minute: 1 })).unwrap()
    }

    fn account(number: u128) -> Subject<'static> {
        Subject::Account(UserId::from_uuid(Uuid::from_u128(number)))
    }

    #[test]
    fn failures_count_and_successes_do_not() {
        let (guard, now) = (guard(), Timestamp::from_micros(1_700_000_000_000_000));
        for _ in 0..10 {
            guard.admit(account(1), now).unwrap().succeeded();
        }
        let tries: Vec<_> = (0..3).map(|_| guard.admit(account(1), now).unwrap()).collect();
        // Those under way count, so that many at once are no more than a few in a row.
        let refused = guard.admit(account(1), now).err().unwrap();
        assert_eq!((refused.code(), refused.retry_after()), (Code::RateLimited, Some(Duration::from_mins(1))));
        drop(tries);
        assert!(guard.admit(account(1), now).is_err());
        for (number, code, is_counted) in
            [(2, Code::Overloaded, false), (3, Code::Unavailable, false), (4, Code::InvalidCode, true)]
        {
            for _ in 0..3 {
                let judged = guard.admit(account(number), now).unwrap().judge::<()>(Err(Error::new(code)));
                assert_eq!(judged.err().unwrap().code(), code);
            }
            assert_eq!(guard.admit(account(number), now).is_err(), is_counted, "{code:?}");
        }
        let known = Subject::Device(DeviceId::from_uuid(Uuid::from_u128(1)));
        assert!(guard.admit(known, now).is_ok());
        assert!(guard.admit(account(1), now.plus(Duration::from_mins(1))).is_ok());
    }

    #[test]
    fn many_accounts_from_one_network_are_stuffing_once() {
        let guard = guard();
        let at = |last: u8| Some(IpAddr::from([203, 0, 113, last]));
        let mut found = (0..40).map(|number| guard.is_stuffing(account(number), at(u8::try_from(number).unwrap())));
        assert_eq!(found.by_ref().take(20).position(|is_stuffing| is_stuffing), Some(19));
        assert!(!found.any(|is_stuffing| is_stuffing));
        assert!(!(0..40).any(|_| guard.is_stuffing(account(1), Some([198, 51, 100, 1].into()))), "one account");
    }
}

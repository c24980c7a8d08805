//! Places in the write-ahead log: whose last write stands where, in bounded memory.
use std::collections::HashMap;

use kernel::UserId;

/// A place in the write-ahead log, in bytes from its beginning.
pub(super) type Position = u64;

/// Accounts remembered one by one.
const MOST_ACCOUNTS: usize = 10_000;

/// Up to where a replica must have come for an account to see its own writes there.
#[derive(Default)]
pub(super) struct Positions {
    by_account: HashMap<UserId, Position>,
    /// For every account that is not remembered.
    floor: Position,
}

impl Positions {
    /// Notes a write. When there is no room the floor rises to the newest instead: that is true for all, and soon passed.
    pub fn note(&mut self, account: UserId, at: Position) {
        if self.by_account.len() >= MOST_ACCOUNTS && !self.by_account.contains_key(&account) {
            self.floor = self.by_account.drain().map(|(_, at)| at).fold(self.floor, Position::max);
        }
        let last = self.by_account.entry(account).or_default();
        *last = at.max(*last);
    }

    pub fn needed(&self, account: Option<UserId>) -> Position {
        let own = account.and_then(|account| self.by_account.get(&account).copied());
        own.unwrap_or_default().max(self.floor)
    }

    /// Forgets what every replica has.
    pub fn forget(&mut self, replayed_by_all: Position) {
        self.by_account.retain(|_, at| *at > replayed_by_all);
    }
}

#[cfg(test)]
mod tests {
    use kernel::Uuid;

    use super::*;

    fn account(number: u64) -> UserId {
        UserId::from_uuid(Uuid::from_u64_pair(0, number))
    }

    #[test]
    fn everyone_needs_their_own_last_write() {
        let mut positions = Positions::default();
        positions.note(account(1), 70);
        positions.note(account(1), 50);
        positions.note(account(2), 90);
        assert_eq!(positions.needed(Some(account(1))), 70);
        assert_eq!(positions.needed(Some(account(2))), 90);
        assert_eq!(positions.needed(Some(account(3))), 0);
        assert_eq!(positions.needed(None), 0);
        positions.forget(70);
        assert_eq!(positions.needed(Some(account(1))), 0);
        assert_eq!(positions.needed(Some(account(2))), 90);
    }

    #[test]
    fn memory_is_bounded_and_no_write_is_lost_from_sight() {
        let mut positions = Positions::default();
        for number in 0..3 * MOST_ACCOUNTS as u64 {
            positions.note(account(number), 1_000 + number);
            assert!(positions.needed(Some(account(number))) >= 1_000 + number);
            assert!(positions.by_account.len() <= MOST_ACCOUNTS);
        }
        let forgotten = positions.needed(Some(account(0)));
        assert!(forgotten >= 1_000, "{forgotten}");
    }
}

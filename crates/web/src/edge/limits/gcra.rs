//! The generic cell rate algorithm over a bounded table of keys: one 64-bit number a key, no background work.
use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use kernel::Timestamp;

const SHARDS: usize = 64;

/// How fast units come back, and how many may be saved up. Times in microseconds.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    interval: i64,
    burst: i64,
}

impl Pace {
    pub fn new(burst: u32, per_minute: u32) -> Self {
        const MINUTE: u32 = 60_000_000;
        // Rounded up: never more than the rate.
        Self { interval: i64::from(MINUTE.div_ceil(per_minute.max(1))), burst: i64::from(burst.max(1)) }
    }

    /// How long an empty allowance takes to fill.
    pub fn full(self) -> Duration {
        Duration::from_micros((self.interval * self.burst).unsigned_abs())
    }
}

/// What became of one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    pub is_admitted: bool,
    pub remaining: u32,
    /// Until one more unit is there.
    pub next: Duration,
}

/// Per key, the moment its allowance is full again (the theoretical arrival time of the literature).
pub struct Table {
    shards: Vec<Mutex<HashMap<u128, i64>>>,
    hasher: RandomState,
    keys_per_shard: usize,
}

impl Table {
    /// Holds about `keys` keys at most.
    pub fn new(keys: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, hasher: RandomState::new(), keys_per_shard: keys.div_ceil(SHARDS) }
    }

    /// Takes one unit of `key`'s allowance, if there is one.
    pub fn take(&self, pace: Pace, key: u128, now: Timestamp) -> Taken {
        let now = now.micros();
        let mut keys = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if !keys.contains_key(&key) && keys.len() >= self.keys_per_shard {
            make_room(&mut keys, self.keys_per_shard, now);
        }
        let full_at = keys.entry(key).or_insert(now);
        let full = pace.interval * pace.burst;
        let mut missing = full_at.saturating_sub(now).max(0);
        if missing > full {
            // Only a clock that was set back can leave that much. What was used is not known any more: one unit is left, so that
            // whoever keeps to the pace is not refused, and nobody is locked out for as long as it was set back.
            missing = full - pace.interval;
        }
        let is_admitted = missing + pace.interval <= full;
        let missing = if is_admitted { missing + pace.interval } else { missing };
        *full_at = now.saturating_add(missing);

        let remaining = (full - missing) / pace.interval;
        let next = missing - pace.interval * (pace.burst - remaining - 1);
        Taken {
            is_admitted,
            remaining: u32::try_from(remaining).unwrap_or(0),
            next: Duration::from_micros(u64::try_from(next).unwrap_or(0)),
        }
    }

    /// Gives one unit back that was taken.
    pub fn give_back(&self, pace: Pace, key: u128) {
        let mut keys = self.shard(key).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(full_at) = keys.get_mut(&key) {
            *full_at = full_at.saturating_sub(pace.interval);
        }
    }

    fn shard(&self, key: u128) -> &Mutex<HashMap<u128, i64>> {
        let hash = self.hasher.hash_one(key);
        let place = usize::try_from(hash % SHARDS as u64).unwrap_or(0);
        &self.shards[place]
    }

    #[cfg(test)]
    fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap().len()).sum()
    }
}

/// Forgets full allowances, which loses nothing. When a flood of keys left none, forgets the fullest: whoever has used most stays
/// limited, and the table stays small.
fn make_room(keys: &mut HashMap<u128, i64>, most: usize, now: i64) {
    keys.retain(|_, full_at| *full_at > now);
    if keys.len() >= most {
        let fullest = keys.iter().min_by_key(|(_, full_at)| **full_at).map(|(key, _)| *key);
        if let Some(key) = fullest {
            keys.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use kernel::{Random, SeededRandom};

    use super::*;

    const START: i64 = 1_700_000_000_000_000;

    fn at(micros: i64) -> Timestamp {
        Timestamp::from_micros(START + micros)
    }

    #[test]
    fn a_burst_then_the_rate() {
        let (table, pace) = (Table::new(1000), Pace::new(20, 30));
        for taken in 0..20 {
            let answer = table.take(pace, 1, at(0));
            assert!(answer.is_admitted);
            assert_eq!(answer.remaining, 19 - taken);
        }
        let refused = table.take(pace, 1, at(0));
        assert_eq!(refused, Taken { is_admitted: false, remaining: 0, next: Duration::from_secs(2) });
        assert!(!table.take(pace, 1, at(1_999_999)).is_admitted);
        assert!(table.take(pace, 1, at(2_000_000)).is_admitted);
        assert!(!table.take(pace, 1, at(2_000_000)).is_admitted);
        assert!(table.take(pace, 2, at(2_000_000)).is_admitted, "keys are apart");
    }

    #[test]
    fn whoever_waits_as_told_is_admitted() {
        let (table, pace) = (Table::new(1000), Pace::new(3, 7));
        let mut now = at(0);
        for _ in 0..50 {
            let answer = table.take(pace, 1, now);
            if !answer.is_admitted {
                now = now.plus(answer.next);
                assert!(table.take(pace, 1, now).is_admitted);
            }
        }
    }

    /// Over any stretch, never more than burst + rate × time, however requests arrive.
    #[test]
    fn never_more_than_the_burst_and_the_rate() {
        let random = SeededRandom::new(7);
        let number = |below: u32| {
            let mut bytes = [0; 4];
            random.fill(&mut bytes);
            u32::from_le_bytes(bytes) % below
        };
        for _ in 0..200 {
            let (burst, per_minute) = (1 + number(30), 1 + number(1000));
            let (table, pace) = (Table::new(1000), Pace::new(burst, per_minute));
            let mut now = 0;
            let mut admitted = Vec::new();
            for _ in 0..300 {
                now += i64::from(number(3) * number(200_000));
                if table.take(pace, 1, at(now)).is_admitted {
                    admitted.push(now);
                }
            }
            for (place, from) in admitted.iter().enumerate() {
                for (count, until) in (1i64..).zip(&admitted[place..]) {
                    let most = i64::from(burst) + (until - from) * i64::from(per_minute) / 60_000_000;
                    assert!(count <= most, "{count} in {} µs at {burst} and {per_minute}", until - from);
                }
            }
        }
    }

    #[test]
    fn fifty_at_once_share_one_allowance() {
        let (table, pace) = (Table::new(1000), Pace::new(20, 30));
        let admitted = AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..50 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        if table.take(pace, 1, at(0)).is_admitted {
                            admitted.fetch_add(1, Ordering::Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(admitted.into_inner(), 20);
    }

    #[test]
    fn a_flood_of_keys_is_bounded_and_frees_nobody() {
        let (table, pace) = (Table::new(1024), Pace::new(5, 30));
        while table.take(pace, u128::MAX, at(0)).is_admitted {}
        for key in 0..100_000 {
            table.take(pace, key, at(1));
        }
        assert!(table.len() <= 1024, "{}", table.len());
        assert!(!table.take(pace, u128::MAX, at(1)).is_admitted);
    }

    #[test]
    fn a_clock_set_back_locks_nobody_out() {
        let hour = 3_600_000_000;
        let pace = Pace::new(5, 30);
        for used in 1..=5 {
            let table = Table::new(1000);
            for _ in 0..used {
                assert!(table.take(pace, 1, at(0)).is_admitted);
            }
            assert!(table.take(pace, 1, at(-hour)).is_admitted, "who keeps to the pace is not refused");
            assert!(!table.take(pace, 1, at(-hour)).is_admitted, "nobody gets another burst");
            assert!(table.take(pace, 1, at(2_000_000 - hour)).is_admitted);
        }
    }

    #[test]
    fn extremes_do_not_overflow() {
        let table = Table::new(1000);
        for (burst, per_minute) in [(u32::MAX, 1), (u32::MAX, u32::MAX), (0, 0)] {
            for now in [i64::MIN, 0, i64::MAX] {
                table.take(Pace::new(burst, per_minute), u128::from(burst), Timestamp::from_micros(now));
            }
        }
    }
}

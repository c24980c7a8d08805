//! How long to wait before the next attempt.
use std::time::Duration;

use kernel::Random;

/// Before the second attempt; each wait after that is three times as long, up to the longest.
const FIRST: Duration = Duration::from_secs(5);
const LONGEST: Duration = Duration::from_hours(1);
/// Attempts in all. The last comes about a day after the first.
pub(super) const ATTEMPTS: i64 = 30;

/// The wait after attempt number `attempt`, from half of it to all: many that failed together come back apart. `asked` is what the
/// other side asked for, and is kept at least.
pub(super) fn wait(random: &dyn Random, attempt: i64, asked: Option<Duration>) -> Duration {
    let exponent = u32::try_from(attempt.clamp(1, 16) - 1).unwrap_or(0);
    let longest = FIRST.saturating_mul(3_u32.saturating_pow(exponent)).min(LONGEST);
    let mut bytes = [0; 4];
    random.fill(&mut bytes);
    let share = f64::from(u32::from_le_bytes(bytes)) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + share / 2.0).max(asked.unwrap_or_default().min(LONGEST))
}

#[cfg(test)]
mod tests {
    use kernel::SeededRandom;

    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_are_spread() {
        let random = SeededRandom::new(1);
        for (attempt, longest) in [(1, 5), (2, 15), (3, 45), (6, 1215), (7, 3600), (30, 3600), (i64::MAX, 3600)] {
            let waits: Vec<_> = (0..50).map(|_| wait(&random, attempt, None)).collect();
            let longest = Duration::from_secs(longest);
            assert!(waits.iter().all(|wait| *wait >= longest / 2 && *wait <= longest), "{attempt} {waits:?}");
            assert!(waits.iter().any(|wait| wait != &waits[0]), "{attempt}");
        }
    }

    #[test]
    fn what_the_other_side_asks_for_is_kept_within_bounds() {
        let random = SeededRandom::new(1);
        assert_eq!(wait(&random, 1, Some(Duration::from_mins(2))), Duration::from_mins(2));
        assert_eq!(wait(&random, 1, Some(Duration::from_hours(24))), LONGEST);
    }

    #[test]
    fn attempts_span_a_day() {
        let random = SeededRandom::new(1);
        let total: Duration = (1..ATTEMPTS).map(|attempt| wait(&random, attempt, None)).sum();
        assert!(total > Duration::from_hours(12) && total < Duration::from_hours(26), "{total:?}");
    }
}

//! Time: microseconds since the epoch in 64 bits, RFC 3339 in UTC on the wire, and a clock that tests can hold.
use std::{
    fmt,
    sync::atomic::{AtomicI64, Ordering},
    time::Duration,
};

use serde::{Serialize, Serializer};

use crate::value::Value;

/// An instant: microseconds since 1970-01-01T00:00:00Z. Shown with six digits and `Z`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    pub const fn from_micros(micros: i64) -> Self {
        Self(micros)
    }

    pub const fn micros(self) -> i64 {
        self.0
    }

    /// Whole seconds since the epoch, as a JWT counts them.
    pub const fn seconds(self) -> i64 {
        self.0.div_euclid(1_000_000)
    }

    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// How long after `earlier` this is; zero when it is not.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// An RFC 3339 text with an offset, between the years 0001 and 9999; digits past the microsecond are refused.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = text.as_bytes();
        // jiff also reads other spellings of ISO 8601; the wire knows one.
        if bytes.len() < 20 || bytes.get(4) != Some(&b'-') || !matches!(bytes.get(10), Some(b'T' | b't')) {
            return None;
        }
        let instant: jiff::Timestamp = text.parse().ok()?;
        let nanos = instant.as_nanosecond();
        let is_plain = !text.contains('[') && nanos % 1000 == 0;
        let year = instant.to_zoned(jiff::tz::TimeZone::UTC).year();
        (is_plain && (1..=9999).contains(&year)).then(|| Self(instant.as_microsecond()))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// Whether `text` is a calendar date, `YYYY-MM-DD`, between the years 0001 and 9999.
pub fn is_date(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.len() == 10
        && bytes.iter().enumerate().all(|(place, byte)| match place {
            4 | 7 => *byte == b'-',
            _ => byte.is_ascii_digit(),
        })
        && text.parse::<jiff::civil::Date>().is_ok_and(|date| date.year() > 0)
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_microsecond(self.0) {
            Ok(instant) => write!(f, "{instant:.6}"),
            Err(_) => write!(f, "{}us", self.0),
        }
    }
}
impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
impl From<Timestamp> for Value {
    fn from(at: Timestamp) -> Self {
        Value::Timestamp(at)
    }
}

/// Where the present moment comes from.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    #[allow(clippy::disallowed_methods)] // the one home of the wall clock
    fn now(&self) -> Timestamp {
        Timestamp(jiff::Timestamp::now().as_microsecond())
    }
}

/// A clock that stands still until it is moved.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    pub fn at(start: Timestamp) -> Self {
        Self(AtomicI64::new(start.micros()))
    }

    pub fn advance(&self, by: Duration) {
        self.0.fetch_add(micros(by), Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shown_with_six_digits_in_utc() {
        assert_eq!(Timestamp::from_micros(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Timestamp::from_micros(1_700_000_000_123_456).to_string(), "2023-11-14T22:13:20.123456Z");
    }

    #[test]
    fn offsets_are_read_and_normalised() {
        let parsed = Timestamp::parse("2023-11-15T00:13:20.5+02:00");
        assert_eq!(parsed.map(|at| at.to_string()).as_deref(), Some("2023-11-14T22:13:20.500000Z"));
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "",
            "2023-11-14",
            "2023-11-14T22:13:20",
            "2023-11-14 22:13:20Z",
            "20231114T221320Z",
            "2023-02-30T00:00:00Z",
            "2023-11-14T22:13:20.1234567Z",
            "2023-11-14T22:13:20Z[UTC]",
            "-000001-01-01T00:00:00Z",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text}");
        }
    }

    #[test]
    fn dates_exist_in_the_calendar() {
        assert!(is_date("2024-02-29"));
        for text in ["2023-02-29", "2023-1-01", "2023-13-01", "0000-01-01", "2023-01-01T", "２023-01-0"] {
            assert!(!is_date(text), "{text}");
        }
    }
}

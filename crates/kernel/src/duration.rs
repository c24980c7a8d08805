//! Durations as people write them: `500ms`, `30s`, `15m`, `1h`, `7d`.
use std::time::Duration;

/// Units with their length in milliseconds, the longest first.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// Ten years: longer than anything here can mean.
const MOST: u64 = 3650 * 86_400_000;

/// One whole number and its unit. Errors: what is wrong with it.
pub fn read(text: &str) -> Result<Duration, &'static str> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    if unit.is_empty() && digits > 0 {
        return Err("has no unit");
    }
    let number: u64 = number.parse().map_err(|_| "is not a duration")?;
    let (_, length) = UNITS.iter().find(|(name, _)| *name == unit).ok_or("is not a duration")?;
    match number.checked_mul(*length) {
        Some(0) => Err("is zero"),
        Some(millis) if millis <= MOST => Ok(Duration::from_millis(millis)),
        _ => Err("is more than ten years"),
    }
}

/// The shortest spelling that [`read`] takes back.
pub fn write(duration: Duration) -> String {
    let millis = duration.as_millis();
    let fits = UNITS.iter().find(|(_, length)| millis.is_multiple_of(u128::from(*length)));
    fits.map_or_else(|| format!("{millis}ms"), |(name, length)| format!("{}{name}", millis / u128::from(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_is_read_and_written_back() {
        for (text, millis) in
            [("500ms", 500), ("30s", 30_000), ("15m", 900_000), ("1h", 3_600_000), ("7d", 604_800_000)]
        {
            assert_eq!(read(text), Ok(Duration::from_millis(millis)), "{text}");
            assert_eq!(write(Duration::from_millis(millis)), text);
        }
        assert_eq!(write(Duration::from_hours(24)), "1d");
        assert_eq!(write(Duration::from_millis(1500)), "1500ms");
    }

    #[test]
    fn anything_else_is_refused() {
        for text in ["", "30", "h", "1.5h", "-1s", "1 h", "1H", "1w", "0s", "9999999d", "99999999999999999999s"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

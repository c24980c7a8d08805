//! Places on Earth, and whether somebody can have been at two of them.
use std::time::Duration;

use kernel::Timestamp;

/// The Earth's mean radius, in kilometres (IUGG).
const EARTH: f64 = 6371.0088;
/// Nobody goes further than this without its being told: networks are moved, and databases lag behind.
const NEAR: f64 = 500.0;
/// Faster than any airliner, in kilometres an hour.
const FAST: f64 = 1000.0;

/// Roughly where somebody was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    /// Tenths of a degree, north and east of zero: no more exact than it must be.
    pub latitude: i64,
    pub longitude: i64,
    /// Within so many kilometres of there.
    pub radius: i64,
    /// ISO 3166-1, two letters.
    pub country: Option<String>,
}

/// Two log-ins that one person can hardly have made.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Travel {
    pub from: Place,
    /// When the log-in there was.
    pub left_at: Timestamp,
    pub to: Place,
    /// At the least.
    pub kilometres: i64,
}

impl Place {
    /// By degrees; none when they are none.
    pub(super) fn of_degrees(latitude: f64, longitude: f64, radius: i64, country: Option<&str>) -> Option<Self> {
        if !(-90.0..=90.0).contains(&latitude) || !(-180.0..=180.0).contains(&longitude) {
            return None;
        }
        #[allow(clippy::cast_possible_truncation, reason = "1,800 at most")]
        let tenths = |degrees: f64| (degrees * 10.0).round() as i64;
        Some(Self {
            latitude: tenths(latitude),
            longitude: tenths(longitude),
            radius,
            country: country.map(str::to_owned),
        })
    }

    #[allow(clippy::cast_precision_loss, reason = "1,800 at most")]
    fn degrees(&self) -> (f64, f64) {
        (self.latitude as f64 / 10.0, self.longitude as f64 / 10.0)
    }
}

impl Travel {
    /// Log-ins further back say nothing: half the way around the Earth takes an airliner twenty hours.
    pub(crate) const LONGEST: Duration = Duration::from_hours(21);

    /// Whether nobody can have come from one to the other in time, however the two lie within their radii.
    pub(crate) fn impossible(from: &Place, left_at: Timestamp, to: &Place, arrived_at: Timestamp) -> Option<Self> {
        #[allow(clippy::cast_precision_loss, reason = "some thousands at most")]
        let unsure = (from.radius + to.radius) as f64;
        let least = distance(from.degrees(), to.degrees()) - unsure;
        let hours = arrived_at.since(left_at).as_secs_f64() / 3600.0;
        #[allow(clippy::cast_possible_truncation, reason = "20,000 at most")]
        let kilometres = least as i64;
        (least > NEAR && least > FAST * hours).then(|| Self { from: from.clone(), left_at, to: to.clone(), kilometres })
    }
}

/// Kilometres between two points in degrees, on a sphere: the haversine formula (R. W. Sinnott, "Virtues of the Haversine",
/// Sky and Telescope 68, 1984, p. 159). The Earth is no sphere, which makes less than 0.6 %.
fn distance((latitude_a, longitude_a): (f64, f64), (latitude_b, longitude_b): (f64, f64)) -> f64 {
    let (a, b) = (latitude_a.to_radians(), latitude_b.to_radians());
    let haversine = |angle: f64| (angle / 2.0).sin().powi(2);
    let h = haversine(b - a) + a.cos() * b.cos() * haversine((longitude_b - longitude_a).to_radians());
    2.0 * EARTH * h.sqrt().min(1.0).asin()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 3_600_000_000;

    #[test]
    fn distances_are_those_of_the_literature() {
        for (what, a, b, kilometres) in [
            // Rosetta Code, "Haversine formula": Nashville and Los Angeles, with the mean radius.
            ("BNA to LAX", (36.12, -86.67), (33.94, -118.40), 2886.45),
            // C. Veness, "Calculate distance, bearing and more between latitude/longitude points" (movable-type.co.uk):
            // Land's End and John o' Groats, 50°03'59"N 005°42'53"W and 58°38'38"N 003°04'12"W.
            ("end to end", (50.066_389, -5.714_722), (58.643_889, -3.07), 968.9),
            // A quarter and half of a great circle, by hand.
            ("pole to equator", (90.0, 0.0), (0.0, 77.0), std::f64::consts::FRAC_PI_2 * EARTH),
            ("antipodes", (10.0, 170.0), (-10.0, -10.0), std::f64::consts::PI * EARTH),
            // Across the line where dates change.
            ("Fiji", (0.0, 179.9), (0.0, -179.9), 22.24),
            ("nowhere", (51.5, -0.1), (51.5, -0.1), 0.0),
        ] {
            let found = distance(a, b);
            assert!((found - kilometres).abs() < 0.06, "{what}: {found}");
            assert!((distance(b, a) - found).abs() < 1e-6, "{what}");
        }
    }

    fn at(latitude: f64, longitude: f64, radius: i64) -> Place {
        Place::of_degrees(latitude, longitude, radius, None).unwrap()
    }

    #[test]
    fn only_what_is_too_far_and_too_fast_is_impossible() {
        // 5,570 km apart.
        let (london, new_york) = (at(51.5, -0.1, 20), at(40.7, -74.0, 20));
        let is_impossible = |a: &Place, b: &Place, micros: i64| {
            Travel::impossible(a, Timestamp::from_micros(0), b, Timestamp::from_micros(micros)).is_some()
        };
        for (hours, expected) in [(0, true), (1, true), (5, true), (6, false), (48, false)] {
            assert_eq!(is_impossible(&london, &new_york, hours * HOUR), expected, "{hours} hours");
            assert_eq!(is_impossible(&new_york, &london, hours * HOUR), expected, "{hours} hours back");
        }
        // A clock set back is no time at all.
        assert!(is_impossible(&london, &new_york, -HOUR));
        // Less than 500 km; and 718 km, which the radii make uncertain.
        let (edinburgh, paris, inverness) = (at(55.9, -3.2, 0), at(48.9, 2.4, 0), at(57.5, -4.2, 0));
        assert!(!is_impossible(&london, &paris, 0) && !is_impossible(&edinburgh, &at(51.9, -1.0, 0), 0));
        assert!(is_impossible(&at(51.5, -0.1, 0), &inverness, 0));
        assert!(!is_impossible(&at(51.5, -0.1, 120), &Place { radius: 120, ..inverness }, 0));
        // The longest way there is.
        let (pole, other) = (at(90.0, 0.0, 0), at(-90.0, 0.0, 0));
        let longest = i64::try_from(Travel::LONGEST.as_micros()).unwrap();
        assert!(is_impossible(&pole, &other, 20 * HOUR) && !is_impossible(&pole, &other, longest));
    }

    #[test]
    fn places_are_rounded_and_must_be_on_earth() {
        let place = at(51.5142, -0.0931, 5);
        assert_eq!((place.latitude, place.longitude, place.radius), (515, -1, 5));
        for (latitude, longitude) in [(90.1, 0.0), (0.0, 180.1), (f64::NAN, 0.0), (0.0, f64::INFINITY)] {
            assert_eq!(Place::of_degrees(latitude, longitude, 0, None), None);
        }
    }
}

//! Whether two samples can be told apart: the rank test of Mann and Whitney (Ann. Math. Statist. 18, 1947), two-sided.

/// The probability that samples of one distribution differ at least so much; ties count half. Meant for twenty values or more.
#[allow(clippy::cast_precision_loss)] // There are a few thousand.
pub fn probability<T: Ord>(one: &[T], other: &[T]) -> f64 {
    let mut all: Vec<(&T, bool)> = one.iter().map(|value| (value, true)).collect();
    all.extend(other.iter().map(|value| (value, false)));
    all.sort_unstable_by_key(|(value, _)| *value);
    let (mut rank_sum, mut ties, mut before) = (0.0, 0.0, 0);
    for equal in all.chunk_by(|left, right| left.0 == right.0) {
        let count = equal.len() as f64;
        let middle = before as f64 + f64::midpoint(count, 1.0);
        rank_sum += middle * equal.iter().filter(|(_, is_one)| *is_one).count() as f64;
        ties += count.powi(3) - count;
        before += equal.len();
    }
    let (m, n, total) = (one.len() as f64, other.len() as f64, all.len() as f64);
    let u = rank_sum - m * (m + 1.0) / 2.0;
    let variance = m * n / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)));
    if variance <= 0.0 {
        return 1.0;
    }
    let distance = ((u - m * n / 2.0).abs() - 0.5).max(0.0) / variance.sqrt();
    complementary_error(distance / std::f64::consts::SQRT_2)
}

/// `erfc(x)` for `x >= 0`, to 1.5e-7: Abramowitz and Stegun, Handbook of Mathematical Functions, 7.1.26.
fn complementary_error(x: f64) -> f64 {
    let t = 1.0 / 0.327_591_1f64.mul_add(x, 1.0);
    let terms = [1.061_405_429, -1.453_152_027, 1.421_413_741, -0.284_496_736, 0.254_829_592];
    t * terms.into_iter().reduce(|sum, term| sum * t + term).unwrap_or_default() * (-x * x).exp()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_function_is_as_the_tables_say() {
        // Abramowitz and Stegun, table 7.1.
        for (x, erf) in [(0.0, 0.0), (0.5, 0.520_499_88), (1.0, 0.842_700_79), (2.0, 0.995_322_27)] {
            assert!((1.0 - complementary_error(x) - erf).abs() < 2e-7, "{x}");
        }
    }

    #[test]
    fn what_is_shifted_is_told_apart_and_what_is_not_is_not() {
        let even: Vec<u32> = (0..200).map(|n| n * 2).collect();
        let odd: Vec<u32> = (0..200).map(|n| n * 2 + 1).collect();
        assert!(probability(&even, &odd) > 0.8);
        let later: Vec<u32> = odd.iter().map(|n| n + 60).collect();
        assert!(probability(&even, &later) < 0.001);
        assert!((probability(&[7; 30], &[7; 40]) - 1.0).abs() < 1e-9);
    }

    #[test]
    fn it_gives_what_is_worked_out_by_hand() {
        // U = 78, and z = (200 - 78 - 0.5) / sqrt(400 / 12 * 41) = 3.2866.
        let one: Vec<u32> = (1..=20).map(|n| n * 2).collect();
        let other: Vec<u32> = (8..=27).map(|n| n * 2 + 1).collect();
        let p = probability(&one, &other);
        assert!((p - 0.001_014).abs() < 0.000_001, "{p}");
    }
}

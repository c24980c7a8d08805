//! Asking a service whether a password leaked, without telling it which: k-anonymity by the beginning of its SHA-1.
use std::{
    fmt::{self, Write as _},
    time::Duration,
};

use aws_lc_rs::digest;
use futures_util::future::BoxFuture;
use kernel::{Result, Secret};
use metrics::counter;

use super::model::normalised;

/// Checks that told nothing, because the service did not answer in time or at all.
pub(super) const UNANSWERED: &str = "breached_passwords_unanswered_total";
/// How long a person waits for the service.
const PATIENCE: Duration = Duration::from_secs(1);
/// Hexadecimal digits of the SHA-1 that the service is told.
const PREFIX: usize = 5;

/// Whoever knows the passwords that leaked, as Have I Been Pwned's range API does.
pub trait BreachedRange: fmt::Debug + Send + Sync {
    /// What leaked whose SHA-1 begins with `prefix`, five hexadecimal digits: lines of `SUFFIX:COUNT`. To hide how many there are
    /// (`Add-Padding: true`), some may be made up, with the count 0.
    fn range<'r>(&'r self, prefix: &'r str) -> BoxFuture<'r, Result<String>>;
}

/// Whether `password` is known to have leaked. When the service does not tell, it is not: people can still register.
pub(super) async fn is_breached(service: &dyn BreachedRange, password: &Secret<String>) -> bool {
    let digest = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, normalised(password).expose().as_bytes());
    let mut hex = String::new();
    for byte in digest.as_ref() {
        let _ = write!(hex, "{byte:02X}");
    }
    let (prefix, suffix) = hex.split_at(PREFIX);
    match tokio::time::timeout(PATIENCE, service.range(prefix)).await {
        Ok(Ok(range)) => range.lines().any(|line| is_of(line, suffix)),
        answer => {
            counter!(UNANSWERED).increment(1);
            if let Ok(Err(error)) = answer {
                tracing::warn!(?error, "the service of breached passwords failed");
            } else {
                tracing::warn!("the service of breached passwords did not answer in time");
            }
            false
        }
    }
}

fn is_of(line: &str, suffix: &str) -> bool {
    let Some((found, count)) = line.trim().split_once(':') else { return false };
    found.eq_ignore_ascii_case(suffix) && count.trim().parse::<u64>().is_ok_and(|count| count > 0)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::FutureExt as _;
    use kernel::{Code, Error};

    use super::*;

    #[derive(Debug)]
    struct Fake {
        asked: Mutex<Vec<String>>,
        answer: Option<&'static str>,
    }

    impl BreachedRange for Fake {
        fn range<'r>(&'r self, prefix: &'r str) -> BoxFuture<'r, Result<String>> {
            self.asked.lock().unwrap().push(prefix.to_owned());
            let answer = self.answer.map(str::to_owned).ok_or_else(|| Error::new(Code::Unavailable));
            async move { answer }.boxed()
        }
    }

    #[derive(Debug)]
    struct Silent;

    impl BreachedRange for Silent {
        fn range<'r>(&'r self, _: &'r str) -> BoxFuture<'r, Result<String>> {
            std::future::pending().boxed()
        }
    }

    async fn of(answer: Option<&'static str>) -> (bool, Vec<String>) {
        let fake = Fake { asked: Mutex::default(), answer };
        // SHA-1 of "password": 5BAA61E4C9B93F3F0682250B6CF8331B7EE68FD8.
        let is_breached = is_breached(&fake, &Secret::new("password".to_owned())).await;
        (is_breached, fake.asked.into_inner().unwrap())
    }

    #[tokio::test]
    async fn the_service_is_told_five_digits_and_nothing_else() {
        assert_eq!(of(Some("")).await, (false, vec!["5BAA6".to_owned()]));
    }

    #[tokio::test]
    async fn a_password_that_leaked_is_told_and_padding_is_not() {
        for (range, expected) in [
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:10437277", true),
            ("0000000000000000000000000000000000A:3\r\n1e4c9b93f3f0682250b6cf8331b7ee68fd8:1\r\n", true),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8:0", false),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD9:5", false),
            ("1E4C9B93F3F0682250B6CF8331B7EE68FD8", false),
            ("<html>", false),
        ] {
            assert_eq!(of(Some(range)).await.0, expected, "{range}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_service_that_fails_or_is_silent_stops_nobody() {
        assert!(!of(None).await.0);
        let start = tokio::time::Instant::now();
        assert!(!is_breached(&Silent, &Secret::new("password".to_owned())).await);
        assert_eq!(start.elapsed(), PATIENCE);
    }
}

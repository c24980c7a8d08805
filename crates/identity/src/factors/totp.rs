//! Time-based codes, RFC 6238: SHA-1, six digits, thirty seconds, as every authenticator app has them.
use kernel::{Error, Result, Timestamp};
use totp_rs::{Builder, Totp};

/// As RFC 4226 recommends, 160 bits.
pub(super) const SECRET_LENGTH: usize = 20;
/// Steps a clock may be off, either way.
const SKEW: u16 = 1;

fn generator(secret: &[u8]) -> Builder {
    Builder::new().with_secret(secret.to_vec()).with_skew(SKEW)
}

/// The step whose code this is, if it is one of now. Whoever takes it must see that no step is taken twice.
pub(super) fn matching_step(secret: &[u8], code: &str, now: Timestamp) -> Result<Option<i64>> {
    let seconds = u64::try_from(now.seconds()).unwrap_or_default();
    let step = build(generator(secret))?.check(code, seconds);
    Ok(step.and_then(|step| i64::try_from(step).ok()))
}

/// The secret in base 32, and as the link that an authenticator app reads.
pub(super) fn describe(secret: &[u8], issuer: &str, account: &str) -> Result<(String, String)> {
    // The format divides its parts by colons.
    let plain = |text: &str| text.replace(':', " ");
    let builder = generator(secret).with_issuer(Some(plain(issuer))).with_account_name(plain(account));
    let totp = build(builder)?;
    let uri = totp.to_url().map_err(|error| Error::internal(error.to_string()))?;
    Ok((totp.secret().to_base32(), uri))
}

fn build(builder: Builder) -> Result<Totp> {
    builder.build().map_err(|error| Error::internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    /// RFC 6238, appendix B, SHA-1: the last six of its eight digits.
    #[test]
    fn the_vectors_of_the_rfc_hold() {
        let secret = b"12345678901234567890";
        for (seconds, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            let found = matching_step(secret, code, at(seconds)).unwrap();
            assert_eq!(found, Some(seconds / 30), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_good_a_step_early_and_a_step_late() {
        let secret = b"12345678901234567890";
        for (seconds, is_good) in [(0, true), (29, true), (30, true), (89, true), (90, false)] {
            assert_eq!(matching_step(secret, "287082", at(seconds)).unwrap().is_some(), is_good, "{seconds}");
        }
        for code in ["", "28708", "2870822", "28708a", "२८७०८२", "287082 "] {
            assert_eq!(matching_step(secret, code, at(59)).unwrap(), None, "{code}");
        }
    }

    #[test]
    fn the_link_is_what_apps_read() {
        let (secret, uri) = describe(b"12345678901234567890", "My: app", "ann@example.com").unwrap();
        assert_eq!(secret, "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_eq!(
            uri,
            "otpauth://totp/My%20%20app:ann%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=My%20%20app"
        );
    }
}

//! The id of a request: the caller's when it is well-formed, else one of our own.
use http::{HeaderMap, HeaderName};
use kernel::{Random, Timestamp, id::uuid_v7};

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

const LENGTH_MAX: usize = 128;

/// 1 to 128 of `[A-Za-z0-9._-]`: safe in a header, in a log line and in a file name.
pub fn of(headers: &HeaderMap, now: Timestamp, random: &dyn Random) -> String {
    let sent = headers.get(HEADER).and_then(|sent| sent.to_str().ok()).filter(|sent| is_well_formed(sent));
    sent.map_or_else(|| uuid_v7(now, random).to_string(), str::to_owned)
}

fn is_well_formed(id: &str) -> bool {
    (1..=LENGTH_MAX).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use kernel::SeededRandom;

    use super::*;

    fn given(sent: &[u8]) -> String {
        let headers = HeaderMap::from_iter([(HEADER, HeaderValue::from_bytes(sent).unwrap())]);
        of(&headers, Timestamp::from_micros(0), &SeededRandom::new(1))
    }

    #[test]
    fn well_formed_ids_are_kept() {
        for id in ["a", "A.b_c-9", &"x".repeat(128)] {
            assert_eq!(given(id.as_bytes()), id);
        }
    }

    #[test]
    fn others_are_replaced() {
        for id in [&b""[..], b"a b", b"a/b", b"<script>", b"\xff", "x".repeat(129).as_bytes()] {
            let made = given(id);
            assert!(is_well_formed(&made) && made.as_bytes() != id, "{made}");
        }
        assert_eq!(of(&HeaderMap::new(), Timestamp::from_micros(0), &SeededRandom::new(1)).len(), 36);
    }
}

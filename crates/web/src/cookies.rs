//! Reading cookies (RFC 6265, 5.4).
use http::{HeaderMap, header};

/// The value of the first cookie of that name, when it is not empty. HTTP/2 may send several `Cookie` lines.
pub fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    // In bytes: a cookie that another app on the host set may hold any, and must not hide ours.
    let lines = headers.get_all(header::COOKIE).iter();
    let mut pairs = lines.flat_map(|line| line.as_bytes().split(|byte| *byte == b';')).filter_map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=')?;
        let (key, value) = pair.split_at(equals);
        Some((key.trim_ascii(), value.get(1..)?.trim_ascii()))
    });
    let (_, value) = pairs.find(|(key, _)| *key == name.as_bytes())?;
    std::str::from_utf8(value).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn names_match_exactly_and_the_first_wins() {
        let mut headers = HeaderMap::new();
        headers.append(header::COOKIE, HeaderValue::from_static("xa=1; a=2=3;a=4; empty=; flag"));
        headers.append(header::COOKIE, HeaderValue::from_static("b=5"));
        assert_eq!(get(&headers, "a"), Some("2=3"));
        assert_eq!(get(&headers, "b"), Some("5"));
        headers.append(header::COOKIE, HeaderValue::from_bytes(b"other=\xff; c=6").unwrap());
        assert_eq!((get(&headers, "c"), get(&headers, "other")), (Some("6"), None));
        for name in ["A", "empty", "flag", ""] {
            assert_eq!(get(&headers, name), None, "{name}");
        }
    }
}

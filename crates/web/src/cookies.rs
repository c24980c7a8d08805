//! Reading cookies (RFC 6265, 5.4).
use http::{HeaderMap, header};

/// The value of the first cookie of that name, when it is not empty. HTTP/2 may send several `Cookie` lines.
pub fn get<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    pairs.find(|(key, _)| key.trim() == name).map(|(_, value)| value.trim()).filter(|value| !value.is_empty())
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
        for name in ["A", "empty", "flag", ""] {
            assert_eq!(get(&headers, name), None, "{name}");
        }
    }
}

//! Percent-encoding, read strictly.
use std::borrow::Cow;

/// The text that `encoded` stands for. None when an escape is malformed, or what comes out is not UTF-8.
pub fn decode(encoded: &str) -> Option<Cow<'_, str>> {
    if !encoded.contains('%') {
        return Some(Cow::Borrowed(encoded));
    }
    let mut bytes = Vec::with_capacity(encoded.len());
    let mut rest = encoded.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            bytes.push(hex(rest.next()?)? << 4 | hex(rest.next()?)?);
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

/// The same for a part of a query, where `+` is a space (application/x-www-form-urlencoded).
pub(crate) fn decode_form(encoded: &str) -> Option<String> {
    if encoded.contains('+') {
        decode(&encoded.replace('+', " ")).map(Cow::into_owned)
    } else {
        decode(encoded).map(Cow::into_owned)
    }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_strictly() {
        let cases = [
            ("plain", Some("plain")),
            ("%C3%a9+", Some("é+")),
            ("%2525", Some("%25")),
            ("%", None),
            ("%4", None),
            ("%zz", None),
            ("%+1", None),
            ("%ff", None),
            ("%ed%a0%80", None),
        ];
        for (encoded, decoded) in cases {
            assert_eq!(decode(encoded).as_deref(), decoded, "{encoded}");
        }
        assert_eq!(decode_form("a+b%2B").as_deref(), Some("a b+"));
    }
}

//! Formats of values: exact decimals, addresses, URLs, bounded JSON.
use rust_decimal::Decimal;
use serde_json::Value as Json;

use super::Violation;
use crate::value::Value;

pub(super) const EMAIL_MAX: usize = 254;
pub(super) const URL_MAX: usize = 2048;

pub(super) fn json_text(json: &Json, max_bytes: usize) -> Result<Value, Violation> {
    if has_nul(json) {
        return Err(("nul", "must not contain NUL".into()));
    }
    let text = json.to_string();
    if text.len() > max_bytes {
        return Err(("too_long", format!("must take at most {max_bytes} bytes")));
    }
    Ok(Value::Json(text))
}

fn has_nul(json: &Json) -> bool {
    match json {
        Json::String(text) => text.contains('\0'),
        Json::Array(items) => items.iter().any(has_nul),
        Json::Object(fields) => fields.iter().any(|(name, value)| name.contains('\0') || has_nul(value)),
        _ => false,
    }
}

/// An exact decimal of the column's scale. JSON Schema's pattern and this agree on every text.
pub fn parse_decimal(text: &str, precision: u32, scale: u32) -> Result<Value, Violation> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_plain = !whole.is_empty()
        && (whole == "0" || !whole.starts_with('0'))
        && digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.ends_with(|last: char| last.is_ascii_digit());
    if !is_plain || fraction.contains('.') {
        return Err(("format", "must be a decimal number in a string, as \"12.50\"".into()));
    }
    let fits = |length: usize, most: u32| u32::try_from(length).is_ok_and(|length| length <= most);
    let whole_digits = if whole == "0" { 0 } else { whole.len() };
    if !fits(fraction.len(), scale) || !fits(whole_digits, precision - scale) {
        return Err((
            "out_of_range",
            format!("must have at most {} digits before the point and {scale} after it", precision - scale),
        ));
    }
    match text.parse::<Decimal>() {
        Ok(mut number) => {
            number.rescale(scale);
            Ok(Value::Decimal(number))
        }
        Err(_) => Err(("format", "must be a decimal number in a string".into())),
    }
}

/// The valid-address rule of HTML's `<input type=email>`, with the lengths of RFC 5321.
pub(super) fn is_email(text: &str) -> bool {
    const LOCAL: &[u8] = b".!#$%&'*+/=?^_`{|}~-";
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    text.len() <= EMAIL_MAX
        && (1..=64).contains(&local.len())
        && local.bytes().all(|byte| byte.is_ascii_alphanumeric() || LOCAL.contains(&byte))
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        })
}

pub(super) fn is_url(text: &str) -> bool {
    let Some(rest) = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://")) else { return false };
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    text.len() <= URL_MAX
        && !host.is_empty()
        && !host.contains('@')
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte))
}

//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): what makes two calls one.
use std::{net::IpAddr, sync::Arc};

use http::{HeaderMap, HeaderName};
use kernel::{Actor, Code, Error, Principal, Result};
use serde_json::Value as Json;
use store::Once;

use super::outer::Exchange;
use crate::Route;

/// On an answer that was given before.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
const HEADER: &str = "idempotency-key";
/// Longest key, in bytes.
const LENGTH_MAX: usize = 255;

/// The key of a call where the route takes one: it holds for this caller, method, path and query alone.
///
/// Errors: 400 `bad_header` for a key that is empty, too long, or not of visible ASCII, and for two.
pub(super) fn of(route: &Route, actor: &Actor, exchange: &Exchange, body: &Json) -> Result<Option<Arc<Once>>> {
    if !route.takes_idempotency_key() {
        return Ok(None);
    }
    let Some(key) = key(&exchange.headers)? else { return Ok(None) };
    let (line, caller) = (&exchange.line, caller(actor, exchange.line.request.address));
    let scope: [&[u8]; 5] = [
        caller.as_bytes(),
        line.method.as_str().as_bytes(),
        line.uri.path().as_bytes(),
        line.uri.query().unwrap_or_default().as_bytes(),
        key,
    ];
    let mut text = String::new();
    canonical(body, &mut text);
    Ok(Some(Arc::new(Once::new(&scope, text.as_bytes()))))
}

fn key(headers: &HeaderMap) -> Result<Option<&[u8]>> {
    let mut sent = headers.get_all(HEADER).iter();
    let Some(key) = sent.next() else { return Ok(None) };
    let key = key.as_bytes();
    if (1..=LENGTH_MAX).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic) && sent.next().is_none() {
        return Ok(Some(key));
    }
    let detail = format!("Idempotency-Key must be given once, with 1 to {LENGTH_MAX} visible ASCII characters.");
    Err(Error::new(Code::BadHeader).with_detail(detail))
}

/// Who must be the same; of someone unknown, the address. An API key is not its owner: it may see less.
fn caller(actor: &Actor, address: Option<IpAddr>) -> String {
    if let Some(key) = actor.principal().and_then(Principal::api_key) {
        return key.id.to_string();
    }
    match (actor.user_id(), address) {
        (Some(user), _) => user.to_string(),
        (None, Some(address)) => address.to_string(),
        (None, None) => String::new(),
    }
}

/// The same text for the same JSON, whatever the order of its fields: some languages shuffle them from one attempt to the next.
fn canonical(json: &Json, text: &mut String) {
    match json {
        Json::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (name, value) in fields {
                text.push_str(&Json::from(name.as_str()).to_string());
                canonical(value, text);
            }
            text.push('}');
        }
        Json::Array(items) => {
            text.push('[');
            for item in items {
                canonical(item, text);
                text.push(',');
            }
            text.push(']');
        }
        other => text.push_str(&other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use serde_json::json;

    use super::*;

    #[test]
    fn keys_are_visible_and_bounded() {
        let read = |values: &[&[u8]]| {
            let value = |bytes: &&[u8]| HeaderValue::from_bytes(bytes).unwrap();
            let headers: HeaderMap =
                values.iter().map(|bytes| (HeaderName::from_static(HEADER), value(bytes))).collect();
            key(&headers).map(|key| key.map(<[u8]>::to_vec)).map_err(|error| error.code().as_str())
        };
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"\"8e03978e\""]), Ok(Some(b"\"8e03978e\"".to_vec())));
        assert!(read(&[&[b'x'; 255]]).is_ok());
        let bad: [&[&[u8]]; 5] = [&[b""], &[b"a b"], &[b"\xff"], &[&[b'x'; 256]], &[b"a", b"a"]];
        for bad in bad {
            assert_eq!(read(bad), Err("bad_header"), "{bad:?}");
        }
    }

    #[test]
    fn the_order_of_fields_is_no_difference_and_everything_else_is() {
        let text = |json: Json| {
            let mut text = String::new();
            canonical(&json, &mut text);
            text
        };
        assert_eq!(text(json!({"a": 1, "b": {"c": 2, "d": 3}})), text(json!({"b": {"d": 3, "c": 2}, "a": 1})));
        let different = [
            json!({"a": [1, 2]}),
            json!({"a": [2, 1]}),
            json!({"a": [12]}),
            json!({"a": ["1", 2]}),
            json!({"a": [[1], 2]}),
            json!({"a": null}),
            json!({}),
            json!([]),
            json!({"a": "b"}),
            json!("{\"a\"\"b\"}"),
        ];
        for (nth, one) in different.iter().enumerate() {
            for other in &different[nth + 1..] {
                assert_ne!(text(one.clone()), text(other.clone()));
            }
        }
    }
}

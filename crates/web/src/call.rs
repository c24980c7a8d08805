//! What a handler gets: the context and the request, already bounded, parsed and checked.
use std::sync::Arc;

use http::{HeaderMap, header};
use kernel::{Code, Error, Id, Limit, Result, id};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value as Json};
use store::Ctx;

use crate::csrf::{self, Origins};

/// One call of a route.
pub struct Call {
    pub ctx: Ctx,
    pub headers: HeaderMap,
    /// Path parameters, in order.
    pub(crate) params: Vec<(String, String)>,
    /// Query parameters, decoded; each at most once and known to the route.
    pub(crate) query: Vec<(String, String)>,
    pub(crate) body: Json,
    pub(crate) origins: Arc<Origins>,
}

impl Call {
    /// A path parameter. Errors: 404 when the path has none of that name.
    pub fn param(&self, name: &str) -> Result<&str> {
        let found = self.params.iter().find(|(param, _)| param == name);
        found.map(|(_, value)| value.as_str()).ok_or_else(|| Error::new(Code::NotFound))
    }

    /// A path parameter that is an id. Errors: 404 when it is malformed or an id of another kind.
    pub fn id<K: id::Kind>(&self, name: &str) -> Result<Id<K>> {
        Id::parse(self.param(name)?).ok_or_else(|| Error::new(Code::NotFound))
    }

    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(param, _)| param == name).map(|(_, value)| value.as_str())
    }

    /// The `limit` parameter, checked by the route's schema to be a number.
    pub fn limit(&self) -> Result<Limit> {
        match self.query("limit") {
            None => Ok(Limit::default()),
            Some(limit) => Limit::new(limit.parse().unwrap_or(i64::MAX)),
        }
    }

    /// The body as `T`. The edge has checked it against the route's schema, so a mismatch is a defect of the schema.
    pub fn body<T: DeserializeOwned>(&mut self) -> Result<T> {
        serde_json::from_value(self.body.take()).map_err(Error::internal)
    }

    /// The body as an object. Errors: 422 when it is something else.
    pub fn object(&mut self) -> Result<Map<String, Json>> {
        match self.body.take() {
            Json::Object(object) => Ok(object),
            _ => Err(Error::new(Code::Invalid).with_detail("The body must be a JSON object.")),
        }
    }

    /// For handlers that set or read cookies without an access cookie: log-in, refresh.
    ///
    /// Errors: 403 `csrf_failed` when a browser says that a page of a foreign origin asks.
    pub fn check_origin(&self) -> Result<()> {
        csrf::check_origin(&self.origins, &self.headers)
    }

    /// For handlers that act on a cookie of their own, which the pipeline cannot check: a known origin, and an echo that
    /// `is_token` knows. Errors: 403 `csrf_failed`.
    pub fn check_csrf(&self, is_token: impl FnOnce(&[u8]) -> bool) -> Result<()> {
        self.check_origin()?;
        if is_token(csrf::sent_token(&self.headers)) { Ok(()) } else { Err(Error::new(Code::CsrfFailed)) }
    }

    /// What `If-Match` asks for. Errors: 400 when it is not a list of entity tags.
    pub fn if_match(&self) -> Result<Option<IfMatch>> {
        let bad = || Error::new(Code::BadHeader).with_detail("If-Match must be * or a list of entity tags.");
        let lines = self.headers.get_all(header::IF_MATCH).iter().map(|line| line.to_str().map(str::trim));
        let lines: Vec<&str> = lines.collect::<Result<_, _>>().map_err(|_| bad())?;
        if lines.is_empty() {
            return Ok(None);
        }
        // Lines of one header are one list (RFC 9110, 5.3).
        let text = lines.join(", ");
        if text == "*" {
            return Ok(Some(IfMatch::Any));
        }
        let versions = entity_tags(&text).ok_or_else(bad)?;
        Ok(Some(IfMatch::Versions(versions.into_iter().flatten().collect())))
    }
}

/// The version each tag of a list names (RFC 9110, 8.8.3 and 13.1.1); none for a weak one, which never matches, and for one
/// that Hardpan never gave. A tag may hold commas.
fn entity_tags(mut text: &str) -> Option<Vec<Option<i64>>> {
    let mut versions = Vec::new();
    loop {
        let strong = text.strip_prefix("W/").unwrap_or(text);
        let is_weak = strong.len() < text.len();
        let (tag, rest) = strong.strip_prefix('"')?.split_once('"')?;
        // As it was given: "01" is another tag than "1".
        let version = tag.parse().ok().filter(|version: &i64| version.to_string() == tag);
        versions.push(version.filter(|_| !is_weak));
        let rest = rest.trim_start();
        if rest.is_empty() {
            return Some(versions);
        }
        text = rest.strip_prefix(',')?.trim_start();
    }
}

/// The condition of a write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IfMatch {
    Any,
    Versions(Vec<i64>),
}

impl IfMatch {
    pub fn accepts(&self, version: i64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entity_tags_are_read_as_http_writes_them() {
        for (text, expected) in [
            ("\"1\"", Some(vec![Some(1)])),
            ("\"1\", W/\"2\" ,\"3\"", Some(vec![Some(1), None, Some(3)])),
            ("\"a,b\", \"\"", Some(vec![None, None])),
            ("\"01\", \"+1\"", Some(vec![None, None])),
            ("1", None),
            ("\"1", None),
            ("\"1\" \"2\"", None),
            ("\"1\",", None),
            ("w/\"1\"", None),
            ("", None),
        ] {
            assert_eq!(entity_tags(text), expected, "{text}");
        }
    }
}

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

    /// For handlers that act on a cookie other than the access cookie, whose session expects `token`.
    ///
    /// Errors: 403 `csrf_failed` for a foreign origin, or when `X-CSRF-Token` is not `token`.
    pub fn check_csrf(&self, token: &str) -> Result<()> {
        self.check_origin()?;
        if csrf::has_token(&self.headers, token) { Ok(()) } else { Err(Error::new(Code::CsrfFailed)) }
    }

    /// What `If-Match` asks for. Errors: 400 when it is not a list of entity tags.
    pub fn if_match(&self) -> Result<Option<IfMatch>> {
        let Some(header) = self.headers.get(header::IF_MATCH) else { return Ok(None) };
        let bad = || Error::new(Code::BadHeader).with_detail("If-Match must be * or a list of entity tags.");
        let text = header.to_str().map_err(|_| bad())?.trim();
        if text == "*" {
            return Ok(Some(IfMatch::Any));
        }
        let tags = text.split(',').map(str::trim).map(|tag| {
            // A weak tag never matches (RFC 9110, 13.1.1), but it is well-formed.
            let is_weak = tag.starts_with("W/");
            let inner = tag.strip_prefix("W/").unwrap_or(tag).strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
            inner.filter(|inner| !inner.contains('"')).map(|inner| if is_weak { None } else { inner.parse().ok() })
        });
        let versions = tags.collect::<Option<Vec<_>>>().ok_or_else(bad)?;
        Ok(Some(IfMatch::Versions(versions.into_iter().flatten().collect())))
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

//! Routes as data: from this list come the router, the OpenAPI document and the tests' access table.
use std::{borrow::Cow, future::Future, sync::Arc};

use futures_util::{FutureExt as _, future::BoxFuture};
use http::{Method, StatusCode};
use kernel::{
    Code, Permission, Result, Scope, StepUp,
    schema::{Field, Schema},
};

use crate::{Call, Reply};

/// Every route of a server.
pub type Routes = Vec<Route>;

/// One operation on one path.
#[derive(Clone)]
pub struct Route {
    pub method: Method,
    /// As OpenAPI writes it: `/api/v1/documents/{id}`.
    pub path: Cow<'static, str>,
    pub access: Access,
    pub class: Class,
    /// What API keys may call it: those with one of these scopes. Services ask again.
    pub scopes: Vec<Scope>,
    /// How well and how lately the caller must have proven who they are.
    pub step_up: Option<StepUp>,
    pub body: Body,
    /// Most bytes of a body, where the server's own bound does not suit.
    pub body_limit: Option<usize>,
    /// Query parameters; any other is refused.
    pub query: Vec<Field>,
    pub operation: Operation,
    pub handler: Handler,
}

pub type Handler = Arc<dyn Fn(Call) -> BoxFuture<'static, Result<Reply>> + Send + Sync>;

/// Who may call. Services ask again; this is what can be known before the body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anyone; a token that is no longer valid is as good as none, as is an API key.
    Public,
    /// Anyone with a valid token or none: the rules of the resource decide.
    Rules,
    LoggedIn,
    Permission(Permission),
}

/// Which rate limit counts a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Liveness and readiness: never limited.
    Probe,
    Standard,
    /// Where passwords and codes are tried.
    Credentials,
}

/// What body a route takes.
#[derive(Clone, Debug)]
pub enum Body {
    None,
    /// Checked against the schema at the edge. `is_optional` allows no body at all.
    Json {
        schema: Schema,
        is_optional: bool,
    },
    /// Checked by the service, which knows the record; the schema is for the document. Also taken as JSON Merge Patch.
    Record {
        schema: Schema,
    },
}

/// What the OpenAPI document says of a route.
#[derive(Clone, Debug, Default)]
pub struct Operation {
    /// Unique, `snake_case`.
    pub id: Cow<'static, str>,
    pub summary: Cow<'static, str>,
    pub tag: Cow<'static, str>,
    pub answers: Vec<Answer>,
    /// Codes beyond those every route of its access, body and class can give.
    pub errors: Vec<Code>,
}

#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub description: Cow<'static, str>,
    pub schema: Option<Schema>,
    /// Whether the answer carries `ETag: "<version>"`.
    pub has_etag: bool,
}

impl Route {
    pub fn new<D, F, Fut>(
        method: Method,
        path: impl Into<Cow<'static, str>>,
        id: impl Into<Cow<'static, str>>,
        deps: &D,
        handler: F,
    ) -> Self
    where
        D: Clone + Send + Sync + 'static,
        F: Fn(D, Call) -> Fut + Clone + Send + Sync + 'static,
        Fut: Future<Output = Result<Reply>> + Send + 'static,
    {
        let deps = deps.clone();
        Self {
            method,
            path: path.into(),
            access: Access::LoggedIn,
            class: Class::Standard,
            scopes: Vec::new(),
            step_up: None,
            body: Body::None,
            body_limit: None,
            query: Vec::new(),
            operation: Operation { id: id.into(), ..Operation::default() },
            handler: Arc::new(move |call| handler(deps.clone(), call).boxed()),
        }
    }

    #[must_use]
    pub fn access(mut self, access: Access) -> Self {
        self.access = access;
        self
    }

    #[must_use]
    pub fn class(mut self, class: Class) -> Self {
        self.class = class;
        self
    }

    /// Lets API keys call it that have one of these scopes.
    #[must_use]
    pub fn scopes(mut self, scopes: impl IntoIterator<Item = Scope>) -> Self {
        self.scopes.extend(scopes);
        self
    }

    /// Asks for a proof as strong and as fresh as this; services ask again.
    #[must_use]
    pub fn step_up(mut self, wanted: StepUp) -> Self {
        self.step_up = Some(wanted);
        self.operation.errors.push(Code::FreshLoginRequired);
        self
    }

    /// A JSON body of this shape, checked before the handler runs.
    #[must_use]
    pub fn body(mut self, schema: Schema) -> Self {
        self.body = Body::Json { schema, is_optional: false };
        self
    }

    #[must_use]
    pub fn optional_body(mut self, schema: Schema) -> Self {
        self.body = Body::Json { schema, is_optional: true };
        self
    }

    /// A record that its service checks.
    #[must_use]
    pub fn record_body(mut self, schema: Schema) -> Self {
        self.body = Body::Record { schema };
        self
    }

    /// Bodies of at most so many bytes, instead of the server's bound.
    #[must_use]
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body_limit = Some(bytes);
        self
    }

    #[must_use]
    pub fn query(mut self, fields: Vec<Field>) -> Self {
        self.query = fields;
        self
    }

    #[must_use]
    pub fn summary(mut self, tag: impl Into<Cow<'static, str>>, summary: impl Into<Cow<'static, str>>) -> Self {
        self.operation.tag = tag.into();
        self.operation.summary = summary.into();
        self
    }

    #[must_use]
    pub fn answers(mut self, status: StatusCode, description: &'static str, schema: Option<Schema>) -> Self {
        self.operation.answers.push(Answer { status, description: description.into(), schema, has_etag: false });
        self
    }

    /// The answers listed so far carry an `ETag`.
    #[must_use]
    pub fn etag(mut self) -> Self {
        for answer in &mut self.operation.answers {
            answer.has_etag = true;
        }
        self
    }

    #[must_use]
    pub fn errors(mut self, codes: &[Code]) -> Self {
        self.operation.errors.extend_from_slice(codes);
        self
    }

    /// Whether `If-Match` is asked for: where one record is changed whose version may be another.
    pub fn takes_if_match(&self) -> bool {
        self.method != Method::POST && self.operation.errors.contains(&Code::VersionMismatch)
    }

    /// Whether it is done once for an `Idempotency-Key`: every POST but those of accounts, whose answers carry tokens.
    pub fn takes_idempotency_key(&self) -> bool {
        self.method == Method::POST && !self.path.starts_with("/auth/")
    }

    /// The names in braces, in order.
    pub fn path_parameters(&self) -> impl Iterator<Item = &str> {
        self.path.split('/').filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
    }
}

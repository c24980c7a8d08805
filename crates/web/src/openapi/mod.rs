//! The OpenAPI 3.1 document, derived from the routes: what is not in the document is not served, and the other way round.
mod answers;

use std::collections::BTreeSet;

use http::Method;
use kernel::{Code, schema::Schema};
use serde_json::{Map, Value as Json, json};

use crate::{Access, Body, Route, Routes, csrf};

const JSON: &str = "application/json";
/// `*` or a list of entity tags (RFC 9110, 13.1.1).
const IF_MATCH: &str = r#"^(\*|(W/)?"[^"]*"(\s*,\s*(W/)?"[^"]*")*)$"#;
const MERGE_PATCH: &str = "application/merge-patch+json";

/// The document of a server with these routes.
pub fn document(title: &str, version: &str, public_url: &str, access_cookie: &str, routes: &Routes) -> Json {
    let mut paths = Map::<String, Json>::new();
    for route in routes {
        let path = paths.entry(&*route.path).or_insert_with(|| json!({}));
        if let Json::Object(path) = path {
            path.insert(route.method.as_str().to_ascii_lowercase(), operation(route));
        }
    }
    let tags: BTreeSet<&str> = routes.iter().map(|route| &*route.operation.tag).filter(|tag| !tag.is_empty()).collect();
    json!({
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "servers": [{"url": public_url}],
        "tags": tags.into_iter().map(|tag| json!({"name": tag})).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": {"Problem": answers::problem_schema()},
            "headers": answers::headers(),
            "securitySchemes": security_schemes(access_cookie),
        },
    })
}

fn security_schemes(access_cookie: &str) -> Json {
    json!({
        "bearer": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "JWT",
            "description": "An access token. With it, cookies are ignored.",
        },
        "cookie": {
            "type": "apiKey",
            "in": "cookie",
            "name": access_cookie,
            "description": format!(
                "For browsers. Writes must echo in {} the CSRF cookie that came with it.",
                csrf::TOKEN_HEADER
            ),
        },
        "api_key": {
            "type": "http",
            "scheme": "bearer",
            "bearerFormat": "hp_...",
            "description": "An API key, for programs; the scope it needs is listed with each operation.",
        },
        "api_key_header": {
            "type": "apiKey",
            "in": "header",
            "name": "X-API-Key",
            "description": "The same key in a header of its own. With it, cookies are ignored.",
        },
    })
}

/// The ways to prove who asks, any of which will do; for API keys with the scope that will do.
fn security(route: &Route) -> Vec<Json> {
    let mut ways = match route.access {
        Access::Public => return Vec::new(),
        Access::Rules => vec![json!({})],
        Access::LoggedIn | Access::Permission(_) => Vec::new(),
    };
    ways.extend([json!({"bearer": []}), json!({"cookie": []})]);
    for scope in &route.scopes {
        let scope = scope.to_string();
        ways.extend([json!({"api_key": [scope]}), json!({"api_key_header": [scope]})]);
    }
    ways
}

fn operation(route: &Route) -> Json {
    let mut operation = Map::new();
    operation.insert("operationId".into(), json!(route.operation.id));
    if !route.operation.summary.is_empty() {
        operation.insert("summary".into(), json!(route.operation.summary));
    }
    if !route.operation.tag.is_empty() {
        operation.insert("tags".into(), json!([route.operation.tag]));
    }
    operation.insert("security".into(), json!(security(route)));
    let parameters = parameters(route);
    if !parameters.is_empty() {
        operation.insert("parameters".into(), json!(parameters));
    }
    if let Some(body) = request_body(route) {
        operation.insert("requestBody".into(), body);
    }
    operation.insert("responses".into(), answers::responses(route));
    Json::Object(operation)
}

fn parameters(route: &Route) -> Vec<Json> {
    let path = route.path_parameters().map(
        |name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string", "minLength": 1}}),
    );
    let query = route.query.iter().map(|field| {
        let mut parameter =
            json!({"name": field.name, "in": "query", "required": field.is_required, "schema": field.kind.json_schema()});
        if let (Json::Object(parameter), false) = (&mut parameter, field.description.is_empty()) {
            parameter.insert("description".into(), json!(field.description));
        }
        parameter
    });
    let if_match = route.takes_if_match().then(|| {
        json!({
            "name": "If-Match",
            "in": "header",
            "required": route.operation.errors.contains(&Code::VersionRequired),
            "description": "The ETag the change is meant for.",
            "schema": {"type": "string", "pattern": IF_MATCH},
        })
    });
    let key = route.takes_idempotency_key().then(|| {
        json!({
            "name": "Idempotency-Key",
            "in": "header",
            "required": false,
            "description": "Whoever sends the same request with the same key again within 24 hours gets the first answer again, \
                            with Idempotency-Replayed, and nothing is done twice.",
            "schema": {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
        })
    });
    path.chain(query).chain(if_match).chain(key).collect()
}

fn request_body(route: &Route) -> Option<Json> {
    let (schema, is_required) = match &route.body {
        Body::None => return None,
        Body::Json { schema, is_optional } => (schema, !is_optional),
        Body::Record { schema } => (schema, true),
    };
    let mut content = content(JSON, schema);
    if let (Json::Object(content), true) = (&mut content, route.method == Method::PATCH) {
        content.insert(MERGE_PATCH.into(), json!({"schema": schema.json_schema()}));
    }
    Some(json!({"required": is_required, "content": content}))
}

fn content(media_type: &str, schema: &Schema) -> Json {
    json!({media_type: {"schema": schema.json_schema()}})
}

#[cfg(test)]
mod tests;

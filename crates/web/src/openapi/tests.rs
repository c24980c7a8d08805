//! Tests of the document.
use http::StatusCode;
use kernel::{
    Permission,
    schema::{Field, Kind},
};

use super::*;
use crate::{Call, Class, Reply};

fn route(method: Method, path: &'static str, id: &'static str) -> Route {
    Route::new(method, path, id, &(), |(), _: Call| async { Ok(Reply::no_content()) })
}

fn sample() -> Routes {
    let schema = Schema::new(vec![
        Field::required("title", Kind::text(200)).describe("Its name."),
        Field::optional("price", Kind::Decimal { precision: 10, scale: 2 }).nullable(),
        Field::optional("tags", Kind::Array { items: Box::new(Kind::text(20)), max: 5 }),
    ]);
    vec![
        route(Method::GET, "/livez", "live").access(Access::Public).class(Class::Probe).answers(
            StatusCode::OK,
            "Alive.",
            None,
        ),
        route(Method::POST, "/auth/v1/login", "log_in")
            .access(Access::Public)
            .class(Class::Credentials)
            .body(schema.clone())
            .summary("auth", "Log in")
            .errors(&[Code::InvalidCredentials]),
        route(Method::GET, "/api/v1/documents", "list_documents")
            .access(Access::Rules)
            .query(vec![Field::optional("limit", Kind::Int { min: 1, max: 200 }).describe("How many.")])
            .summary("documents", "List documents"),
        route(Method::PATCH, "/api/v1/documents/{id}", "update_document")
            .access(Access::Rules)
            .record_body(schema.clone())
            .answers(StatusCode::OK, "The document.", Some(schema.clone()))
            .etag()
            .errors(&[Code::VersionMismatch]),
        route(Method::DELETE, "/api/v1/documents/{id}", "delete_document").answers(
            StatusCode::NO_CONTENT,
            "Gone.",
            None,
        ),
        route(Method::GET, "/admin/v1/users", "list_users").access(Access::Permission(Permission::ReadUsers)),
        route(Method::POST, "/auth/v1/logout", "log_out").access(Access::Public).optional_body(schema),
    ]
}

fn of(path: &str, method: &str) -> Json {
    document("notes", "1", "https://notes.example", "__Host-hardpan_access", &sample())["paths"][path][method].clone()
}

fn statuses(operation: &Json) -> Vec<String> {
    let mut statuses: Vec<_> = operation["responses"].as_object().unwrap().keys().cloned().collect();
    // In which order an object keeps its members depends on features of serde_json that others turn on.
    statuses.sort();
    statuses
}

#[test]
fn every_answer_a_route_can_give_is_there() {
    assert_eq!(statuses(&of("/livez", "get")), ["200", "400", "500", "503", "504"]);
    assert_eq!(
        statuses(&of("/auth/v1/login", "post")),
        ["400", "401", "403", "413", "415", "422", "429", "500", "503", "504", "default"]
    );
    assert_eq!(
        statuses(&of("/api/v1/documents/{id}", "patch")),
        ["200", "400", "401", "403", "404", "412", "413", "415", "422", "429", "500", "503", "504"]
    );
    assert_eq!(statuses(&of("/admin/v1/users", "get")), ["400", "401", "403", "429", "500", "503", "504", "default"]);
}

#[test]
fn parameters_and_bodies_come_from_the_route() {
    let list = of("/api/v1/documents", "get");
    assert_eq!(
        list["parameters"],
        json!([{
            "name": "limit", "in": "query", "required": false, "description": "How many.",
            "schema": {"type": "integer", "format": "int64", "minimum": 1, "maximum": 200},
        }])
    );
    let update = of("/api/v1/documents/{id}", "patch");
    assert_eq!(update["parameters"][0]["name"], "id");
    assert_eq!(update["parameters"][1]["name"], "If-Match");
    for media_type in [JSON, MERGE_PATCH] {
        assert!(update["requestBody"]["content"][media_type].is_object());
    }
    assert!(update["responses"]["200"]["headers"]["ETag"].is_object());
    assert_eq!(of("/auth/v1/logout", "post")["requestBody"]["required"], false);
}

#[test]
fn every_published_code_is_listed() {
    let document = document("notes", "1", "https://notes.example", "__Host-hardpan_access", &sample());
    let codes = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    assert_eq!(codes.as_array().unwrap().len(), Code::ALL.len());
}

#[test]
fn access_becomes_security() {
    assert_eq!(of("/auth/v1/login", "post")["security"], json!([]));
    assert_eq!(of("/api/v1/documents", "get")["security"], json!([{}, {"bearer": []}, {"cookie": []}]));
    assert_eq!(of("/admin/v1/users", "get")["security"], json!([{"bearer": []}, {"cookie": []}]));
}

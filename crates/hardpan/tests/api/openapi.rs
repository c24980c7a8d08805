//! The OpenAPI document says what is served, and nothing else. That every answer's status and shape is declared is checked on
//! every answer of every test, by `support/contract.rs`.
use std::collections::BTreeSet;

use serde_json::{Value as Json, json};
use web::{Access, Body};

use crate::support::{CODES, PRODUCTION, TestApp, on_both, on_both_with};

async fn served(app: &TestApp) -> Json {
    app.get("/openapi.json").send().await.expect(200).json()
}

/// Every operation of a document: `(method, path, operation)`.
fn operations(document: &Json) -> Vec<(String, String, Json)> {
    let paths = document["paths"].as_object().unwrap().iter();
    let methods = paths.flat_map(|(path, methods)| {
        let methods = methods.as_object().unwrap().iter();
        methods.map(|(method, operation)| (method.to_uppercase(), path.clone(), operation.clone())).collect::<Vec<_>>()
    });
    methods.collect()
}

/// The operation of this id.
fn operation(document: &Json, id: &str) -> Json {
    let found = operations(document).into_iter().find(|(_, _, operation)| operation["operationId"] == id);
    found.unwrap_or_else(|| panic!("no operation {id}")).2
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_lists_exactly_the_routes() {
    on_both(async |app| {
        let listed: BTreeSet<(String, String)> =
            operations(&served(&app).await).into_iter().map(|(method, path, _)| (method, path)).collect();
        let routed: BTreeSet<(String, String)> =
            app.routes().iter().map(|route| (route.method.to_string(), route.path.to_string())).collect();
        let missing: Vec<_> = routed.difference(&listed).collect();
        let invented: Vec<_> = listed.difference(&routed).collect();
        assert!(
            missing.is_empty() && invented.is_empty(),
            "not in the document: {missing:?}; not served: {invented:?}"
        );
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_server_and_the_command_give_one_document() {
    on_both(async |app| {
        let command = app.server.document();
        let (served, command) = (operations(&served(&app).await), operations(&command));
        let names = |operations: &[(String, String, Json)]| -> Vec<String> {
            operations.iter().map(|(method, path, _)| format!("{method} {path}")).collect()
        };
        assert_eq!(names(&served), names(&command));
        assert_eq!(served, command);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_says_what_its_route_is() {
    on_both(async |app| {
        let document = app.server.document();
        for route in app.routes() {
            let operation = operation(&document, &route.operation.id);
            let id = &route.operation.id;
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{id} has no summary");
            assert!(operation["tags"][0].is_string(), "{id} has no tag");
            let open = json!([]);
            match route.access {
                Access::Public => assert_eq!(operation["security"], open, "{id}"),
                Access::Rules => assert_eq!(operation["security"][0], json!({}), "{id}"),
                _ => {
                    let scopes = route.scopes.iter().map(ToString::to_string);
                    let by_keys =
                        scopes.flat_map(|scope| [json!({"api_key": [scope]}), json!({"api_key_header": [scope]})]);
                    let ways = [json!({"bearer": []}), json!({"cookie": []})].into_iter().chain(by_keys);
                    assert_eq!(operation["security"], ways.collect::<Json>(), "{id}");
                }
            }
            let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
            let named = |place: &str| -> Vec<String> {
                let of_place = parameters.iter().filter(|parameter| parameter["in"] == place);
                of_place.map(|parameter| parameter["name"].as_str().unwrap().to_owned()).collect()
            };
            assert_eq!(named("path"), route.path_parameters().collect::<Vec<_>>(), "{id}");
            assert_eq!(
                named("query"),
                route.query.iter().map(|field| field.name.to_string()).collect::<Vec<_>>(),
                "{id}"
            );
            let required = match route.body {
                Body::None => json!(null),
                Body::Json { is_optional, .. } => json!(!is_optional),
                Body::Record { .. } => json!(true),
            };
            assert_eq!(operation["requestBody"]["required"], required, "{id}");
            let statuses: Vec<&str> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
            assert!(statuses.iter().any(|status| status.starts_with(['2', '3'])), "{id} never succeeds: {statuses:?}");
            for status in ["400", "500", "503"] {
                assert!(statuses.contains(&status), "{id} declares no {status}");
            }
        }
        assert_eq!(operations(&document).len(), app.routes().len());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn if_match_is_required_where_the_resource_requires_it_alone() {
    on_both(async |app| {
        let document = served(&app).await;
        for resource in app.resources() {
            for verb in ["update", "delete"] {
                let operation = operation(&document, &format!("{verb}_{}", resource.name));
                let parameters = operation["parameters"].as_array().unwrap();
                let if_match = parameters.iter().find(|parameter| parameter["name"] == "If-Match").unwrap();
                assert_eq!(if_match["required"], resource.requires_if_match, "{verb} {}", resource.name);
                let declares = operation["responses"].get("428").is_some();
                assert_eq!(declares, resource.requires_if_match, "{verb} {} and 428", resource.name);
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_published_codes_are_these() {
    on_both(async |app| {
        let document = served(&app).await;
        let listed = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
        let expected: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed, &json!(expected));
        // Each has a status, and it is told which of them an operation answers with.
        for (method, path, operation) in operations(&document) {
            for (status, response) in operation["responses"].as_object().unwrap() {
                let description = response["description"].as_str().unwrap();
                for code in description.split('`').skip(1).step_by(2) {
                    let found = CODES.iter().find(|(name, _)| *name == code);
                    assert_eq!(
                        found.map(|(_, status)| status.to_string()).as_ref(),
                        Some(status),
                        "{method} {path}: {code}"
                    );
                }
            }
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_reference_leads_somewhere() {
    on_both(async |app| {
        let document = served(&app).await;
        let mut references = BTreeSet::new();
        collect(&document, &mut references);
        assert!(references.len() > 5, "{references:?}");
        for reference in references {
            let pointer = reference.strip_prefix('#').unwrap_or_else(|| panic!("{reference} leads elsewhere"));
            assert!(document.pointer(pointer).is_some(), "{reference} leads nowhere");
        }
    })
    .await;
}

fn collect(json: &Json, references: &mut BTreeSet<String>) {
    match json {
        Json::Object(members) => {
            references.extend(members.get("$ref").and_then(Json::as_str).map(str::to_owned));
            members.values().for_each(|member| collect(member, references));
        }
        Json::Array(items) => items.iter().for_each(|item| collect(item, references)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_knows_where_it_is_served() {
    on_both_with(&PRODUCTION, async |app| {
        let admin = app.person("admin@example.com", &["admin"]).await;
        let document = app.get("/openapi.json").bearer(&admin.token).send().await.expect(200).json();
        assert_eq!(document["openapi"], "3.1.0");
        assert_eq!(document["servers"], json!([{"url": "https://tested.example"}]));
        assert_eq!(document["components"]["securitySchemes"]["cookie"]["name"], "__Host-hardpan_access");
    })
    .await;
}

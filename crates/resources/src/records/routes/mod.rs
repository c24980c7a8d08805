//! HTTP for records: the routes of each declared resource.
mod read;
mod write;

use std::sync::Arc;

use kernel::{
    Code, Error, Result, Uuid, id, rule,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Method, Route, Routes, StatusCode};

use super::Records;
use crate::schema::Resource;

/// What a handler works with: the service and the resource of its route.
type Deps = (Records, Arc<Resource>);

/// Longest cursor and longest list of sort keys, in characters. A cursor holds 1,000 characters of up to four bytes, in base 64.
const PARAMETER_LENGTH: usize = 6_144;

pub fn routes(records: &Records) -> Routes {
    records.declaration().resources.iter().flat_map(|resource| resource_routes(records, resource)).collect()
}

fn resource_routes(records: &Records, resource: &Arc<Resource>) -> Routes {
    let deps: Deps = (records.clone(), Arc::clone(resource));
    let name = &resource.name;
    let path = format!("/api/v1/{name}");
    let one = format!("{path}/{{id}}");
    let route = |method, path: &str, verb: &str| {
        let operation = format!("{verb}_{name}");
        match verb {
            "list" => Route::new(method, path.to_owned(), operation, &deps, read::list),
            _ => Route::new(method, path.to_owned(), operation, &deps, read::get),
        }
        .access(Access::Rules)
    };
    let mut routes = vec![
        route(Method::GET, &path, "list")
            .query(vec![
                Field::optional("filter", Kind::text(rule::MAX_LENGTH))
                    .describe("A CEL expression over `record`: `record.favourite && record.title.startsWith('A')`."),
                Field::optional("sort", Kind::text(PARAMETER_LENGTH)).describe(
                    "Fields to sort by, `-` before a name for descending: `-created_at,title`. By default `id`.",
                ),
                Field::optional("limit", Kind::Int { min: 1, max: 200 }).describe("1 to 200, by default 50."),
                Field::optional("after", Kind::text(PARAMETER_LENGTH)).describe("`next` of the page before."),
            ])
            .summary(name.clone(), format!("A page of {name} that the caller may read."))
            .answers(StatusCode::OK, "A page.", Some(page(resource.output())))
            .errors(&[Code::BadCursor]),
        route(Method::GET, &one, "get")
            .summary(name.clone(), format!("Reads one of {name}."))
            .answers(StatusCode::OK, "The record.", Some(resource.output()))
            .etag()
            .errors(&[Code::NotFound]),
    ];
    routes.extend(write::routes(&deps, resource));
    routes
}

/// `{items, next}`.
fn page(item: Schema) -> Schema {
    Schema::new(vec![
        Field::required("items", Kind::Array { items: Box::new(Kind::Object(item)), max: 200 }),
        Field::required("next", Kind::text(PARAMETER_LENGTH)).nullable().describe("Give it as `after` to go on."),
    ])
}

fn record_id(call: &Call, resource: &Resource) -> Result<Uuid> {
    id::decode(&resource.id_prefix, call.param("id")?).ok_or_else(|| Error::new(Code::NotFound))
}

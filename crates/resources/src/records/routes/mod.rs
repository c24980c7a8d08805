//! HTTP for records: the routes of each declared resource.
mod aggregate;
mod parameters;
mod read;
mod write;

use std::sync::Arc;

use kernel::{Code, Error, Operation, Result, Scope, Uuid, id};
use web::{Access, Call, Method, Route, Routes, StatusCode};

use super::Records;
use crate::schema::Resource;

/// What a handler works with: the service and the resource of its route.
type Deps = (Records, Arc<Resource>);

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
        .scopes([Scope::of(name, Operation::Read)])
    };
    let mut routes = vec![
        route(Method::GET, &path, "list")
            .query(parameters::list(resource))
            .summary(name.clone(), format!("A page of {name} that the caller may read."))
            .answers(StatusCode::OK, "A page.", Some(parameters::page(records, resource)))
            .errors(&[Code::BadCursor]),
        aggregate::route(&deps, &path),
        route(Method::GET, &one, "get")
            .query(parameters::parts(resource))
            .summary(name.clone(), format!("Reads one of {name}."))
            .answers(StatusCode::OK, "The record.", Some(parameters::part(records, resource)))
            .etag()
            .errors(&[Code::NotFound]),
    ];
    routes.extend(write::routes(&deps, resource));
    routes
}

fn record_id(call: &Call, resource: &Resource) -> Result<Uuid> {
    id::decode(&resource.id_prefix, call.param("id")?).ok_or_else(|| Error::new(Code::NotFound))
}

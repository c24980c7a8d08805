//! Writing over HTTP.
use std::future::Future;

use kernel::{
    Code, Operation, Result, Scope,
    schema::{Field, Kind, Schema},
};
use web::{Access, Call, Method, Reply, Route, Routes, StatusCode, call::IfMatch};

use super::{
    super::{Condition, MOST_OPERATIONS, Shown},
    Deps, record_id,
};
use crate::schema::Resource;

/// Most bytes of a batch: 4 KiB for each of 1,000 operations.
const BATCH_BYTES: usize = 4 * 1024 * 1024;

pub(super) fn routes(deps: &Deps, resource: &Resource) -> Routes {
    let name = &resource.name;
    let path = format!("/api/v1/{name}");
    let one = format!("{path}/{{id}}");
    let record = || Some(resource.output());
    let mut changes = vec![Code::NotFound, Code::Forbidden, Code::VersionMismatch];
    if resource.requires_if_match {
        changes.push(Code::VersionRequired);
    }
    let mut routes = vec![
        create_route(deps, resource, &path),
        route(deps, Method::PATCH, &one, "update", update)
            .record_body(resource.patch())
            .summary(name.clone(), format!("Changes one of {name} by a JSON Merge Patch."))
            .answers(StatusCode::OK, "The record as it is now.", record())
            .etag()
            .errors(&changes)
            .errors(&[Code::UniqueViolation]),
        route(deps, Method::PUT, &one, "replace", replace)
            .record_body(resource.input())
            .summary(name.clone(), format!("Replaces every field of one of {name} that the caller may write."))
            .answers(StatusCode::OK, "The record as it is now.", record())
            .etag()
            .errors(&changes)
            .errors(&[Code::UniqueViolation]),
        route(deps, Method::DELETE, &one, "delete", delete)
            .summary(name.clone(), format!("Deletes one of {name}."))
            .answers(StatusCode::NO_CONTENT, "It is gone.", None)
            .errors(&changes)
            .errors(&[Code::ReferenceViolation]),
        route(deps, Method::POST, &format!("{path}/batch"), "batch", batch)
            .record_body(batch_input(resource))
            .body_limit(BATCH_BYTES)
            .summary(
                name.clone(),
                format!("Deletes, changes and creates up to {MOST_OPERATIONS} of {name}, all or none."),
            )
            .answers(StatusCode::OK, "What was done, in the order it was asked for.", Some(batch_output(resource)))
            .errors(&changes)
            .errors(&[Code::UniqueViolation, Code::ReferenceViolation]),
    ];
    if resource.is_soft_deleted {
        routes.push(
            route(deps, Method::POST, &format!("{one}/restore"), "restore", restore)
                .summary(name.clone(), format!("Takes back the deletion of one of {name}."))
                .answers(StatusCode::OK, "The record as it is now.", record())
                .etag()
                .errors(&[Code::NotFound, Code::UniqueViolation]),
        );
    }
    routes
}

fn route<F, Fut>(deps: &Deps, method: Method, path: &str, verb: &str, handler: F) -> Route
where
    F: Fn(Deps, Call) -> Fut + Clone + Send + Sync + 'static,
    Fut: Future<Output = Result<Reply>> + Send + 'static,
{
    Route::new(method, path.to_owned(), format!("{verb}_{}", deps.1.name), deps, handler)
        .access(Access::Rules)
        .scopes(operations(verb).iter().map(|operation| Scope::of(&deps.1.name, *operation)))
}

/// What a route does, or one of it.
fn operations(verb: &str) -> &'static [Operation] {
    match verb {
        "create" => &[Operation::Create],
        "delete" | "restore" => &[Operation::Delete],
        "batch" => &[Operation::Create, Operation::Update, Operation::Delete],
        _ => &[Operation::Update],
    }
}

/// With `upsert` where there is a key to know records by. Where changes must name a version, an upsert could not.
fn create_route(deps: &Deps, resource: &Resource, path: &str) -> Route {
    let name = &resource.name;
    let create = route(deps, Method::POST, path, "create", create)
        .record_body(resource.input())
        .summary(name.clone(), format!("Creates one of {name}."))
        .answers(StatusCode::CREATED, "The record as it was stored.", Some(resource.output()))
        .errors(&[Code::Forbidden, Code::UniqueViolation]);
    let keys = resource.unique_keys();
    if keys.is_empty() || resource.requires_if_match {
        return create.etag();
    }
    let keys = keys.into_iter().map(|key| key.join(",").into()).collect();
    create
        .query(vec![Field::optional("upsert", Kind::Enum(keys)).describe(
            "Changes the record that has the same values in these fields, if there is one the caller may read and change.",
        )])
        .answers(StatusCode::OK, "The record was there and is changed.", Some(resource.output()))
        .etag()
}

/// `{create, update: [{id, version, changes}], delete: [{id, version}]}`.
fn batch_input(resource: &Resource) -> Schema {
    let list = |schema| Kind::Array { items: Box::new(Kind::Object(schema)), max: MOST_OPERATIONS };
    let target = || {
        let version = Field { is_required: resource.requires_if_match, ..Field::optional("version", Kind::any_int()) };
        vec![
            Field::required("id", Kind::Id(resource.id_prefix.clone().into())),
            version.describe("The version the operation is meant for."),
        ]
    };
    let mut update = target();
    update.push(Field::required("changes", Kind::Object(resource.patch())).describe("A JSON Merge Patch."));
    Schema::new(vec![
        Field::optional("create", list(resource.input())),
        Field::optional("update", list(Schema::new(update))),
        Field::optional("delete", list(Schema::new(target()))).describe("An id alone stands for `{id}`."),
    ])
}

fn batch_output(resource: &Resource) -> Schema {
    let list = || Kind::Array { items: Box::new(Kind::Object(resource.output())), max: MOST_OPERATIONS };
    Schema::new(vec![
        Field::required("created", list()),
        Field::required("updated", list()),
        Field::required("deleted", Kind::Int { min: 0, max: 1_000 }),
    ])
}

async fn create((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let body = call.object()?;
    if let Some(key) = call.query("upsert") {
        let key: Vec<String> = key.split(',').map(str::to_owned).collect();
        let upserted = records.upsert(&call.ctx, &resource, &key, body).await?;
        let record = upserted.record;
        return if upserted.is_new { created(&record) } else { Reply::ok(&record)?.etag(record.version()) };
    }
    created(&records.create(&call.ctx, &resource, body).await?)
}

fn created(record: &Shown) -> Result<Reply> {
    let location = format!("/api/v1/{}/{}", record.resource.name, record.shown_id()?);
    Reply::created(&location, record)?.etag(record.version())
}

async fn update((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let condition = condition(&call)?;
    let body = call.object()?;
    let record = records.update(&call.ctx, &resource, id, condition, body).await?;
    Reply::ok(&record)?.etag(record.version())
}

async fn replace((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let condition = condition(&call)?;
    let body = call.object()?;
    let record = records.replace(&call.ctx, &resource, id, condition, body).await?;
    Reply::ok(&record)?.etag(record.version())
}

async fn delete((records, resource): Deps, call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    records.delete(&call.ctx, &resource, id, condition(&call)?).await?;
    Ok(Reply::no_content())
}

/// What `If-Match` asks for.
fn condition(call: &Call) -> Result<Option<Condition>> {
    Ok(call.if_match()?.map(|asked| match asked {
        IfMatch::Any => Condition::Any,
        IfMatch::Versions(versions) => Condition::Versions(versions),
    }))
}

async fn restore((records, resource): Deps, call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let record = records.restore(&call.ctx, &resource, id).await?;
    Reply::ok(&record)?.etag(record.version())
}

async fn batch((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let body = call.object()?;
    Reply::ok(&records.batch(&call.ctx, &resource, body).await?)
}

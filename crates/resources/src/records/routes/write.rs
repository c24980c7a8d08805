//! Writing over HTTP.
use kernel::Result;
use web::{Call, Reply};

use super::{Deps, record_id};

pub(super) async fn create((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let body = call.object()?;
    let record = records.create(&call.ctx, &resource, body).await?;
    let location = format!("/api/v1/{}/{}", resource.name, record.shown_id()?);
    Reply::created(&location, &record)?.etag(record.version())
}

pub(super) async fn update((records, resource): Deps, mut call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let if_match = call.if_match()?;
    let body = call.object()?;
    let record = records.update(&call.ctx, &resource, id, if_match, body).await?;
    Reply::ok(&record)?.etag(record.version())
}

pub(super) async fn delete((records, resource): Deps, call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    records.delete(&call.ctx, &resource, id, call.if_match()?).await?;
    Ok(Reply::no_content())
}

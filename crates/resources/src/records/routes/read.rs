//! Reading over HTTP.
use kernel::Result;
use web::{Call, Reply};

use super::{super::ListQuery, Deps, record_id};

pub(super) async fn get((records, resource): Deps, call: Call) -> Result<Reply> {
    let id = record_id(&call, &resource)?;
    let record = records.get(&call.ctx, &resource, id).await?;
    Reply::ok(&record)?.etag(record.version())
}

pub(super) async fn list((records, resource): Deps, call: Call) -> Result<Reply> {
    let text = |name| call.query(name).map(str::to_owned);
    let query = ListQuery { filter: text("filter"), sort: text("sort"), limit: call.limit()?, after: text("after") };
    Reply::ok(&records.list(&call.ctx, &resource, query).await?)
}
